"""Rows that come in groups, as frames of a video do, are less evidence than as many independent ones: how much they are worth.

The squared error of the covariance C of N rows is, in expectation, the sum of <A_i - C, A_j - C> / N² over pairs i, j of a group,
with A_i = v_i v_i^T of the centred unit rows v. Of independent rows only i = j counts. The effective number of rows is that of
independent ones with the same error: N / (1 + (m - 1) rho), m = sum of m_g² / N the size of the group of a row, rho the
intraclass correlation of the A_i. Since <A_i, A_j> = (v_i . v_j)² it is read from pairs of rows. Where rows correlate by rho_1
within a group, rho is about rho_1²: a covariance forgives what a mean does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.moments import Gathered, Spread
from collapse_cli.metrics.rows import directions
from collapse_cli.shapes import Rows

GROUPS, PER_GROUP = 1024, 64  # groups and rows of each, that correlations are read from
UNITS, SPECIAL = 1024, 256  # groups left out at a time, and the largest among them
READ = 2**24  # numbers in the rows of all of them: 128 MB


@dataclass(frozen=True)
class Worth:
    """icc: correlation of two rows of a group, tr B / tr (B + W) of the unit rows, in [0, 1]; effective: independent rows that
    tell as much of the covariance, between the number of groups and N.
    """

    icc: float
    effective: float


def worth(rows: Rows, on_sphere: Spread, owner: Tensor, generator: Generator) -> Worth:
    """Of rows (N,D) with moments on_sphere of the unit rows; owner: (N,) int64 in [0,G)."""
    sizes = torch.bincount(owner)  # (G,)
    n, g = len(owner), len(sizes)
    same = float(sizes.double().square().sum()) - n  # pairs of different rows of one group
    apart = n**2 - n - same
    if not same or not apart:
        return Worth(0.0, float(n if apart else g))
    within = _pairs(rows, on_sphere.mean, owner, sizes, generator)  # (2,)
    trace, along = on_sphere.along_mean(n)
    alone = torch.tensor(
        [trace, trace * trace + 4 * along], dtype=torch.float64
    )  # (2,): a row with itself; |v|^2 varies with u.m
    every = torch.tensor([0.0, on_sphere.squares(n)], dtype=torch.float64) * n**2
    across = (every - n * alone - same * within) / apart
    rho = ((within - across) / (alone - across).clamp_min(1e-300)).clamp(0, 1)
    icc = float(rho[0])
    squared = max(
        float(rho[1]), icc**2
    )  # where one group has most rows, the mean is its own, and hides its part
    return Worth(icc, max(n / (1 + same / n * squared), float(g)))


@dataclass(frozen=True)
class Independent:
    """What N rows are worth. effective: how many independent rows tell as much, N where all are distinct and no groups are
    known; owner: (N,) int64, the group of each row, given or made of its copies; None where every row stands for itself; groups,
    icc: of groups that were given.
    """

    effective: float
    owner: Tensor | None = None
    groups: int | None = None
    icc: float | None = None

    @property
    def count(self) -> int:
        """Rows of the null: at least two."""
        return max(round(self.effective), 2)


def independent(rows: Rows, seen: Gathered, group_of_row: Tensor | None, generator: Generator) -> Independent:
    """Of rows (N,D) whose copies were counted; group_of_row: (N,) int64 in [0,G), which group a row belongs to, or None.

    Without groups: as many as are distinct. With groups: `worth`, and no more than are distinct.
    """
    copies = seen.copies
    distinct, owner = (rows.shape[0], None) if copies is None else (copies.distinct, copies.owner)
    if group_of_row is None:
        return Independent(float(distinct), owner)
    evidence = worth(rows, seen.on_sphere, group_of_row, generator)
    return Independent(
        min(evidence.effective, float(distinct)), group_of_row, int(group_of_row.max()) + 1, evidence.icc
    )


def _pairs(rows: Rows, mean: Tensor, owner: Tensor, sizes: Tensor, generator: Generator) -> Tensor:
    """(2,): the mean of v_i . v_j over pairs of different rows of one group, and that of its square, from a sample of them."""
    starts, order = _sorted(owner, sizes)
    several = (sizes > 1).nonzero()[:, 0]
    chosen = several[torch.randperm(len(several), generator=generator)[:GROUPS]]
    sums, pairs = torch.zeros(2, dtype=torch.float64), 0.0
    for group in chosen.tolist():
        size = int(sizes[group])
        places = order[int(starts[group]) + torch.randperm(size, generator=generator)[:PER_GROUP]]
        v = directions(rows[places].double()) - mean
        kernel, count = v @ v.T, len(places) * (len(places) - 1)
        for k, each in enumerate((kernel, kernel.square())):
            sums[k] += size * (size - 1) * float(each.sum() - each.trace()) / count
        pairs += size * (size - 1)
    return sums / pairs


@dataclass(frozen=True)
class Units:
    """Groups that are left out at a time, of G groups of N rows. rows: (R,D) of theirs, float64; owner: (R,) in [0,U), sorted;
    share: (R,) how many rows of the group a row stands for, times G/N; sizes: (U,) rows of a group, times G/N; weights: (U,) how
    many of all G groups one stands for, those at random first.
    """

    rows: Tensor
    owner: Tensor
    share: Tensor
    sizes: Tensor
    weights: Tensor
    groups: int

    def summed(self, values: Tensor) -> Tensor:
        """Of values (R,D) of the rows: the sums (U,D) over all rows of each group, times G/N."""
        zeros = values.new_zeros(len(self.sizes), values.shape[1])
        return zeros.index_add_(0, self.owner, values * self.share[:, None])


def units(rows: Rows, owner: Tensor, longest: Tensor, generator: Generator) -> Units:
    """All groups where they are few; else the largest and those of the `longest` rows for themselves, and one from each of equal
    stretches of the others, in random order before them. Of groups with very many rows, some of these.
    """
    sizes = torch.bincount(owner)
    n, g = len(owner), len(sizes)
    starts, order = _sorted(owner, sizes)
    chosen, weights = _chosen(sizes, owner[longest.cpu()], generator)
    most = max(READ // (len(chosen) * rows.shape[1]), 2)
    places, part = [], []
    for group in chosen.tolist():
        size = int(sizes[group])
        taken = torch.arange(size) if size <= most else torch.randperm(size, generator=generator)[:most]
        places.append(order[int(starts[group]) + taken])
        part.append(size / len(taken))
    count = torch.tensor([len(some) for some in places])
    scale = g / n
    share = torch.tensor(part, dtype=torch.float64).repeat_interleave(count) * scale
    some = rows[torch.cat(places)].double()
    device = some.device
    return Units(
        some,
        torch.arange(len(chosen)).repeat_interleave(count).to(device),
        share.to(device),
        (sizes[chosen].double() * scale).to(device),
        weights.to(device),
        g,
    )


def renumbered(owner: Tensor) -> Tensor:
    """(N,) the same groups from 0 on, where some are not among the rows."""
    number: Tensor = torch.unique(owner, return_inverse=True)[1]
    return number


def _chosen(sizes: Tensor, special: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Groups (U,), and how many of all each stands for (U,)."""
    g = len(sizes)
    if g <= UNITS:
        return torch.randperm(g, generator=generator), torch.ones(g, dtype=torch.float64)
    largest = sizes.topk(SPECIAL).indices
    special = torch.unique(torch.cat([largest, special]))
    ordinary = torch.ones(g, dtype=torch.bool)
    ordinary[special] = False
    rest = ordinary.nonzero()[:, 0]
    size = min(UNITS - min(len(special), UNITS // 2), len(rest))
    places = (torch.arange(size) + torch.rand(size, generator=generator, dtype=torch.float64)) * (
        len(rest) / size
    )
    some = rest[places.long().clamp_max(len(rest) - 1)[torch.randperm(size, generator=generator)]]
    weights = torch.ones(size + len(special), dtype=torch.float64)
    weights[:size] = len(rest) / size
    return torch.cat([some, special]), weights


def _sorted(owner: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Where each group starts (G,) in the order (N,) of the rows by group."""
    return sizes.cumsum(0) - sizes, owner.argsort(stable=True)
