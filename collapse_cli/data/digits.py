"""The 1,797 handwritten digits that ship with scikit-learn (Alpaydin & Kaynak 1998)."""

from __future__ import annotations

from pathlib import Path

from collapse_cli.data.facts import Facts
from collapse_cli.shapes import Images

FACTS = Facts(
    "handwritten digits, shipped with scikit-learn",
    (1, 8, 8),
    tuple("0123456789"),
    train=(133, 136, 133, 137, 136, 136, 136, 134, 131, 135),
    test=(45, 46, 44, 46, 45, 46, 45, 45, 43, 45),
)


def load(split: str, root: Path, download: bool) -> Images:
    """Grey 8x8, the 17 levels spread over 0..255. The split, 1,347 and 450 stratified, is one and the same for every seed."""
    import numpy
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    found = load_digits()
    rows = numpy.arange(len(found.target))
    train, test = train_test_split(rows, test_size=450, stratify=found.target, random_state=0)
    chosen = {"train": train, "test": test, "all": rows}[split]
    pixels = torch.from_numpy(numpy.rint(found.images[chosen] * 255 / 16).astype(numpy.uint8)).unsqueeze(1)
    return Images(pixels, torch.from_numpy(found.target[chosen]).long(), FACTS.classes, f"digits/{split}")
