"""Eigenvalues of covariances, descending and without what float64 leaves of a zero, and the four matrices of a spectrum."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0
from collapse_cli.metrics.moments import Moments

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


def eigenvalues(symmetric: Tensor) -> Tensor:
    """(D,D) float64 -> (D,) descending; what lies below the rounding of the largest is 0."""
    return _rounded(torch.linalg.eigvalsh(symmetric).flip(0))


def basis(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """(D,D) float64 -> eigenvalues (D,), as `eigenvalues`, and their vectors (D,D) in columns."""
    lam, vectors = torch.linalg.eigh(symmetric)
    return _rounded(lam.flip(0)), vectors.flip(1)


def _rounded(lam: Tensor) -> Tensor:
    return torch.where(lam > ROUNDING * lam[0], lam.clamp_min(0), 0.0)


def explained(lam: Tensor) -> list[float]:
    """The share (D,) of the variance that the first k directions hold; 0 where there is none."""
    return list((lam.cumsum(0) / lam.sum().clamp_min(torch.finfo(lam.dtype).tiny)).tolist())
