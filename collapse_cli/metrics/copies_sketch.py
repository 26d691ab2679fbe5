"""A sketch of how many values differ among very many: adaptive sampling of their hashes (Wegman; Flajolet 1990), mergeable.

Kept are the values whose hash ends in `level` zeros, each with how often it was seen, and those that are seen very often. Where
too many are kept, the level rises by one, which leaves half of them. Each that is kept stands for 2^level distinct ones.
"""

from __future__ import annotations

import math

import numpy
import torch
from torch import Tensor

SIZE = 2**22  # values kept at most
HEAVY = 64  # a value that is more than one in so many of as many values as are kept, stays whatever its hash
ODD = (-7046029254386353131, -4658895280553007687, 7723592293110705685, -7046029288634856825)


def keys(coordinates: Tensor, cell: float, shift: float) -> Tensor:
    """(N,) int64: the same for coordinates (N,C), C <= 4, in one cell of this width; two cells share a key by chance alone."""
    cells = (coordinates / cell + shift).floor().clamp(-(2.0**62), 2.0**62).long()
    key = torch.zeros(len(cells), dtype=torch.int64)
    for column, odd in zip(cells.T, ODD, strict=False):
        key = (key ^ column) * odd
        key ^= (key >> 29) & (2**35 - 1)
    key *= ODD[0]
    return key ^ ((key >> 32) & (2**32 - 1))


class Sketch:
    """Of keys (int64), with the place where each was first seen."""

    def __init__(self, size: int = SIZE) -> None:
        self.size, self.level, self.seen = size, 0, 0
        self.kept = torch.empty(0, dtype=torch.int64)
        self.counts = torch.empty(0, dtype=torch.int64)
        self.places = torch.empty(0, dtype=torch.int64)
        self._waiting: list[tuple[Tensor, Tensor]] = []
        self._queued = 0

    def add(self, key: Tensor, start: int) -> None:
        """Keys (b,) of the values at start, start + 1, …"""
        self._waiting.append((key, start + torch.arange(len(key))))
        self._queued += len(key)
        if self._queued >= self.size:
            self._settle()

    def merge(self, other: Sketch, offset: int = 0) -> None:
        """What the other has seen, too: as if all of it had been added here, its places moved on by `offset`."""
        self._settle()
        other._settle()
        self.level, self.seen = max(self.level, other.level), self.seen + other.seen
        self._join(other.kept, other.counts, other.places + offset)

    def distinct(self) -> tuple[int, float]:
        """How many keys differ, and the relative standard error of that; exact at level 0."""
        self._settle()
        sampled = int(self._sampled().sum())
        error = math.sqrt((1 - 0.5**self.level) / max(sampled, 1))
        return sampled << self.level, error

    def largest(self) -> tuple[int, int]:
        """How often the most frequent key was seen, less SIZE / HEAVY times at most, and where."""
        self._settle()
        most = int(self.counts.argmax())
        return int(self.counts[most]), int(self.places[most])

    def _sampled(self) -> Tensor:
        return (self.kept & ((1 << self.level) - 1)) == 0

    def _settle(self) -> None:
        if not self._waiting:
            return
        key, place = (torch.cat(part) for part in zip(*self._waiting, strict=True))
        self._waiting, self._queued = [], 0
        self.seen += len(key)
        self._join(key, torch.ones_like(key), place)

    def _join(self, key: Tensor, counts: Tensor, places: Tensor) -> None:
        every = torch.cat([self.kept, key])
        distinct, number = numpy.unique(every.numpy(), return_inverse=True)
        index = torch.from_numpy(number.ravel())
        self.kept = torch.from_numpy(distinct)
        self.counts = torch.zeros_like(self.kept).index_add_(0, index, torch.cat([self.counts, counts]))
        first = torch.full_like(self.kept, torch.iinfo(torch.int64).max)
        self.places = first.scatter_reduce_(0, index, torch.cat([self.places, places]), "amin")
        heavy = self.counts >= max(self.size // HEAVY, self.seen // self.size, 2)
        while int((chosen := self._sampled() | heavy).sum()) > self.size:
            self.level += 1
        self.kept, self.counts, self.places = self.kept[chosen], self.counts[chosen], self.places[chosen]
