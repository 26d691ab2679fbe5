"""Scatter within and between groups of rows: views of one image, or images of one class."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.moments import blocks
from collapse_cli.metrics.rows import levelled, refuse_width, sound


@dataclass(frozen=True)
class Groups:
    """Rows (N,D) float64 as their deviations (N,D) from the mean of their group; means (C,D), sizes (C,), labels (C,).

    member (N,) int64 in [0, C): the group of each row. power: deviations and means are times 2^power, 0 but where float64 could
    not square the rows.
    """

    deviations: Tensor
    means: Tensor
    sizes: Tensor
    labels: Tensor
    member: Tensor
    power: int = 0

    def levelled(self, square: float) -> float:
        """A square, given for the rows themselves, as it is of these. Raises CollapseError where float64 cannot hold it."""
        try:
            return math.ldexp(square, 2 * self.power)
        except OverflowError:
            raise CollapseError(
                f"variances are so small here that {square:g} outweighs them beyond what float64 can hold",
                "give the embeddings at a larger scale, or an amount in proportion to them",
            ) from None

    def plainly(self, square: float) -> float | None:
        """A square of these, as it is of the rows themselves; None where float64 cannot hold that."""
        if not square or not self.power:
            return square
        try:
            plain = math.ldexp(square, -2 * self.power)
        except OverflowError:
            return None
        return plain if abs(plain) >= sys.float_info.min else None


@dataclass(frozen=True)
class Scatters:
    """within (D,D), between (D,D) and mean (D,), the mean of the groups' means, all float64; of `rows` rows in `groups`.

    share: mean over the groups of 1 / size, which is 1/q.

    Divisors are LiDAR's (arXiv:2312.04000): N - C within, which is n (q - 1) for n images of q views, and C - 1 between,
    where each group's mean counts once. So the scatter of the means holds a share of what is within: see `net`.
    """

    within: Tensor
    between: Tensor
    mean: Tensor
    groups: int
    rows: int
    share: float

    @property
    def net(self) -> Tensor:
        """(D,D): between, without what means of few rows vary by on their own; 0 in expectation where groups say nothing."""
        return self.between - self.share * self.within


def of_views(views: Tensor) -> Scatters:
    """Of n images' q views (n,q,D), n and q at least 2. Raises as `groups` does."""
    n, q, _ = views.shape
    return scatters(groups(views.flatten(0, 1), torch.arange(n).repeat_interleave(q)))


def of_labels(rows: Tensor, labels: Tensor) -> Scatters:
    """Of rows (N,D) with labels (N,). Raises as `groups` does."""
    return scatters(groups(rows, labels))


def groups(rows: Tensor, labels: Tensor) -> Groups:
    """Rows (N,D) by their labels (N,). A group of equal rows has deviations that are exactly 0.

    Raises CollapseError for rows that are not finite or too wide for a covariance and, with code 3, for fewer than two groups,
    or groups of one row each.
    """
    refuse_width(rows.shape[1])
    (rows,), k = levelled(sound(rows))
    present, member, sizes = torch.unique(labels.to(rows.device), return_inverse=True, return_counts=True)
    if len(present) < 2 or len(present) == len(rows):
        where = (
            "one group, so there is no variance between groups"
            if len(present) < 2
            else "groups of one embedding each, so there is no variance within groups"
        )
        raise CollapseError(
            f"all {len(rows)} embeddings are of {where}",
            "give at least two groups, one of which has two embeddings",
            code=3,
        )
    first = rows.new_zeros(len(present), dtype=torch.int64)
    first[member.flip(0)] = torch.arange(len(rows) - 1, -1, -1, device=rows.device)
    start = rows[first]  # (C, D): sums of differences from a row of the group are exact where all are equal
    deviations = rows - start[member]  # (N, D)
    steps = torch.zeros_like(start).index_add_(0, member, deviations) / sizes[:, None]  # (C, D)
    deviations -= steps[member]
    return Groups(deviations, start + steps, sizes, present, member, k)


def scatters(grouped: Groups) -> Scatters:
    """Of groups that are there already."""
    count, n = len(grouped.means), len(grouped.deviations)
    mean = grouped.means.mean(dim=0)
    between = grouped.means - mean  # (C, D)
    within = sum((block.T @ block for block in blocks(grouped.deviations)), start=between.new_zeros(()))
    return Scatters(
        within / (n - count),
        between.T @ between / (count - 1),
        mean,
        count,
        n,
        float((1 / grouped.sizes.double()).mean()),
    )
