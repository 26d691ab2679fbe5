"""The entropy of codes from a sample of them, without the bias of few draws, and its standard error over rows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.codebook_counts import Block, Counts, pairs

NEVER = 3.0
"""Draws among which something would have occurred at least once that has this share of N, with 95 %: the rule of three."""

REPEATED = 0.5
"""Of the correction of the bias, by which the upper end is raised where codes repeat within rows: measured, as --tokens says."""

STEP = 0.02  # of log s
POINTS = torch.exp(torch.arange(-40, 5, STEP, dtype=torch.float64))
"""Of an integral over s from 0 to infinity."""


@dataclass(frozen=True)
class Entropy:
    """In nats. plug_in: of the shares as they are; value: corrected; interval: 95 %, in [0, log K]."""

    plug_in: float
    value: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Unseen:
    """once, twice: codes that occur in one row, in two; mass: share of the draws with codes of one row (Good and Turing)."""

    once: int
    twice: int
    mass: float

    @classmethod
    def of(cls, counts: Counts) -> Unseen:
        single = counts.rows_with == 1
        mass = float(counts.counts[single].sum()) / counts.draws
        return cls(int(single.sum()), int((counts.rows_with == 2).sum()), mass)


def plug_in(counts: Tensor) -> float:
    """counts (K,) -> -sum p log p in nats, in [0, log K]."""
    p = counts.double() / counts.sum()
    return -float(torch.special.xlogy(p, p).sum())


def entropy(counts: Counts, blocks: Iterable[Block]) -> Entropy:
    """Chao, Wang and Jost 2013 (doi:10.1111/2041-210X.12108, eq. 7), bounded by log K; the error by leaving out rows.

    sum p (psi(N) - psi(n)) of the codes that occur, and of the mass m that was not seen, m sum_j (1 - A)^(j+1) / (N + j), with A
    the share of a code that occurs once (Chao 1984), and no less than m over the number of unused codes. Rows of several codes
    are groups: N and n are divided by the repetition, and codes are counted by the rows that have them. blocks: as counted.
    """
    unseen, unused, most = Unseen.of(counts), counts.size - counts.used, math.log(counts.size)
    N, least = counts.effective, unseen.mass / unused if unused else 0.0
    share = max(_share(unseen.once, unseen.twice, N), least)
    seen, plain = _seen(counts), plug_in(counts.counts)
    value = min(seen + unseen.mass * _tail(share, N), most)
    if counts.rows < 2:
        return Entropy(plain, value, (0.0, most))
    half = _quantile(counts.rows) * _error(counts, unseen, share, blocks)
    highest = max(seen + unseen.mass * _tail(least or share, N), value)
    highest += REPEATED * (1 - 1 / counts.repetition) * (value - plain)
    if unused and not unseen.once:
        highest += _of_unseen(min(NEVER / N, 1.0), unused)
    high = (
        highest * math.exp(min(half / highest, math.log(most / highest))) if 0 < highest < most else highest
    )
    return Entropy(plain, value, (max(value - half, 0.0), max(min(high, most), value)))


def _quantile(rows: int) -> float:
    """Of Student's t, for 95 %."""
    from scipy.special import stdtrit

    return float(stdtrit(rows - 1, 0.975))


def _of_unseen(mass: float, codes: int) -> float:
    """What codes that did not occur add to an entropy, if they have this mass in equal parts."""
    rest = 1 - mass
    return -math.log(rest) * rest + mass * math.log(codes / mass) if rest > 0 else math.log(codes)


def _seen(counts: Counts) -> float:
    n = counts.counts[counts.counts > 0].double()
    return float((n / counts.draws * (_psi(counts.effective) - _psi(n / counts.repetition))).sum())


def _psi(n: Tensor | float) -> Tensor:
    """digamma of numbers of draws, at least 1."""
    values: Tensor = torch.special.digamma(torch.as_tensor(n, dtype=torch.float64).clamp(min=1))
    return values


def _share(once: float, twice: float, N: float) -> float:
    """What a code that occurs once is estimated to have of all draws, A of Chao, Wang and Jost, eq. 6b; 1: nothing is unseen."""
    if once > 0 and twice > 0:
        return 2 * twice / ((N - 1) * once + 2 * twice)
    return 2 / ((N - 1) * (once - 1) + 2) if once > 1 else 1.0


def _tail(share: float, N: float) -> float:
    """sum over j >= 0 of (1 - share)^(j+1) / (N + j), as (1 - share)/N integral of e^-s / (1 - (1 - share) e^(-s/N)) over s."""
    if share >= 1:
        return 0.0
    nearly = -torch.expm1(math.log1p(-share) - POINTS / N)
    return (1 - share) / N * float((torch.exp(-POINTS) / nearly * POINTS).sum()) * STEP


def _error(counts: Counts, unseen: Unseen, share: float, blocks: Iterable[Block]) -> float:
    """The jackknife over rows (Efron and Stein 1981), the tail to first order in the codes that occur in one row and in two."""
    slopes = _slopes(unseen, counts.effective, share)
    left_out, weights = [], []
    for values, times in _alone(counts) if counts.alone else _by_row(counts, blocks):
        left_out.append(_without(counts, unseen, share, slopes, values))
        weights.append(times)
    value, weight = torch.cat(left_out), torch.cat(weights)
    deviation = value - (weight * value).sum() / counts.rows
    return math.sqrt(float((weight * deviation**2).sum()) * (counts.rows - 1) / counts.rows)


Change = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]
"""Of each row (r,), if it is left out: its draws, what leaves sum n psi(n) and the unseen mass, changes of once and of twice."""


def _alone(counts: Counts) -> Iterable[tuple[Change, Tensor]]:
    """Rows of one code are alike if their codes occur equally often."""
    n, codes = torch.unique(counts.counts[counts.counts > 0], return_counts=True)
    yield _change(counts, n, torch.ones_like(n), n), (n * codes).double()


def _by_row(counts: Counts, blocks: Iterable[Block]) -> Iterable[tuple[Change, Tensor]]:
    for codes, lengths in blocks:
        row, code, times = pairs(codes, lengths, counts.size)
        parts = torch.stack(_change(counts, counts.counts[code], times, counts.rows_with[code]))
        sums = torch.zeros(len(parts), len(lengths), dtype=torch.float64).index_add_(1, row, parts)
        draws, gone, mass, once, twice = sums
        yield (draws, gone, mass, once, twice), torch.ones(len(lengths), dtype=torch.float64)


def _change(counts: Counts, n: Tensor, times: Tensor, rows_with: Tensor) -> Change:
    """Of codes (p,) that occur n times in all, in `rows_with` rows, if the row is left out in which they occur `times`."""
    n, times = n.double(), times.double()
    left = n - times
    single, double, triple = ((rows_with == rows).double() for rows in (1, 2, 3))
    gone = n * _psi(n / counts.repetition) - left * _psi(left / counts.repetition)
    return times, gone, single * times - double * left, double - single, triple - double


def _without(
    counts: Counts, unseen: Unseen, share: float, slopes: tuple[float, float], change: Change
) -> Tensor:
    """(r,) the entropy without each row."""
    draws, gone, mass, once, twice = change
    n = counts.counts[counts.counts > 0].double()
    whole = float((n * _psi(n / counts.repetition)).sum())
    rest = counts.draws - draws
    seen = _psi(rest / counts.repetition) - (whole - gone) / rest
    tail = _tail(share, counts.effective) + slopes[0] * once + slopes[1] * twice
    return seen + (unseen.mass * counts.draws - mass) / rest * tail.clamp(min=0)


def _slopes(unseen: Unseen, N: float, share: float) -> tuple[float, float]:
    """By how much the tail changes with one more code that occurs once, and twice; 0 where the share is the bound's."""
    once, twice = unseen.once, unseen.twice
    if not once or share > _share(once, twice, N):
        return 0.0, 0.0
    here = _tail(share, N)
    return _tail(_share(once + 1, twice, N), N) - here, _tail(_share(once, twice + 1, N), N) - here
