"""One pass over rows: all that a spectrum needs of them, gathered block by block, in parts that can be merged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.copies import Copies, Counting
from collapse_cli.metrics.moments import Gathering, Moments, blocks
from collapse_cli.metrics.rows import broken, directions, power, refuse, shifted
from collapse_cli.shapes import Rows

LONGEST = 256  # rows remembered for their length


@dataclass(frozen=True)
class Gathered:
    """What one pass over rows (N,D) leaves: moments of the rows times 2^power, and of the same rows brought to length 1.

    power: 0 but where float64 could not hold powers of the rows. longest (n,) int64: which rows are the longest.
    copies: which rows are copies of others, where that was asked. never_negative: whether no number of theirs is below 0.
    """

    raw: Moments
    on_sphere: Moments
    power: int
    longest: Tensor
    copies: Copies | None = None
    never_negative: bool = False


class Pass:
    """What a pass over rows of D numbers has gathered so far: of any of the rows, in any order, and merged with what others have.

    counted: copies are found, at 32 bytes a row. rows: how many were added; broken: how many of them hold nan or infinity;
    largest: the largest absolute number; never_negative: whether none is below 0; power: what moments and lengths are times, as a
    power of two.
    """

    def __init__(self, d: int, device: torch.device, counted: bool = False) -> None:
        self.raw, self.on_sphere, self.longest = Gathering(d, device), Gathering(d, device), Longest(device)
        self.counting = Counting(d, device) if counted else None
        self.rows = self.broken = self.power = 0
        self.largest, self.never_negative = 0.0, True

    def add(self, block: Tensor, start: int | None = None) -> None:
        """block (b,D) of any float type, b >= 1: the rows at start, start + 1, …; behind all that were added without a start."""
        start, block = self.rows if start is None else start, block.double()
        self.rows += len(block)
        if here := broken(block):
            self.broken += here
            return
        low, high = (float(end) for end in torch.aminmax(block))
        self.never_negative &= low >= 0
        self._level(max(-low, high))
        scaled = shifted(block, self.power)
        unit, lengths = directions(block), torch.linalg.vector_norm(scaled, dim=1)
        self.raw.add(scaled)
        self.on_sphere.add(unit)
        self.longest.add(lengths, start)
        if self.counting:
            self.counting.add(block, unit, lengths, self.power, start)

    def merge(self, other: Pass, offset: int = 0) -> None:
        """What the other has gathered, too, its places moved on by `offset`; the other one is spent."""
        self.rows, self.broken = self.rows + other.rows, self.broken + other.broken
        self.never_negative &= other.never_negative
        self._level(other.largest)
        other._level(self.largest)
        self.raw.merge(other.raw)
        self.on_sphere.merge(other.on_sphere)
        self.longest.merge(other.longest, offset)
        if self.counting and other.counting:
            self.counting.merge(other.counting, offset)

    def gathered(self, rows: Rows | None = None) -> Gathered:
        """Of all that were added. rows (N,D): the same, to look at those that may be copies; without them equal rows are copies.

        Raises CollapseError for fewer than 2 rows, and for rows that are not finite.
        """
        refuse(self.broken, self.rows)
        copies = self.counting.copies(rows) if self.counting else None
        raw, on_sphere = self.raw.moments(), self.on_sphere.moments()
        return Gathered(raw, on_sphere, self.power, self.longest.index, copies, self.never_negative)

    def _level(self, most: float) -> None:
        """The same in the unit of numbers of which the largest is `most`, where that is larger than all before."""
        self.largest = max(self.largest, most)
        if change := power(self.largest) - self.power:
            self.raw.shift(change)
            self.longest.shift(change)
            self.power += change


def gather(rows: Rows, counted: bool = False) -> Gathered:
    """One pass over rows (N,D) that holds a few blocks and D x D numbers. counted: copies are found, at 32 bytes a row.

    Raises CollapseError for fewer than 2 rows, for rows that are not finite, and for more dimensions than memory has room for.
    """
    count, d = rows.shape
    refuse(0, count)
    seen = Pass(d, rows[0:1].device, counted)
    for block in blocks(rows):
        seen.add(block)
    return seen.gathered(rows)


class Longest:
    """Which LONGEST of the rows seen so far are the longest: outliers are few, and a sample of all rows would miss them."""

    def __init__(self, device: torch.device) -> None:
        self.lengths = torch.zeros(0, dtype=torch.float64, device=device)
        self.index = torch.zeros(0, dtype=torch.int64, device=device)

    def shift(self, power: int) -> None:
        """As if all lengths had been times 2^power."""
        self.lengths = shifted(self.lengths, power)

    def add(self, lengths: Tensor, start: int) -> None:
        """lengths (b,) of the rows start, start + 1, …"""
        self._join(lengths, start + torch.arange(len(lengths), device=lengths.device))

    def merge(self, other: Longest, offset: int) -> None:
        self._join(other.lengths, other.index + offset)

    def _join(self, lengths: Tensor, index: Tensor) -> None:
        every = torch.cat([self.lengths, lengths])
        self.lengths, longest = every.topk(min(LONGEST, len(every)))
        self.index = torch.cat([self.index, index])[longest]
