"""Names of files with numbers in them: which number counts shards of one set, and which is a point of a series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

SERIES = {
    "epoch", "epochs", "ep", "e", "step", "steps", "iter", "iters", "iteration", "global_step", "layer", "layers", "block",
    "blocks", "stage", "depth", "head", "seed", "fold", "trial", "run", "exp", "experiment", "version", "ver", "v", "model",
    "ckpt", "checkpoint", "view", "crop", "aug", "task", "round", "size", "dim", "width", "temperature", "lr",
}  # fmt: skip
"""Words before a number that is no part of one set: another number is another network, layer, view or setting."""

SHARDS = {
    "shard", "shards", "part", "parts", "chunk", "chunks", "batch", "batches", "rank", "worker", "gpu", "proc", "process", "node",
    "piece", "slice", "bucket", "file", "rows", "s", "p",
}  # fmt: skip
"""Words before a number that counts shards, however many are missing."""

TOTAL = "of"  # before the number of all shards
MANY = 100_000  # shards


@dataclass(frozen=True)
class Name:
    """A name, as `img_emb/part-3-of-8`: texts between its numbers, and the numbers."""

    texts: tuple[str, ...]
    numbers: tuple[int, ...]

    @classmethod
    def of(cls, path: PurePath) -> Name:
        """Of a path within a folder, without its suffix."""
        pieces = re.split(r"(\d+)", path.with_suffix("").as_posix())
        return cls(tuple(pieces[::2]), tuple(int(piece) for piece in pieces[1::2]))

    @property
    def words(self) -> tuple[str, ...]:
        """The word before each number, in small letters: `part` and `of`."""
        matches = (re.search(r"([A-Za-z]*)[^A-Za-z]*$", text) for text in self.texts[:-1])
        return tuple(match[1].lower() if match else "" for match in matches)

    def without(self, place: int) -> str:
        """The name with a star for one of its numbers."""
        marks = ["*" if at == place else str(number) for at, number in enumerate(self.numbers)]
        return "".join(text + mark for text, mark in zip(self.texts, [*marks, ""], strict=True))


def natural(name: str) -> list[tuple[int, str]]:
    """A key by which 10 comes after 2, wherever numbers stand in a name."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def total(name: Name) -> tuple[int, int] | None:
    """The place of a counter, and the number of all shards that the name declares after it, as `part-3-of-8` does."""
    place = next((at for at, word in enumerate(name.words) if word == TOTAL and at), 0)
    return (place - 1, name.numbers[place]) if place else None


def varying(names: Sequence[Name]) -> list[int]:
    """The places of the numbers in which names of the same texts differ."""
    every = zip(*(name.numbers for name in names), strict=True)
    return [place for place, numbers in enumerate(every) if len(set(numbers)) > 1]


def counter(names: Sequence[Name]) -> int | None:
    """The place of the number that counts shards, the last that differs and is no point of a series; None where none does."""
    counting = [place for place in varying(names) if names[0].words[place] not in SERIES]
    return counting[-1] if counting else None


def axis(names: Sequence[Name]) -> list[int]:
    """The places of the numbers that are points of a series, and differ, among names of the same texts."""
    return [place for place in varying(names) if names[0].words[place] in SERIES]


def count_shards(word: str, numbers: Sequence[int], lengths: Sequence[int]) -> bool:
    """Whether numbers, in order, count files of these lengths: by their word, one by one, or by the rows before each."""
    if len(set(numbers)) < len(numbers):
        return False
    if word in SHARDS or one_by_one(numbers):
        return True
    return all(b - a == length for a, b, length in zip(numbers, numbers[1:], lengths, strict=False))


def one_by_one(numbers: Sequence[int]) -> bool:
    """Whether at least half of the numbers between the least and the greatest are there."""
    return max(numbers) - min(numbers) < 2 * len(numbers)


def missing(numbers: Sequence[int], total: int | None = None) -> list[int]:
    """What is left out of numbers that count one by one; of a declared total from 0, or to the total itself, at the ends too."""
    first, last = min(numbers), max(numbers)
    if total is not None and last <= total <= MANY:
        first = min(first, 1 if last == total else 0)
        last = max(last, first + total - 1)
    return sorted(set(range(first, last + 1)) - set(numbers))
