"""The arrays of a folder: what each may be, which agree, and the sets that they make."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

from collapse_cli.runs import shards
from collapse_cli.runs.counters import Name

LABEL_WORDS = {"label", "labels", "target", "targets", "y", "class", "classes", "classid", "classids", "gt"}
ROW_WORDS = {"x", "z", "h", "emb", "embs", "embedding", "embeddings", "feat", "feats", "feature", "features", "rows", "data",
             "vectors", "representations", "repr", "latents"}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A set of rows in a folder.

    path: of the folder where it is the only set, else of its file, or with a star for what counts its shards; name: by which
    it is told from the others; files: one below the other; labels: files of them, in the same order; notes: what was
    assumed, in sentences; point: its numbers in a series, empty where it is in none.
    """

    path: Path
    name: str
    files: tuple[Path, ...]
    labels: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    point: tuple[int, ...] = ()


@dataclass(frozen=True)
class Member:
    """A file of a folder: its name within, and the array that it holds, mapped."""

    file: Path
    name: Name
    array: numpy.ndarray

    @property
    def is_empty(self) -> bool:
        return self.array.shape[:1] == (0,)

    @property
    def holds_rows(self) -> bool:
        return shards.fits(self.array.dtype, self.array.shape)

    @property
    def holds_labels(self) -> bool:
        whole = self.array.ndim == 1 and self.array.dtype.kind in "iuU"
        return whole and bool(LABEL_WORDS & set(words(self.file.stem)))

    @property
    def kind(self) -> str:
        return f"{self.array.dtype} of shape {self.array.shape}"


def words(name: str) -> list[str]:
    """Its words in small letters, without numbers."""
    return re.findall(r"[a-z]+", re.sub(r"class_?id", "classid", name.lower()))


def are_vectors(members: Sequence[Member]) -> bool:
    """Whether each file holds one vector (D,) of one width."""
    shapes = {(member.array.shape, member.array.dtype.name) for member in members}
    uniform = len(members) > 1 and len(shapes) == 1 and members[0].array.ndim == 1
    return uniform and members[0].array.dtype.kind == "f" and len(members[0].array) > 1


def unlike(members: Sequence[Member]) -> str:
    """The first two shards that differ in width or type, as a sentence; empty where all agree."""
    first = members[0]
    other = next((each for each in members if _form(each) != _form(first)), None)
    if other is None:
        return ""
    descriptions = [
        f"{each.file.name} has embeddings of {_form(each)[0]} {each.array.dtype}" for each in (first, other)
    ]
    return ", ".join(descriptions)


def _form(member: Member) -> tuple[int, str]:
    return shards.width(member.array.shape), member.array.dtype.name
