"""No more rows than dimensions: all that is asked of their D x D scatter, by N x N products, which cost N^2 D.

Of deviations X (N,D) from the mean, X X^T has the eigenvalues of X^T X; the D - N others are 0. D x D numbers are formed only
where they are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

STRIP = 128  # rows multiplied at once; what lies below the diagonal is never computed


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
        return gram(self.deviations) / max(self.count - 1, 1)

    @property
    def compact_second_moment(self) -> Tensor:
        """(N,N): the eigenvalues of the second moment, D - N zeros left out: (X + 1 m^T)(X + 1 m^T)^T / N."""
        along = self.deviations @ self.mean  # (N,)
        about_0 = gram(self.deviations) + (along + along[:, None]) + self.mean.square().sum()
        return about_0 / self.count

    def along_mean(self, divisor: int) -> tuple[float, float]:
        """tr C and m^T C m, C being the scatter over the divisor, m the mean."""
        trace, along = self.deviations.square().sum(), (self.deviations @ self.mean).square().sum()
        return float(trace) / divisor, float(along) / divisor

    def squares(self, divisor: int) -> float:
        """The sum of the squares of all entries of the scatter over the divisor."""
        return float((gram(self.deviations) / divisor).square().sum())


def few_rows(rows: Tensor) -> FewRows:
    """Of rows (N,D) float64, N >= 1. Deviations of equal rows are exactly 0."""
    deviations = rows - rows[0]
    step = deviations.mean(dim=0)
    deviations -= step
    return FewRows(rows[0] + step, deviations)


def gram(rows: Tensor) -> Tensor:
    """Products (N,N) of rows (N,D) with each other."""
    upper = rows.new_zeros(len(rows), len(rows))
    for start in range(0, len(rows), STRIP):
        upper[start : start + STRIP, start:] = rows[start : start + STRIP] @ rows[start:].T
    return upper.triu() + upper.triu(1).T
