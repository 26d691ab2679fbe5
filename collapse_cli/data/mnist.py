"""MNIST (LeCun et al. 1998)."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "MNIST (LeCun et al. 1998)",
    (1, 28, 28),
    tuple("0123456789"),
    train=(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    test=(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import MNIST

    from collapse_cli.data import vision

    return vision.load(
        "mnist",
        split,
        FACTS.classes,
        root,
        download,
        lambda split: MNIST(root, train=split == "train", download=download),
    )
