"""Rows in a file that is read a block at a time: groups of a parquet, batches of Arrow, parts of an HDF5 data set."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.shapes import Rows

HELD = 2  # rows that take less than 1/HELD of what files may take are held in it


@dataclass(frozen=True)
class Blocks:
    """Rows (N,D), one block below the other: a `shapes.Rows`.

    starts: the first row of each block, and N; dtype: of the rows that come out; read: number of a block -> its rows (n,D).
    """

    starts: tuple[int, ...]
    width: int
    dtype: numpy.dtype
    read: Callable[[int], numpy.ndarray]

    @property
    def shape(self) -> tuple[int, int]:
        return self.starts[-1], self.width

    def __len__(self) -> int:
        return self.starts[-1]

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice start:stop, or an index (b,) int64 in any order -> those rows (b,D)."""
        if isinstance(chosen, slice):
            return self._between(*chosen.indices(len(self))[:2])
        values = numpy.empty((len(chosen), self.width), self.dtype)
        owner = torch.bucketize(chosen.contiguous(), torch.tensor(self.starts[1:]), right=True)  # (b,)
        for block in sorted(set(owner.tolist())):
            here = owner == block
            values[here.numpy()] = self.read(block)[(chosen[here] - self.starts[block]).numpy()]
        return torch.from_numpy(values)

    def _between(self, start: int, stop: int) -> Tensor:
        values = numpy.empty((max(stop - start, 0), self.width), self.dtype)
        at, block = start, bisect_right(self.starts, start) - 1
        while at < stop:
            end = min(stop, self.starts[block + 1])
            here = slice(at - self.starts[block], end - self.starts[block])
            values[at - start : end - start] = self.read(block)[here]
            at, block = end, block + 1
        return torch.from_numpy(values)


def rows(
    path: Path, lengths: Sequence[int], width: int, dtype: numpy.dtype, read: Callable[[int], numpy.ndarray]
) -> Rows:
    """Rows (N,D) in blocks of these lengths, none of them 0: in memory where they are few, else read when asked for.

    Raises CollapseError for no rows, and for rows or a block that do not fit into memory.
    """
    if not lengths:
        raise CollapseError(
            f"{path} contains no embeddings", "embeddings must be numbers of shape (N, D) with N >= 2", code=3
        )
    reader.refuse_too_large(path, max(lengths) * width * dtype.itemsize)
    starts = tuple(accumulate(lengths, initial=0))
    blocks = Blocks(starts, width, dtype, lru_cache(maxsize=1)(read))  # neighbours are asked for in turn
    if HELD * starts[-1] * width * dtype.itemsize <= reader.budget():
        return blocks[0 : len(blocks)]
    return blocks
