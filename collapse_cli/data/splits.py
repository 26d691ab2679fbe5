"""Which part of a data set is `train`, and which is `test`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError

TEST = ("test", "val", "valid", "validation")  # the first of these that is there is the test split
WORDS = ("train", *TEST)


def take(words: Sequence[str], split: str, path: Path) -> list[int]:
    """The items of `split`, where words[i] is the split that the i-th item's name tells; "" belongs to none.

    Raises CollapseError where no item is of that split, so that train never stands in for a missing test.
    """
    present = [word for word in WORDS if word in words]
    test = [word for word in TEST if word in present][:1]
    accepted = {"train": ["train"], "test": test, "all": present}[split]
    items = [i for i, word in enumerate(words) if word in accepted]
    if not items:
        raise CollapseError(f"{path} has no {split} split", f"it has: {', '.join(present)}")
    return items


def cut(count: int, split: str) -> list[int]:
    """A source without splits of its own, cut 80 : 20 in an order that never changes; `all` is everything."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0)).tolist()
    first = round(count * 0.8)
    return sorted({"train": order[:first], "test": order[first:], "all": order}[split])


def unused(words: Sequence[str], count: int, split: str) -> tuple[DataNote, ...]:
    """What a split of `count` items leaves out, as notes; words as for `take`, all "" where the source was cut."""
    total = len(words)
    if not any(words):
        if split == "all":
            return ()
        part = (
            "a fifth, which is held out for testing" if split == "train" else "the four fifths for training"
        )
        what = f"left out: {part}, for the data have no splits of their own"
        return (DataNote("left out", total - count, total, "images", what, "--split all uses them"),)
    tests = [word for word in TEST if word in words]
    passed = [word for word in tests[1:] if split == "test"]
    return tuple(
        DataNote(
            "left out",
            words.count(word),
            total,
            "images",
            f"left out: {tests[0]} is the test split, not {word}",
        )
        for word in passed
    )
