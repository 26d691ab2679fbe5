"""CIFAR-10 (Krizhevsky 2009)."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "CIFAR-10 (Krizhevsky 2009)",
    (3, 32, 32),
    ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    train=(5000,) * 10,
    test=(1000,) * 10,
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import CIFAR10

    from collapse_cli.data import vision

    return vision.load(
        "cifar10",
        split,
        FACTS.classes,
        root,
        download,
        lambda split: CIFAR10(root, train=split == "train", download=download),
    )
