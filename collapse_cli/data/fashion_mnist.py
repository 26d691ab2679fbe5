"""Fashion-MNIST (Xiao et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "Fashion-MNIST (Xiao et al. 2017)",
    (1, 28, 28),
    (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    train=(6000,) * 10,
    test=(1000,) * 10,
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import FashionMNIST

    from collapse_cli.data import vision

    return vision.load(
        "fashion_mnist",
        split,
        FACTS.classes,
        root,
        download,
        lambda split: FashionMNIST(root, train=split == "train", download=download),
    )
