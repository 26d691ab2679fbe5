"""STL-10 (Coates et al. 2011), labelled images."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "STL-10 (Coates et al. 2011), labelled images",
    (3, 96, 96),
    ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
    train=(500,) * 10,
    test=(800,) * 10,
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import STL10

    from collapse_cli.data import vision

    return vision.load(
        "stl10",
        split,
        FACTS.classes,
        root,
        download,
        lambda split: STL10(root, split=split, download=download),
    )
