"""Count, mean and scatter of rows: moments that grow block by block in float64, and can be merged."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.few_rows import FewRows, few_rows
from collapse_cli.metrics.rows import refuse_width, shifted
from collapse_cli.progress import counted
from collapse_cli.shapes import Rows

BLOCK = 2**20  # numbers turned to float64 at once: 8 MB, which a processor's cache still holds
STRIP = 128  # columns multiplied at once; what lies below the diagonal is never computed


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

    @property
    def variances(self) -> Tensor:
        """(D,): the diagonal of the covariance."""
        return self.scatter.diagonal() / max(self.count - 1, 1)

    @property
    def compact_covariance(self) -> Tensor:
        """A matrix of the same eigenvalues: the covariance itself."""
        return self.covariance

    @property
    def compact_second_moment(self) -> Tensor:
        """A matrix of the same eigenvalues: the second moment itself."""
        return self.second_moment

    def along_mean(self, divisor: int) -> tuple[float, float]:
        """tr C and m^T C m, C being the scatter over the divisor, m the mean."""
        covariance = self.scatter / divisor
        return float(covariance.trace()), float(self.mean @ covariance @ self.mean)

    def squares(self, divisor: int) -> float:
        """The sum of the squares of all entries of the scatter over the divisor."""
        return float((self.scatter / divisor).square().sum())


Spread = Moments | FewRows
"""Count, mean and scatter: of D x D numbers, or as the deviations of no more rows than dimensions."""


@dataclass(frozen=True)
class Gathered:
    """What one pass over rows (N,D) leaves: moments of the rows times 2^power, and of the same rows brought to length 1.

    power: 0 but where float64 could not hold powers of the rows. longest (n,) int64: which rows are the longest.
    copies: which rows are copies of others, where that was asked. never_negative: whether no number of theirs is below 0.
    moved: where products were float32, what the errors of raw and unit scatter make of `products.probes`, (D,PROBES) each.
    """

    raw: Spread
    on_sphere: Spread
    power: int
    longest: Tensor
    copies: Copies | None = None
    never_negative: bool = False
    moved: tuple[Tensor, Tensor] | None = None


class Gathering:
    """Moments that grow: float64 throughout, D x D of memory, one product of each block with itself."""

    def __init__(self, d: int, device: torch.device) -> None:
        refuse_width(d)
        self.count = 0
        self.mean = torch.zeros(d, dtype=torch.float64, device=device)
        self.upper = torch.zeros(d, d, dtype=torch.float64, device=device)  # right on and above the diagonal

    def add(self, rows: Tensor) -> None:
        """rows (b,D) float64, b >= 1. Equal rows add exactly nothing to the scatter.

        The step between the means, which Chan, Golub & LeVeque (1979) add to the scatter, is one more row of the product.
        """
        if not self.count:
            self.mean = rows[0].clone()
        total = self.count + len(rows)
        centred = rows.new_empty(len(rows) + 1, rows.shape[1])  # (b+1, D)
        step = torch.sub(rows, self.mean, out=centred[:-1]).mean(dim=0)
        centred[:-1] -= step
        centred[-1] = step * math.sqrt(self.count * len(rows) / total)
        for start in range(0, rows.shape[1], STRIP):
            strip, rest = centred[:, start : start + STRIP], centred[:, start:]
            self.upper[start : start + STRIP, start:].addmm_(strip.T, rest)
        self.mean += step * (len(rows) / total)
        self.count = total

    def fold(self, count: int, about: Tensor, sums: Tensor, product: Tensor) -> None:
        """So many rows, of which are known the sums (D,) of x - about, and (D,D) of (x - about)(x - about)^T."""
        self.upper += product
        step = sums / count
        self.upper.addr_(step, step, alpha=-float(count))
        self._join(count, about + step)

    def merge(self, other: Gathering) -> None:
        """The other's rows, too, as `merge` of moments; equal rows add exactly nothing."""
        if other.count:
            self.upper += other.upper
            self._join(other.count, other.mean)

    def _join(self, count: int, mean: Tensor) -> None:
        """So many rows of this mean, whose scatter is there already."""
        if not self.count:
            self.count, self.mean = count, mean.clone()
            return
        total, step = self.count + count, mean - self.mean  # a count, (D,)
        self.upper.addr_(step, step, alpha=self.count * count / total)
        self.mean += step * (count / total)
        self.count = total

    def shift(self, power: int) -> None:
        """As if all rows had been added times 2^power."""
        self.mean, self.upper = shifted(self.mean, power), shifted(self.upper, 2 * power)

    def moments(self) -> Moments:
        return Moments(self.count, self.mean, self.upper.triu() + self.upper.triu(1).T)


def moments(rows: Tensor) -> Moments:
    """Moments of rows (N,D), N >= 1."""
    gathering = Gathering(rows.shape[1], rows.device)
    for block in blocks(rows):
        gathering.add(block)
    return gathering.moments()


def spread_of(rows: Tensor) -> Spread:
    """As `moments`, without D x D numbers where there are no more rows than dimensions."""
    n, d = rows.shape
    return moments(rows) if n > d else few_rows(rows.double())


def merge(first: Moments, second: Moments) -> Moments:
    """The moments of both sets of rows together (Chan, Golub & LeVeque 1979)."""
    count = first.count + second.count
    step = second.mean - first.mean  # (D,)
    mean = first.mean + step * (second.count / count)
    scatter = first.scatter + second.scatter + torch.outer(step, step) * (first.count * second.count / count)
    return Moments(count, mean, scatter)


def without(total: Moments, part: Moments) -> Moments:
    """The moments of the rows of `total` that are not in `part`: `merge` undone, for what leaves a block out.

    part.count < total.count. Errors are float64's rounding of `total`, however little is left.
    """
    count = total.count - part.count
    mean = total.mean + (total.mean - part.mean) * (part.count / count)
    step = part.mean - mean
    scatter = total.scatter - part.scatter - torch.outer(step, step) * (count * part.count / total.count)
    return Moments(count, mean, scatter)


def blocks(rows: Rows) -> Iterator[Tensor]:
    """rows (N,D) in turn, as many at once as make BLOCK numbers, float64."""
    count, d = rows.shape
    size = max(BLOCK // max(d, 1), 1)
    for start in counted(range(0, count, size), "rows read", lambda start: min(size, count - start)):
        yield rows[start : min(start + size, count)].double()
