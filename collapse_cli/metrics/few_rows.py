"""No more rows than dimensions: all that is asked of their D x D scatter, by N x N matrices, at a cost of N^2 D.

Of rows X^T = Q R the scatter X^T X is Q R R^T Q^T: R R^T (N,N) has its eigenvalues, the D - N others are 0. The Gram matrix X X^T
has them, too, but where one coordinate is a million times the others it leaves these no digits; R R^T does, if the longest row
comes first. D x D numbers are formed only where they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class FewRows:
    """Of N rows: mean (D,) and deviations from it (N,D), both float64. What `Moments` has, this has."""

    mean: Tensor
    deviations: Tensor

    @property
    def count(self) -> int:
        return len(self.deviations)

    @property
    def scatter(self) -> Tensor:
        """(D,D)."""
        return self.deviations.T @ self.deviations

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
        return self.deviations.square().sum(dim=0) / max(self.count - 1, 1)

    @property
    def compact_covariance(self) -> Tensor:
        """(N,N): the eigenvalues of the covariance, D - N zeros left out."""
        return compact(self.deviations) / max(self.count - 1, 1)

    @property
    def compact_second_moment(self) -> Tensor:
        """(N,N): the eigenvalues of the second moment, D - N zeros left out."""
        return compact(self.deviations + self.mean) / self.count

    def along_mean(self, divisor: int) -> tuple[float, float]:
        """tr C and m^T C m, C being the scatter over the divisor, m the mean."""
        trace, along = self.deviations.square().sum(), (self.deviations @ self.mean).square().sum()
        return float(trace) / divisor, float(along) / divisor

    def squares(self, divisor: int) -> float:
        """The sum of the squares of all entries of the scatter over the divisor."""
        return float((compact(self.deviations) / divisor).square().sum())


def few_rows(rows: Tensor) -> FewRows:
    """Of rows (N,D) float64, N >= 1. Deviations of equal rows are exactly 0."""
    deviations = rows - rows[0]
    step = deviations.mean(dim=0)
    deviations -= step
    return FewRows(rows[0] + step, deviations)


def compact(rows: Tensor) -> Tensor:
    """(N,N): the eigenvalues of rows^T rows (D,D), D - N zeros left out, of N <= D rows."""
    longest_first = torch.linalg.vector_norm(rows, dim=1).argsort(descending=True)
    triangle: Tensor = torch.linalg.qr(rows[longest_first].T, mode="r").R  # (N,N)
    return triangle @ triangle.T
