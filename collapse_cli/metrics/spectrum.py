"""Spectra and effective ranks. `rows` are embeddings (N,D); lambda are eigenvalues, sigma = sqrt(lambda) singular values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor

from collapse_cli.metrics.eigenvalues import ROUNDING, basis, eigenvalues, explained, matrices
from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0, intervals
from collapse_cli.metrics.moments import Moments, blocks, gather, moments
from collapse_cli.metrics.nulls import edges, isotropic, shuffled
from collapse_cli.metrics.ranks import (
    ACTIVE,
    active,
    alive,
    alpha,
    directions_for,
    entropy_rank,
    fit_range,
    misfit,
    participation_ratio,
    stable_rank,
)
from collapse_cli.results import curve, number
from collapse_cli.shapes import Rows
from collapse_cli.values import Curve, Measured


@dataclass(frozen=True)
class Spectrum:
    """Spectrum and effective ranks."""

    samples: int = number("embeddings measured, N")
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
    active: int = number(
        f"directions that hold more than {ACTIVE:.0%} of an equal share, 1/D, of the unit rows: what the verdict counts",
        label="active dimensions", unit="dimensions", convention=f"λ > {ACTIVE}/D, centred, L2-normalised rows",
        null="isotropic", better="high", headline=True,
    )  # fmt: skip
    eigenvalues: Curve = curve(
        "eigenvalues of the covariance of the unit rows, as in Jing et al. 2022",
        x="direction, by size", y="eigenvalue λ", log="y", null="isotropic", sketch=True,
    )  # fmt: skip
    explained: Curve = curve(
        "share of the variance that the first k directions hold",
        label="variance explained", x="directions k", y="share of variance", null="isotropic",
    )  # fmt: skip
    mean_cosine: float | None = number(
        "mean cosine of two different rows, 1 - total variance; 1 is complete collapse",
        convention="not centred, no self pairs", null="isotropic", default=None,
    )  # fmt: skip
    isoscore: float | None = number(
        "(participation ratio - 1) / (D - 1) (ACL Findings 2022); 1 isotropic, 0 one direction",
        label="IsoScore", convention="λ, centred, L2-normalised rows", null="isotropic", default=None,
    )  # fmt: skip
    top_share: float | None = number(
        "share of the variance in the first direction: 1 / stable rank",
        label="first direction's share", convention="λ, centred, raw rows", null="isotropic", default=None,
    )  # fmt: skip
    dimensions_95: int | None = number(
        "directions that hold 95 % of the variance", label="dimensions for 95 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", default=None,
    )  # fmt: skip
    above_edge: int | None = number(
        "directions above the Marchenko-Pastur edge, the most that isotropic rows of this variance would have by chance",
        label="dimensions above chance", unit="dimensions",
        convention="λ > (1 + √(D/(N-1)))² · mean λ, centred, L2-normalised rows", null="isotropic", default=None,
    )  # fmt: skip
    alpha: float | None = number(
        "exponent of lambda_j ~ j^-alpha (alpha-ReQ, Agrawal et al. 2022)",
        label="α", convention="λ, centred, raw rows, least squares of log λ on log j weighted by 1/j", null="isotropic",
        default=None,
    )  # fmt: skip
    alpha_r2: float | None = number(
        "how well that line fits: R²; below 0.9 there is no power law to speak of",
        label="R² of α", convention="weighted by 1/j", null="isotropic", default=None,
    )  # fmt: skip
    alpha_from: int | None = number("first direction j of that line", label="α fitted from", default=None)
    alpha_to: int | None = number("last direction j of that line", label="α fitted to", default=None)
    effective_rank_untrained: float | None = number(
        "effective rank of the same network before training, on the same images",
        label="effective rank, untrained", unit="dimensions", convention="λ, centred, L2-normalised rows", default=None,
    )  # fmt: skip
    numerical_rank: int | None = number(
        "directions that float64 tells from 0", label="dimensions above rounding",
        unit="dimensions", convention=f"λ > {ROUNDING:.0e} of the largest, centred, L2-normalised rows", null="isotropic",
        default=None,
    )  # fmt: skip
    rounding: float | None = number(
        "|total variance + mean cosine - 1|, which is 0: what the arithmetic has lost", default=None
    )  # fmt: skip
    rectified: bool = False  # whether the isotropic rows went through a ReLU, as these did


def spectrum(rows: Rows, generator: Generator, relu: bool = False, untrained: Rows | None = None) -> Spectrum:
    """Everything spectral of rows (N,D), read once and block by block, beside isotropic rows of the same N and D.

    generator (CPU): nulls and the sample of rows that intervals come from are drawn of it. relu: the isotropic rows pass
    through a ReLU, for representations that did (`never_negative`): their mean cosine is 0.32, whatever they have learnt.
    untrained: the same images through the network before training (N',D).
    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    n, d = rows.shape
    seen = gather(rows)
    on_sphere = seen.on_sphere
    bases = {name: basis(matrix) for name, matrix in matrices(seen.raw, on_sphere).items()}
    lam = {name: values for name, (values, _) in bases.items()}
    fit = fit_range(int((lam[RAW] > 0).sum()))
    null = isotropic(n, d, generator, relu)
    chance = {name: eigenvalues(matrix) for name, matrix in matrices(*null).items()}
    found, expected = _numbers(lam, on_sphere, fit), _numbers(chance, null[1], fit)
    between = intervals(rows, seen, bases, fit, generator)
    before = None if untrained is None else eigenvalues(gather(untrained).on_sphere.covariance)
    numbers: dict[str, Any] = {
        name: Measured(value, expected[name], _around(value, between.get(name)))
        for name, value in found.items()
    }
    return Spectrum(
        samples=n,
        dimensions=d,
        effective_rank_shuffled=entropy_rank(eigenvalues(shuffled(rows, on_sphere, generator))),
        eigenvalues=Curve(
            lam[UNIT].tolist(),
            null=chance[UNIT].tolist(),
            initial=None if before is None else before.tolist(),
        ),
        explained=Curve(explained(lam[UNIT]), null=explained(chance[UNIT])),
        **numbers,
        effective_rank_untrained=None if before is None else entropy_rank(before),
        rectified=relu,
        rounding=abs(found["total_variance"] + found["mean_cosine"] - 1),
        alpha_from=fit and fit[0],
        alpha_to=fit and fit[1],
    )


def never_negative(rows: Rows) -> bool:
    """Whether no entry of rows (N,D) is below 0, as behind a ReLU."""
    return all(bool((block >= 0).all()) for block in blocks(rows))


def effective_rank(rows: Tensor) -> float:
    """exp(entropy of lambda / sum lambda) of the covariance of unit rows (N,D); in [1, min(N-1, D)]."""
    return entropy_rank(eigenvalues(moments(rows).covariance))


def _numbers(lam: Mapping[str, Tensor], on_sphere: Moments, fit: tuple[int, int] | None) -> dict[str, float]:
    """Every number of Spectrum that has a null. lam: eigenvalues (D,) of each of the four matrices."""
    unit, raw, n, d = lam[UNIT], lam[RAW], on_sphere.count, len(on_sphere.mean)
    participation, stable = participation_ratio(unit), stable_rank(raw)
    line = {} if fit is None else {"alpha": float(alpha(raw, *fit)), "alpha_r2": 1 - float(misfit(raw, *fit))}
    return line | {
        "total_variance": float(unit.sum()),
        "std_sqrt_d": _std_sqrt_d(on_sphere),
        "effective_rank": entropy_rank(unit),
        "effective_rank_raw": entropy_rank(raw),
        "effective_rank_sigma": entropy_rank(raw.sqrt()),
        "rankme": entropy_rank(lam[RAW_ABOUT_0].sqrt()),
        "vendi": entropy_rank(lam[UNIT_ABOUT_0]),
        "participation_ratio": participation,
        "isoscore": (participation - 1) / max(d - 1, 1),
        "stable_rank": stable,
        "top_share": 1 / stable,
        "dimensions_90": directions_for(0.9, unit),
        "dimensions_95": directions_for(0.95, unit),
        "dimensions_99": directions_for(0.99, unit),
        "alive": alive(unit),
        "active": active(unit),
        "above_edge": int((unit > edges(d / (n - 1))[1] * unit.mean()).sum()),
        "numerical_rank": int((unit > 0).sum()),
        "mean_cosine": (n * float(on_sphere.mean.square().sum()) - 1) / (n - 1),
    }


def _around(value: float, interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """The interval, reaching at least to the value: counts are of steps, their intervals of a line drawn through them."""
    return interval and (min(interval[0], value), max(interval[1], value))


def _std_sqrt_d(on_sphere: Moments) -> float:
    deviation = on_sphere.covariance.diagonal().clamp_min(0).sqrt()  # (D,)
    return float(deviation.mean() * len(deviation) ** 0.5)
