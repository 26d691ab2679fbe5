"""Street View House Numbers (Netzer et al. 2011)."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "Street View House Numbers (Netzer et al. 2011)",
    (3, 32, 32),
    tuple("0123456789"),
    train=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
    test=(1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import SVHN

    from collapse_cli.data import vision

    return vision.load(
        "svhn", split, FACTS.classes, root, download, lambda split: SVHN(root, split=split, download=download)
    )
