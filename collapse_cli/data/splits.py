"""Which part of a data set is `train`, and which is `test`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError

TEST = ("test", "val", "valid", "validation")  # the first of these that is there is the test split
WORDS = ("train", *TEST)
SYNONYMS = {"training": "train", "testing": "test"}


class NoSplit(CollapseError):
    """A source lacks a split that was asked for, or no image of it can be used: others may be there."""


class Unlabelled(CollapseError):
    """A split has images, and none of them has a label where labels were asked for."""


def word(name: str) -> str:
    """The split that the name of a folder tells, in any case of its letters; "" for another name."""
    lowered = name.lower()
    lowered = SYNONYMS.get(lowered, lowered)
    return lowered if lowered in WORDS else ""


def take(words: Sequence[str], split: str, path: Path) -> list[int]:
    """The items of `split`, where words[i] is the split that the i-th item's name tells; "" belongs to none.

    Raises NoSplit where no item is of that split, so that train never stands in for a missing test.
    """
    present = [word for word in WORDS if word in words]
    test = [word for word in TEST if word in present][:1]
    accepted = {"train": ["train"], "test": test, "all": present}[split]
    items = [i for i, word in enumerate(words) if word in accepted]
    if not items:
        raise NoSplit(f"{path} has no {split} split", f"it has: {', '.join(present)}")
    return items


def left_out(words: Sequence[str], split: str, count: int) -> tuple[DataNote, ...]:
    """Images (N = `count`) that `split` leaves out though nobody asked for it; words: as in `take`, empty where `cut` is used."""
    if split == "all":
        return ()
    remedy = "--split all uses every image"
    if not any(words):
        used, part = len(cut(count, split)), "test" if split == "train" else "train"
        what = f"left out: the set has no splits, and an 80 : 20 cut makes these the {part} part"
        return (DataNote("held out", count - used, count, "images", what, remedy),) if used < count else ()
    present = [word for word in TEST if word in words]
    return tuple(
        DataNote("left out", words.count(word), count, "images",
                 f"left out: they are in {word}, and the test split is {present[0]}", remedy)
        for word in present[1:]
    )  # fmt: skip


def cut(count: int, split: str) -> list[int]:
    """A source without splits of its own, cut 80 : 20 in an order that never changes; `all` is everything."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).tolist()
    first = round(count * 0.8)
    return sorted({"train": order[:first], "test": order[first:], "all": order}[split])
