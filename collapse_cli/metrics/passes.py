"""One pass over rows: all that a spectrum needs of them, gathered block by block, in parts that can be merged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Literal, cast

import numpy
import torch
from torch import Tensor

from collapse_cli.metrics.copies import AXES, EXACT, Counting
from collapse_cli.metrics.few_rows import few_rows
from collapse_cli.metrics.longest import Longest
from collapse_cli.metrics.moments import BLOCK, Gathered, Gathering
from collapse_cli.metrics.products import Plain
from collapse_cli.metrics.rows import LARGEST, broken, directions, power, refuse, refuse_width, shifted
from collapse_cli.metrics.threads import in_turn, threads_each
from collapse_cli.progress import counted as reported
from collapse_cli.shapes import Rows

SMALL = 5e9  # N D^2 up to which one state takes all blocks in turn
MEMORY = 2**29  # bytes that the states of all workers take, about
Products = Literal["blocks", "float64", "float32"]
"""How D x D sums are computed: of each block as it comes, or of many rows at a time, in float64 or with float32 products."""


class Pass:
    """What a pass over rows of D numbers has gathered so far: of any of the rows, in any order, and merged with what others have.

    counted: copies are found, at 32 bytes a row. rows: how many were added; broken: how many of them hold nan or infinity;
    largest: the largest absolute number, or a length that is plain as it is; never_negative: whether none is below 0; power: what
    moments and lengths are times, as a power of two.
    """

    def __init__(
        self,
        d: int,
        device: torch.device,
        counted: bool = False,
        products: Products = "blocks",
        store: Tensor | None = None,
    ) -> None:
        """store: (N, 4) where coordinates go, of N rows and of all that will be merged; else they are kept in parts."""
        self.raw, self.on_sphere, self.longest = Gathering(d, device), Gathering(d, device), Longest(device)
        self.counting = Counting(d, device, store=store) if counted else None
        axes = self.counting.axes if self.counting else torch.zeros(d, 0, dtype=torch.float64)
        self.plain = (
            None if products == "blocks" else Plain(axes, (self.raw, self.on_sphere), products == "float64")
        )
        self.rows = self.broken = self.power = 0
        self.largest, self.never_negative = 0.0, True
        self.moved: tuple[Tensor, Tensor] | None = (
            None  # errors of raw and unit scatter, times random vectors
        )

    def add(self, block: Tensor, start: int | None = None) -> None:
        """block (b,D) of any float type, b >= 1: the rows at start, start + 1, …; behind all that were added without a start."""
        start = self.rows if start is None else start
        self.rows += len(block)
        taken = self._add_plain(block, start) if self.plain and not self.power else 0
        if taken < len(block):
            self._add(block[taken:].double(), start + taken)

    def merge(self, other: Pass, offset: int = 0) -> None:
        """What the other has gathered, too, its places moved on by `offset`; the other one is spent."""
        self.settle()
        other.settle()
        self.rows, self.broken = self.rows + other.rows, self.broken + other.broken
        self.never_negative &= other.never_negative
        self._level(other.largest)
        other._level(self.largest)
        self.raw.merge(other.raw)
        self.on_sphere.merge(other.on_sphere)
        self.longest.merge(other.longest, offset)
        if other.moved:
            self._move(other.moved)
        if self.counting and other.counting:
            self.counting.merge(other.counting, offset)

    def settle(self) -> None:
        """Rows that wait for their product go into the moments."""
        if self.plain and (moved := self.plain.settle()):
            self._move(moved)

    def close(self) -> None:
        """Memory in which rows waited is let go; rows that are added from now on are added block by block."""
        self.settle()
        self.plain = None

    def gathered(self, rows: Rows | None = None) -> Gathered:
        """Of all that were added. rows (N,D): the same, to look at those that may be copies; without them equal rows are copies.

        Raises CollapseError for fewer than 2 rows, and for rows that are not finite.
        """
        self.settle()
        refuse(self.broken, self.rows)
        copies = self.counting.copies(rows) if self.counting else None
        raw, on_sphere = self.raw.moments(), self.on_sphere.moments()
        return Gathered(
            raw, on_sphere, self.power, self.longest.index, copies, self.never_negative, self.moved
        )

    def _add_plain(self, block: Tensor, start: int) -> int:
        """How many rows were taken: all, or those before some that are too long or too short."""
        plain, taken = cast(Plain, self.plain), 0
        lengths, coordinates = [], []
        for rows in torch.split(block, plain.height):
            if (result := plain.take(rows)) is None:
                break
            self.never_negative = self.never_negative and plain.none_below_0(len(rows))
            lengths.append(result[0])
            coordinates.append(result[1])
            taken += len(rows)
        if taken:
            every = torch.cat(lengths)
            self._level(float(every.max()))
            self.longest.add(every, start)
            if self.counting:
                along = torch.from_numpy(numpy.concatenate(coordinates, axis=1))  # (AXES, b)
                self.counting.add_plain(along, every, start)
        return taken

    def _add(self, block: Tensor, start: int) -> None:
        """block (b,D) float64, however long or short its rows are."""
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

    def _move(self, by: tuple[Tensor, Tensor]) -> None:
        before = self.moved
        self.moved = by if before is None else (before[0] + by[0], before[1] + by[1])

    def _level(self, most: float) -> None:
        """The same in the unit of numbers of which the largest is `most`, where that is larger than all before."""
        self.largest = max(self.largest, most)
        if change := power(self.largest) - self.power:
            self.settle()
            self.raw.shift(change)
            self.longest.shift(change)
            self.power += change
            if self.moved:
                self.moved = shifted(self.moved[0], 2 * change), self.moved[1]


def gather(rows: Rows, counted: bool = False, exact: bool = True) -> Gathered:
    """One pass over rows (N,D) that holds a few blocks and D x D numbers. counted: copies are found, at 32 bytes a row.

    exact: products in float64; else in float32, with what their errors make of random vectors. Raises CollapseError for fewer
    than 2 rows, for rows that are not finite, and for more dimensions than memory has room for.
    """
    count, d = rows.shape
    refuse(0, count)
    if count <= d:
        return _few(rows, counted)
    many = is_many(count, d) and rows[0:1].device.type == "cpu"
    store = torch.empty(count, AXES + 1, dtype=torch.float64) if many and counted and count <= EXACT else None
    seen = pass_over(rows, range(count), counted, exact, store)
    with (
        threads_each(1) if many else nullcontext()
    ):  # for sums of a column, threads would wait for each other
        return seen.gathered(rows)


def pass_over(
    rows: Rows, part: range, counted: bool = False, exact: bool = True, store: Tensor | None = None
) -> Pass:
    """A pass over a part of rows (N,D), their places those among all; of many by workers. store: for all N of them."""
    d, device = rows.shape[1], rows[0:1].device
    if not is_many(len(part), d) or device.type != "cpu":
        seen = Pass(d, device, counted)
        for start, block in _read(rows, part):
            seen.add(block, start)
        return seen
    products: Products = "float64" if exact else "float32"
    first, *others = (Pass(d, device, counted, products, store) for _ in range(worker_count(len(part), d)))
    workers = [partial(_add, state) for state in (first, *others)]
    in_turn(_read(rows, part), workers, torch.get_num_threads())
    for state in (first, *others):
        state.close()
    for state in others:
        first.merge(state)
    return first


def is_many(count: int, d: int) -> bool:
    """Whether rows (N,D) are so many that their products are those of many rows at a time."""
    return count * d * d > SMALL


def worker_count(count: int, d: int) -> int:
    """How many states rows (N,D) go into that are many: as many as there are threads, but for memory, and for rows."""
    return min(torch.get_num_threads(), max(MEMORY // (48 * d * d), 1), math.ceil(count / at_once(d)))


def at_once(d: int) -> int:
    """How many rows of D numbers are a block."""
    return max(BLOCK // max(d, 1), 1)


def _few(rows: Rows, counted: bool) -> Gathered:
    """Of no more rows than dimensions, which are held."""
    count, d = rows.shape
    if 8 * count * d > LARGEST:
        refuse_width(d)
    held = rows[0:count].double()
    refuse(broken(held), count)
    low, high = (float(end) for end in torch.aminmax(held))
    shift = power(max(-low, high))
    raw, unit = shifted(held, shift), directions(held)
    lengths = torch.linalg.vector_norm(raw, dim=1)
    longest = Longest(held.device)
    longest.add(lengths, 0)
    copies = None
    if counted:
        counting = Counting(d, held.device)
        counting.add(held, unit, lengths, shift, 0)
        copies = counting.copies(rows)
    return Gathered(few_rows(raw), few_rows(unit), shift, longest.index, copies, low >= 0)


def _add(state: Pass, item: tuple[int, Tensor]) -> None:
    state.add(item[1], item[0])


def _read(rows: Rows, part: range) -> Iterator[tuple[int, Tensor]]:
    """Where each block begins, and its rows (b,D) as they are."""
    size = at_once(rows.shape[1])
    starts = range(part.start, part.stop, size)
    for start in reported(starts, "rows read", lambda start: min(size, part.stop - start)):
        yield start, rows[start : min(start + size, part.stop)]
