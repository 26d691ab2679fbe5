"""Eigenvalues of covariances, descending and without what float64 leaves of a zero, and the four matrices of a spectrum."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0
from collapse_cli.metrics.moments import Moments, moments
from collapse_cli.metrics.ranks import entropy_rank
from collapse_cli.metrics.rows import directions
from collapse_cli.shapes import Rows

ROUNDING = (
    1e-12  # eigenvalues below this share of the largest are what float64 sums over many rows leave of a zero
)


def matrices(raw: Moments, on_sphere: Moments) -> dict[str, Tensor]:
    """The four matrices (D,D) whose eigenvalues are measured."""
    return {
        RAW: raw.covariance,
        UNIT: on_sphere.covariance,
        RAW_ABOUT_0: raw.second_moment,
        UNIT_ABOUT_0: on_sphere.second_moment,
    }


def span(rows: Rows) -> Tensor | None:
    """Orthonormal columns (D,N) that span N <= D rows and their mean; None where there are more rows than dimensions.

    A D x D matrix of so few rows has its eigenvalues in there: an N x N matrix has the same, and costs N^3, not D^3.
    """
    n, d = rows.shape
    return None if n > d else torch.linalg.qr(directions(rows[0:n].double()).T).Q


def eigenvalues(symmetric: Tensor, within: Tensor | None = None) -> Tensor:
    """(D,D) float64 -> (D,) descending; what lies below the rounding of the largest is 0. within: `span` of its rows."""
    return _padded(_rounded(torch.linalg.eigvalsh(_narrowed(symmetric, within)).flip(0)), len(symmetric))


def basis(symmetric: Tensor, within: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(D,D) float64 -> eigenvalues (D,), as `eigenvalues`, and their vectors in columns, (D,D), or (D,N) `within` N."""
    lam, vectors = torch.linalg.eigh(_narrowed(symmetric, within))
    vectors = vectors.flip(1)
    return _padded(_rounded(lam.flip(0)), len(symmetric)), vectors if within is None else within @ vectors


def all_bases(rows: Rows, raw: Moments, on_sphere: Moments) -> dict[str, tuple[Tensor, Tensor]]:
    """`basis` of each of the four matrices of rows (N,D), by name."""
    within = span(rows)
    return {name: basis(matrix, within) for name, matrix in matrices(raw, on_sphere).items()}


def _narrowed(symmetric: Tensor, within: Tensor | None) -> Tensor:
    return symmetric if within is None else within.T @ symmetric @ within


def _padded(lam: Tensor, d: int) -> Tensor:
    return torch.nn.functional.pad(lam, (0, d - len(lam)))


def _rounded(lam: Tensor) -> Tensor:
    return torch.where(lam > ROUNDING * lam[0], lam.clamp_min(0), 0.0)


def explained(lam: Tensor) -> list[float]:
    """The share (D,) of the variance that the first k directions hold; 0 where there is none."""
    return list((lam.cumsum(0) / lam.sum().clamp_min(torch.finfo(lam.dtype).tiny)).tolist())


def effective_rank(rows: Tensor) -> float:
    """exp(entropy of lambda / sum lambda) of the covariance of unit rows (N,D); in [1, min(N-1, D)]."""
    return entropy_rank(eigenvalues(moments(rows).covariance))
