"""Count, mean and scatter of rows: all that a spectrum needs, gathered block by block in float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 8192  # rows turned to float64 at once


@dataclass(frozen=True)
class Moments:
    """Of `count` rows of D numbers: mean (D,) and scatter (D,D) = sum of (row - mean)(row - mean)^T, both float64."""

    count: int
    mean: Tensor
    scatter: Tensor

    @property
    def covariance(self) -> Tensor:
        """(D,D), divided by N - 1."""
        return self.scatter / max(self.count - 1, 1)

    @property
    def second_moment(self) -> Tensor:
        """(D,D): mean of row row^T, about the origin, divided by N."""
        return self.scatter / self.count + torch.outer(self.mean, self.mean)


def moments(rows: Tensor) -> Moments:
    """Moments of rows (N,D), N >= 1."""
    blocks = [_of_block(block.double()) for block in rows.split(BLOCK)]
    total = blocks[0]
    for block in blocks[1:]:
        total = merge(total, block)
    return total


def _of_block(rows: Tensor) -> Moments:
    shifted = rows - rows[0]  # equal rows leave exactly nothing
    mean = shifted.mean(dim=0)
    centred = shifted - mean
    return Moments(len(rows), rows[0] + mean, centred.T @ centred)


def merge(one: Moments, other: Moments) -> Moments:
    """The moments of both sets of rows together (Chan, Golub & LeVeque 1979)."""
    count = one.count + other.count
    step = other.mean - one.mean  # (D,)
    mean = one.mean + step * (other.count / count)
    scatter = one.scatter + other.scatter + torch.outer(step, step) * (one.count * other.count / count)
    return Moments(count, mean, scatter)
