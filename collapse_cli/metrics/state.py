"""What is kept of the rows of a space, from which every number of a spectrum can be had, and which merges with that of others.

Any split of the rows into parts, merged in any order, gives the same, up to the rounding of float64 in sums. Kept are the moments
of raw and of unit rows, a sample of rows by the smallest hash, the longest rows, the hashes of different rows, and whether any
number is negative. Where there are no more rows than the sample holds, all of them are in it, and all is measured of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.distinct import Distinct
from collapse_cli.metrics.longest import LONGEST
from collapse_cli.metrics.moments import Moments, merge
from collapse_cli.metrics.passes import Pass
from collapse_cli.metrics.row_sample import Lowest, content_keys
from collapse_cli.metrics.rows import power, refuse, shifted

SETTLED = 2**17  # keys that wait until they are sorted


@dataclass(frozen=True)
class State:
    """Of `count` rows (N,D) of one float type.

    raw, on_sphere: moments of the rows times 2^power, and of the same at length 1; largest: the largest absolute number;
    never_negative: whether none is below 0; zeros: rows of zeros; distinct: hashes of their content; keys (n,), rows (n,D): those
    with the smallest hashes, ascending, n = min(N, limit); longest: rows (l,D) that are longer than all others, lengths (l,)
    float32 times 2^power, descending, and their keys (l,).
    """

    raw: Moments
    on_sphere: Moments
    power: int
    largest: float
    never_negative: bool
    zeros: int
    distinct: Distinct
    limit: int
    keys: Tensor
    rows: Tensor
    lengths: Tensor
    longest_keys: Tensor
    longest: Tensor

    @property
    def count(self) -> int:
        return self.raw.count

    @property
    def width(self) -> int:
        return self.rows.shape[1]

    @property
    def is_whole(self) -> bool:
        """Whether all rows are in the sample."""
        return self.count == len(self.rows)

    def merged(self, other: State) -> State:
        """Of the rows of both, which have one width, one type and one limit."""
        most = max(self.largest, other.largest)
        level = power(most)
        rows = Lowest(self.limit, self.keys, self.rows).merged(Lowest(self.limit, other.keys, other.rows))
        longest = _longest(
            torch.cat([_lengths_at(each, level) for each in (self, other)]),
            torch.cat([self.longest_keys, other.longest_keys]),
            torch.cat([self.longest, other.longest]),
        )
        return State(
            merge(_at(self, level), _at(other, level)),
            merge(self.on_sphere, other.on_sphere),
            level,
            most,
            self.never_negative and other.never_negative,
            self.zeros + other.zeros,
            self.distinct.merged(other.distinct),
            self.limit,
            rows.keys,
            rows.values[0],
            *longest,
        )


def _at(state: State, level: int) -> Moments:
    """Raw moments times 2^level."""
    change = level - state.power
    return Moments(state.count, shifted(state.raw.mean, change), shifted(state.raw.scatter, 2 * change))


def _lengths_at(state: State, level: int) -> Tensor:
    return shifted(state.lengths.double(), level - state.power).float()


def _longest(lengths: Tensor, keys: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The LONGEST longest, of equally long ones those with the smallest keys: so the order in which they came says nothing."""
    by_key = keys.argsort(stable=True)
    order = by_key[lengths[by_key].argsort(descending=True, stable=True)][:LONGEST]
    return lengths[order], keys[order], rows[order]


class Growing:
    """A state that grows block by block, in float64. many: rows wait for their products until they are as many as suit a BLAS."""

    def __init__(self, d: int, kind: torch.dtype, limit: int, many: bool = False) -> None:
        self.limit, self.zeros = limit, 0
        self.seen = Pass(d, torch.device("cpu"), products="float64" if many else "blocks")
        nothing, none = torch.empty(0, d, dtype=kind), torch.empty(0, dtype=torch.int64)
        self.sample, self.candidates, self.highest = (
            Lowest(limit, none, nothing),
            [(none, nothing)],
            2**63 - 1,
        )
        self.longest = torch.empty(0), none, nothing
        self.power = 0
        self.distinct, self.waiting = Distinct(none, none), [none]

    def add(self, rows: Tensor, keys: Tensor) -> None:
        """rows (b,D) of the one float type, b >= 1, and their keys (b,)."""
        rows = rows.cpu()
        broken = self.seen.broken
        self.seen.add(rows)
        if self.seen.broken > broken:
            return
        self.zeros += int((rows == 0).all(dim=1).sum())
        self._take(rows, keys)
        self._remember(rows, keys)
        self.waiting.append(content_keys(rows))
        if sum(map(len, self.waiting)) > SETTLED:
            self._settle()

    def _take(self, rows: Tensor, keys: Tensor) -> None:
        """Those that may be of the sample wait until they are as many as it holds."""
        chosen = keys < self.highest
        if bool(chosen.any()):
            self.candidates.append((keys[chosen], rows[chosen]))
        if sum(len(part) for part, _ in self.candidates) >= self.limit:
            self._choose()

    def _choose(self) -> None:
        keys, rows = (torch.cat(part) for part in zip(*self.candidates, strict=True))
        self.sample, self.candidates = self.sample.merged(Lowest(self.limit, keys, rows)), []
        if len(self.sample.keys) == self.limit:
            self.highest = int(self.sample.keys[-1])

    def _remember(self, rows: Tensor, keys: Tensor) -> None:
        """Of the longest. Lengths are float32: what float64 rounds otherwise in a block of another size is no difference."""
        scaled = shifted(rows.double(), self.seen.power)
        lengths = torch.linalg.vector_norm(scaled, dim=1).float()
        before, longest_keys, longest = self.longest
        before = shifted(before.double(), self.seen.power - self.power).float()
        self.power = self.seen.power
        chosen = lengths >= before[-1] if len(before) == LONGEST else torch.ones(len(keys), dtype=torch.bool)
        self.longest = _longest(
            torch.cat([before, lengths[chosen]]),
            torch.cat([longest_keys, keys[chosen]]),
            torch.cat([longest, rows[chosen]]),
        )

    def _settle(self) -> None:
        if self.waiting:
            self.distinct, self.waiting = self.distinct.merged(Distinct.of(torch.cat(self.waiting))), []

    def state(self) -> State:
        """Of all that were added, at least one, all of them finite."""
        self.seen.close()
        self._settle()
        if self.candidates:
            self._choose()
        seen, sample = self.seen, self.sample
        return State(
            seen.raw.moments(),
            seen.on_sphere.moments(),
            seen.power,
            seen.largest,
            seen.never_negative,
            self.zeros,
            self.distinct,
            self.limit,
            sample.keys,
            sample.values[0],
            *self.longest,
        )


def grown(workers: Sequence[Growing]) -> State:
    """Of all rows that went into any of them. Raises CollapseError for none, and for rows that are not finite."""
    count = sum(worker.seen.rows for worker in workers)
    refuse(sum(worker.seen.broken for worker in workers), max(count, 2))
    if not count:
        raise CollapseError("there are no embeddings", "give embeddings of shape (N, D)", code=3)
    return reduce(State.merged, (worker.state() for worker in workers if worker.seen.rows))
