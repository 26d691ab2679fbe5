"""Eigenvalues of covariances, descending and without what float64 leaves of a zero, and the four matrices of a spectrum."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.few_rows import FewRows
from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0
from collapse_cli.metrics.moments import Spread, spread_of
from collapse_cli.metrics.ranks import entropy_rank

ROUNDING = (
    1e-12  # eigenvalues below this share of the largest are what float64 sums over many rows leave of a zero
)


def matrices(raw: Spread, on_sphere: Spread) -> dict[str, Tensor]:
    """The four matrices (D,D) whose eigenvalues are measured; of N <= D rows (N,N) of the same eigenvalues, without zeros."""
    return {
        RAW: raw.compact_covariance,
        UNIT: on_sphere.compact_covariance,
        RAW_ABOUT_0: raw.compact_second_moment,
        UNIT_ABOUT_0: on_sphere.compact_second_moment,
    }


def eigenvalues(symmetric: Tensor, d: int = 0) -> Tensor:
    """(D',D') float64 -> (D',) descending; what lies below the rounding of the largest is 0. d: zeros are added up to so many."""
    return _padded(_rounded(torch.linalg.eigvalsh(symmetric).flip(0)), d)


def basis(symmetric: Tensor) -> tuple[Tensor, Tensor]:
    """(D,D) float64 -> eigenvalues (D,), as `eigenvalues`, and their vectors in columns (D,D)."""
    lam, vectors = torch.linalg.eigh(symmetric)
    return _rounded(lam.flip(0)), vectors.flip(1)


def covariance_basis(seen: Spread) -> tuple[Tensor, Tensor]:
    """`basis` of the covariance, of no more rows than dimensions vectors (D,N), in the span of the rows."""
    if not isinstance(seen, FewRows):
        return basis(seen.covariance)
    within = torch.linalg.qr((seen.deviations + seen.mean).T).Q  # (D,N)
    inside = seen.deviations @ within  # (N,N)
    lam, vectors = basis(inside.T @ inside / max(seen.count - 1, 1))
    return _padded(lam, len(seen.mean)), within @ vectors


def spectra(raw: Spread, on_sphere: Spread) -> dict[str, Tensor]:
    """Eigenvalues (D,) of each of the four matrices, by name."""
    return {name: eigenvalues(matrix, len(raw.mean)) for name, matrix in matrices(raw, on_sphere).items()}


def all_bases(raw: Spread, on_sphere: Spread) -> dict[str, tuple[Tensor, Tensor]]:
    """`basis` of each of the four matrices, by name. Of N <= D rows no vectors (D,0): these have no intervals."""
    if isinstance(raw, FewRows):
        none = raw.mean.new_empty(len(raw.mean), 0)
        return {name: (lam, none) for name, lam in spectra(raw, on_sphere).items()}
    return {name: basis(matrix) for name, matrix in matrices(raw, on_sphere).items()}


def _padded(lam: Tensor, d: int) -> Tensor:
    return torch.nn.functional.pad(lam, (0, max(d - len(lam), 0)))


def _rounded(lam: Tensor) -> Tensor:
    return torch.where(lam > ROUNDING * lam[0], lam.clamp_min(0), 0.0)


def explained(lam: Tensor) -> list[float]:
    """The share (D,) of the variance that the first k directions hold; 0 where there is none."""
    return list((lam.cumsum(0) / lam.sum().clamp_min(torch.finfo(lam.dtype).tiny)).tolist())


def effective_rank(rows: Tensor) -> float:
    """exp(entropy of lambda / sum lambda) of the covariance of unit rows (N,D); in [1, min(N-1, D)]."""
    return entropy_rank(eigenvalues(spread_of(rows).compact_covariance))
