"""Rows in .npy files, one or a folder of them: mapped into memory, read a block at a time, and let go."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader

FLOATS = ("float16", "float32", "float64")  # what is measured as it is; all other numbers become float32


@dataclass(frozen=True)
class Shards:
    """Rows (N,D) of .npy files, one below the other: a `shapes.Rows`.

    starts: the first row of each file, and N; dtype: of the rows that come out; stored: of those in the files.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    width: int
    dtype: numpy.dtype
    stored: numpy.dtype

    @property
    def shape(self) -> tuple[int, int]:
        return self.starts[-1], self.width

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice start:stop, or an index (b,) int64 in any order -> those rows (b,D)."""
        if isinstance(chosen, slice):
            parts = [self._read(file, rows) for file, rows in self._across(chosen)]
            return torch.cat(parts) if parts else self._empty(0)
        found = self._empty(len(chosen))
        owner = torch.bucketize(chosen, torch.tensor(self.starts[1:]), right=True)  # (b,)
        for file in sorted(set(owner.tolist())):
            here = owner == file
            found[here] = self._read(file, (chosen[here] - self.starts[file]).numpy())
        return found

    def _across(self, chosen: slice) -> Iterator[tuple[int, slice]]:
        """Which files hold the rows, and which rows of theirs these are."""
        start, stop, _ = chosen.indices(len(self))
        file = bisect_right(self.starts, start) - 1
        while start < stop:
            end = min(stop, self.starts[file + 1])
            yield file, slice(start - self.starts[file], end - self.starts[file])
            start, file = end, file + 1

    def _read(self, file: int, rows: slice | numpy.ndarray) -> Tensor:
        """A copy; the mapping, and with it the file's pages, is let go."""
        mapped = reader.mapped(self.files[file])
        return torch.from_numpy(numpy.array(mapped[rows], dtype=self.dtype, order="C"))

    def _empty(self, count: int) -> Tensor:
        return torch.from_numpy(numpy.empty((count, self.width), self.dtype))


def opened(path: Path) -> Shards:
    """A .npy, or the .npy files of a folder in the natural order of their names. Headers are read, rows are not.

    Raises CollapseError for what cannot be read, holds no rows (N,D), or differs in width or type from the first.
    """
    files = shards_in(path) if path.is_dir() else [path]
    arrays = [_mapped(file) for file in files]
    filled = [(file, array) for file, array in zip(files, arrays, strict=True) if array.shape[:1] != (0,)]
    if not filled:
        raise CollapseError(f"{path} holds no rows", "embeddings are numbers of shape (N, D), N >= 2", code=3)
    for file, array in filled:
        _refuse(file, array, path)
        _refuse_another_kind(*filled[0], file, array)
    first = filled[0][1]
    starts = tuple(accumulate((len(array) for _, array in filled), initial=0))
    return Shards(tuple(file for file, _ in filled), starts, first.shape[1], float_of(first.dtype), first.dtype)


def shards_in(folder: Path) -> list[Path]:
    """The .npy files of a folder: shard_2 before shard_10."""
    files = [file for file in folder.glob("*.npy") if not file.name.startswith(".")]
    return sorted(files, key=lambda file: _counted(file.name))


def _counted(name: str) -> list[tuple[int, str]]:
    """A key by which 10 comes after 2, wherever numbers stand in a name."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def float_of(dtype: numpy.dtype) -> numpy.dtype:
    """The type, in this machine's byte order, that numbers of `dtype` are measured in."""
    native = dtype.newbyteorder("=")
    return native if native.name in FLOATS else numpy.dtype("float32")


def fits(dtype: numpy.dtype, shape: Sequence[int]) -> bool:
    """Whether an array holds rows of numbers (N,D)."""
    return len(shape) == 2 and shape[1] > 0 and dtype.kind in "fiu"


def _mapped(file: Path) -> numpy.ndarray:
    """Raises CollapseError also for a file that ends before its last row."""
    try:
        return reader.mapped(file)
    except reader.Unreadable as error:
        raise error.wanted_as("numpy embeddings", "save them with numpy.save") from None


def _refuse(file: Path, array: numpy.ndarray, path: Path) -> None:
    if not fits(array.dtype, array.shape):
        aside = "; labels are given with --labels, from outside the folder" if path.is_dir() else ""
        raise CollapseError(
            f"{file} is {array.dtype} of shape {array.shape}",
            f"embeddings are numbers of shape (N, D){aside}",
        )


def _refuse_another_kind(first: Path, kept: numpy.ndarray, file: Path, array: numpy.ndarray) -> None:
    if (kept.shape[1], kept.dtype) != (array.shape[1], array.dtype):
        raise CollapseError(
            f"{first} has rows of {kept.shape[1]} {kept.dtype}, {file} of {array.shape[1]} {array.dtype}",
            "the shards of a folder must be of one width and one type",
        )
