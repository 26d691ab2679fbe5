"""Spectra and effective ranks. `rows` are embeddings (N,D); lambda are eigenvalues, sigma = sqrt(lambda) singular values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.moments import Moments, moments
from collapse_cli.metrics.rows import sound, unit
from collapse_cli.results import Curve, Measured, curve, number

RELATIVE_FLOOR = 1e-2  # a dimension lives if its eigenvalue is above this share of the largest
ROUNDING = (
    1e-12  # eigenvalues below this share of the largest are what float64 sums over many rows leave of a zero
)


@dataclass(frozen=True)
class Spectrum:
    """Spectrum and effective ranks."""

    rows: int = number("pictures or rows measured, N")
    dimensions: int = number("width of the space, D")
    total_variance: float = number(
        "trace of the covariance of the unit rows; 0: all rows are one point, and the centred ranks below are rounding noise's",
        convention="centred, L2-normalised rows", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    std_sqrt_d: float = number(
        "mean standard deviation per dimension of the unit rows, times sqrt(D); the usual check, blind to lost rank",
        label="std·√D", convention="centred, L2-normalised rows", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    effective_rank: float = number(
        "exp of the entropy of lambda / sum lambda",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    effective_rank_shuffled: float = number(
        "the same after shuffling every column on its own: what the columns' variances alone would give",
        label="effective rank, shuffled", unit="dimensions", convention="λ, centred, L2-normalised rows, then shuffled",
    )  # fmt: skip
    effective_rank_raw: float = number(
        "exp of the entropy of lambda / sum lambda, rows as the network gave them",
        label="effective rank, raw rows", unit="dimensions", convention="λ, centred, raw rows", null="isotropic", better="high",
    )  # fmt: skip
    effective_rank_sigma: float = number(
        "exp of the entropy of sigma / sum sigma (Roy & Vetterli 2007)",
        label="effective rank of σ", unit="dimensions", convention="σ, centred, raw rows", null="isotropic", better="high",
    )  # fmt: skip
    rankme: float = number(
        "exp of the entropy of sigma / sum sigma (Garrido et al. 2023, arXiv:2210.02885), without its eps",
        label="RankMe", unit="dimensions", convention="σ, not centred, raw rows", null="isotropic", better="high",
    )  # fmt: skip
    vendi: float = number(
        "exp of the entropy of lambda of U^T U / N (Friedman & Dieng 2023, cosine kernel): effective number of distinct rows",
        label="Vendi score", unit="rows", convention="λ, not centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    participation_ratio: float = number(
        "(sum lambda)^2 / sum lambda^2; IsoScore = (this - 1) / (D - 1)",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    stable_rank: float = number(
        "sum lambda / largest lambda; NESum (He & Ozay 2022); its inverse is the first direction's share",
        unit="dimensions", convention="λ, centred, raw rows", null="isotropic", better="high",
    )  # fmt: skip
    dimensions_90: int = number(
        "directions that hold 90 % of the variance", label="dimensions for 90 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    dimensions_99: int = number(
        "directions that hold 99 % of the variance", label="dimensions for 99 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    alive: int = number(
        "directions whose lambda is above 1 % of the largest", label="dimensions above 1 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    eigenvalues: Curve = curve(
        "eigenvalues of the covariance of the unit rows, as in Jing et al. 2022",
        x="direction, by size", y="eigenvalue λ", log="y", null="isotropic", sketch=True,
    )  # fmt: skip
    explained: Curve = curve(
        "share of the variance that the first k directions hold",
        label="variance explained", x="directions k", y="share of variance", null="isotropic",
    )  # fmt: skip


def spectrum(rows: Tensor, generator: Generator) -> Spectrum:
    """Everything spectral of rows (N,D), beside isotropic rows of the same N and D drawn from `generator` (CPU).

    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    rows = sound(rows)
    isotropic = torch.randn(rows.shape, generator=generator)
    found, chance = _measure(rows), _measure(isotropic)
    shuffled = _eigenvalues(moments(shuffle_columns(unit(rows), generator)).covariance)
    numbers: dict[str, Any] = {
        name: Measured(value, null=chance[name]) if isinstance(value, float) else value
        for name, value in found.items()
        if not isinstance(value, tuple)
    }
    curves: dict[str, Any] = {
        name: Curve(found[name], null=chance[name]) for name in ("eigenvalues", "explained")
    }
    return Spectrum(
        rows=rows.shape[0],
        dimensions=rows.shape[1],
        effective_rank_shuffled=entropy_rank(shuffled),
        **numbers,
        **curves,
    )


def _measure(rows: Tensor) -> dict[str, Any]:
    """Every number and curve of Spectrum that has a null. rows (N,D), finite."""
    raw, on_sphere = moments(rows), moments(unit(rows))
    lam_raw, lam = _eigenvalues(raw.covariance), _eigenvalues(on_sphere.covariance)  # (D,) each
    explained = lam.cumsum(0) / lam.sum().clamp_min(torch.finfo(lam.dtype).tiny)
    return {
        "total_variance": float(lam.sum()),
        "std_sqrt_d": _std_sqrt_d(on_sphere),
        "effective_rank": entropy_rank(lam),
        "effective_rank_raw": entropy_rank(lam_raw),
        "effective_rank_sigma": entropy_rank(lam_raw.sqrt()),
        "rankme": entropy_rank(_eigenvalues(raw.second_moment).sqrt()),
        "vendi": entropy_rank(_eigenvalues(on_sphere.second_moment)),
        "participation_ratio": participation_ratio(lam),
        "stable_rank": stable_rank(lam_raw),
        "dimensions_90": float(directions_for(0.9, lam)),
        "dimensions_99": float(directions_for(0.99, lam)),
        "alive": float(alive(lam)),
        "eigenvalues": tuple(lam.tolist()),
        "explained": tuple(explained.tolist()),
    }


def effective_rank(rows: Tensor) -> float:
    """exp(entropy of lambda / sum lambda) of the covariance of unit rows (N,D); in [1, min(N-1, D)]."""
    return entropy_rank(_eigenvalues(moments(rows).covariance))


def entropy_rank(values: Tensor) -> float:
    """exp(-sum p log p), p = values / sum (Roy & Vetterli 2007). values (D,) >= 0; zeros count nothing, and no eps is added.

    In [1, number of values above 0]; 1 where all are 0.
    """
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny)
    return float(torch.special.entr(shares).sum().exp())


def participation_ratio(lam: Tensor) -> float:
    """(sum lambda)^2 / sum lambda^2, lambda (D,) >= 0; in [1, D], 1 where all are 0."""
    squares = lam.square().sum()
    return float(lam.sum().square() / squares) if squares > 0 else 1.0


def stable_rank(lam: Tensor) -> float:
    """sum lambda / max lambda = ||Z||_F^2 / ||Z||_2^2, lambda (D,) descending; in [1, D], 1 where all are 0."""
    return float(lam.sum() / lam[0]) if lam[0] > 0 else 1.0


def alive(lam: Tensor) -> int:
    """How many of lambda (D,), descending, are above 1 % of the largest."""
    return int((lam > RELATIVE_FLOOR * lam[0]).sum())


def directions_for(share: float, lam: Tensor) -> int:
    """The fewest directions that hold this share of the variance, lambda (D,) descending; 0 where there is none."""
    return int((lam.cumsum(0) < share * lam.sum()).sum()) + int(lam[0] > 0)


def shuffle_columns(rows: Tensor, generator: Generator) -> Tensor:
    """rows (N,D) with every column in an order of its own: the same marginals, no correlation."""
    order = torch.rand(rows.shape, generator=generator).argsort(dim=0)
    return rows.gather(0, order)


def _eigenvalues(symmetric: Tensor) -> Tensor:
    """(D,D) float64 -> (D,) descending; what lies below the rounding of the largest is 0."""
    lam = torch.linalg.eigvalsh(symmetric).flip(0).clamp_min(0)
    return torch.where(lam > ROUNDING * lam[0], lam, 0.0)


def _std_sqrt_d(on_sphere: Moments) -> float:
    deviation = on_sphere.covariance.diagonal().clamp_min(0).sqrt()  # (D,)
    return float(deviation.mean() * len(deviation) ** 0.5)
