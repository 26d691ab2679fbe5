"""CIFAR-100 (Krizhevsky 2009), fine labels."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

CLASSES = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
    camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
    dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
    leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
    otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
    sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
    """.split()
)

FACTS = Facts(
    "CIFAR-100 (Krizhevsky 2009), fine labels",
    (3, 32, 32),
    CLASSES,
    train=(500,) * 100,
    test=(100,) * 100,
)


def load(split: str, root: Path, download: bool) -> Images:
    """From torchvision's files under `root`."""
    from torchvision.datasets import CIFAR100

    from collapse_cli.data import vision

    return vision.load(
        "cifar100",
        split,
        FACTS.classes,
        root,
        download,
        lambda split: CIFAR100(root, train=split == "train", download=download),
    )
