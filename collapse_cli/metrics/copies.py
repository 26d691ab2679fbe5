"""Which rows are copies of others, so that they are no evidence of their own: counted in the pass that reads all rows anyway.

Of each row four numbers are kept, its coordinates: three projections of the unit row on fixed random axes, and the logarithm of
its length. Copies have the same ones up to rounding, near copies nearly the same. Two grids of cells, one shifted by half a cell,
bring candidates together, so that what lies on an edge of one grid lies inside a cell of the other; the rows themselves decide.
Beyond EXACT rows a sketch of equal rows remains, whose memory is bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from operator import itemgetter

import torch
from torch import Tensor

from collapse_cli.metrics.copies_pairs import CELL, EQUAL, owners
from collapse_cli.metrics.copies_sketch import Sketch, keys
from collapse_cli.metrics.rows import PLAIN, directions, levelled
from collapse_cli.shapes import Rows

EXACT = 2**24  # rows, up to which every copy is found; of more, a sketch is kept
AXES = 3  # of projection
ULPS, HALF_ULPS = (
    16,
    2,
)  # of a row's length: copies are nearer, of types with few bits much nearer, for those bits say so much
NARROW = 16  # tolerances: rows that all lie so close together are no near copies of one another


@dataclass(frozen=True)
class Copies:
    """rows: N; distinct: how many differ, with the relative standard error of a sketch, 0 where all were compared; zeros: rows of
    zeros; largest: rows of the largest group of equal ones, `first` the place of one of them.

    owner: (N,) int64 in [0, distinct), equal for copies; None where all rows are distinct, or where a sketch was kept.
    tolerance: of the row's length, within which rows are copies.
    """

    rows: int
    distinct: int
    zeros: int
    largest: int
    first: int
    owner: Tensor | None = None
    error: float = 0.0
    tolerance: float = 0.0


class Counting:
    """Coordinates that grow block by block; 32 bytes a row, and no more once they have become a sketch.

    store: (N, AXES + 1) where those of N <= limit rows go, by their places, of several that are merged, too; else they are kept
    in parts.
    """

    def __init__(self, d: int, device: torch.device, limit: int = EXACT, store: Tensor | None = None) -> None:
        self.store = store
        axes = torch.randn(d, AXES, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
        self.axes, self.limit = axes.to(device), limit
        self.count = self.zeros = 0
        self.parts: list[tuple[int, Tensor]] = []  # the place of the first row, and coordinates (b, AXES + 1)
        self.sketch: Sketch | None = None

    def add(
        self, block: Tensor, unit: Tensor, lengths: Tensor, power: int = 0, start: int | None = None
    ) -> None:
        """block (b,D) float64, the same rows at length 1, and their lengths (b,) times 2^power, from place `start` on."""
        empty = lengths == 0
        if bool(empty.any()):
            empty = empty & (block == 0).all(dim=1)  # the squares of tiny numbers vanish, too
            self.zeros += int(empty.sum())
        depth = torch.where(empty, -2000.0, _log_lengths(block, lengths, power))
        self._append(torch.cat([unit @ self.axes, depth[:, None]], dim=1).cpu(), start)

    def add_plain(self, along: Tensor, lengths: Tensor, start: int) -> None:
        """Unit rows along the axes (AXES,b) float64, and lengths (b,), none of which is 0, from place `start` on."""
        self._append(torch.cat([along, lengths.log()[None]]).T.contiguous(), start)

    def _append(self, part: Tensor, start: int | None) -> None:
        """Coordinates (b, AXES + 1)."""
        start = self.count if start is None else start
        self.count += len(part)
        if self.store is not None:
            self.store[start : start + len(part)] = part
            return
        self.parts.append((start, part))
        self._sketched()

    def merge(self, other: Counting, offset: int = 0) -> None:
        """The rows that the other counted, too, their places moved on by `offset`."""
        self.count, self.zeros = self.count + other.count, self.zeros + other.zeros
        self.parts += [(start + offset, part) for start, part in other.parts]
        if other.sketch is not None:
            self.sketch = self.sketch or Sketch()
            self.sketch.merge(other.sketch, offset)
        self._sketched()

    def _sketched(self) -> None:
        """Beyond the limit, or where there is a sketch already, coordinates go into it."""
        if self.sketch is None and self.count > self.limit:
            self.sketch = Sketch()
        if self.sketch is not None:
            for start, part in self.parts:
                self.sketch.add(_keys(part), start)
            self.parts = []

    def _coordinates(self) -> Tensor:
        """(N, AXES + 1) in the order of their places; the parts are let go one by one."""
        if self.store is not None:
            return self.store
        every, end = torch.empty(self.count, AXES + 1, dtype=torch.float64), self.count
        self.parts.sort(key=itemgetter(0))
        while self.parts:
            _, part = self.parts.pop()
            every[end - len(part) : end] = part
            end -= len(part)
        self.parts = [(0, every)]
        return every

    def copies(self, rows: Rows | None) -> Copies:
        """Of the rows (N,D) that were added; without them, only equal ones are copies."""
        if self.sketch is not None:
            distinct, error = self.sketch.distinct()
            largest, first = self.sketch.largest()
            return Copies(self.count, distinct, self.zeros, largest, first, None, error, EQUAL)
        coordinates = self._coordinates()
        tolerance = EQUAL if rows is None else nearness(rows[0:1].dtype)
        # of projections, each about the unit rows' total variance, and of the length
        spread = coordinates.var(dim=0)
        spread = torch.maximum(spread[:AXES].mean(), spread[AXES]).sqrt()
        tolerance = tolerance if NARROW * tolerance < float(spread) else EQUAL
        owner = owners(coordinates, rows, tolerance)
        if owner is None:
            return Copies(self.count, self.count, self.zeros, 1, 0, None, 0.0, tolerance)
        sizes = torch.bincount(owner)
        most = int(sizes.argmax())
        first = int((owner == most).nonzero()[0])
        return Copies(self.count, len(sizes), self.zeros, int(sizes[most]), first, owner, tolerance=tolerance)


def _log_lengths(block: Tensor, lengths: Tensor, power: int) -> Tensor:
    """(b,) of rows (b,D) whose lengths (b,) are times 2^power: where these may have vanished, from the rows themselves."""
    if bool(((lengths > 1 / PLAIN) & (lengths < PLAIN)).all()):
        return lengths.log() - power * math.log(2)
    most = block.abs().amax(dim=1)  # (b,)
    scale = torch.where(most > 0, most, 1.0)
    logs: Tensor = torch.linalg.vector_norm(block / scale[:, None], dim=1).log() + scale.log()
    return logs


def counted(rows: Tensor) -> Copies:
    """Of rows (N,D) in memory."""
    counting, size = Counting(rows.shape[1], rows.device), max(2**20 // rows.shape[1], 1)
    for block in torch.split(rows, size):
        (exact,), k = levelled(block)
        counting.add(exact, directions(exact), torch.linalg.vector_norm(exact, dim=1), k)
    return counting.copies(rows)


def nearness(kind: torch.dtype) -> float:
    """Of the row's length, within which rows of this float type are copies. Files of float64 hold what float32 computed."""
    if kind in (torch.float32, torch.float64):
        return ULPS * torch.finfo(torch.float32).eps
    return HALF_ULPS * torch.finfo(kind).eps


def _keys(coordinates: Tensor) -> Tensor:
    return keys(coordinates, CELL * EQUAL, 0.0)
