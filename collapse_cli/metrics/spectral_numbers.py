"""The numbers of a spectrum by name: functions of eigenvalues and moments, the same for rows and for their null."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.eigenvalues import eigenvalues, spectra
from collapse_cli.metrics.groups import Independent
from collapse_cli.metrics.intervals import RAW, RAW_ABOUT_0, UNIT, UNIT_ABOUT_0
from collapse_cli.metrics.moments import Gathered, Spread, spread_of
from collapse_cli.metrics.nulls import edges, isotropic, shuffle_columns, shuffled
from collapse_cli.metrics.passes import gather
from collapse_cli.metrics.ranks import (
    active,
    alive,
    alpha,
    directions_for,
    entropy_rank,
    log_abundance,
    log_roots,
    misfit,
    participation_ratio,
    stable_rank,
    wasserstein,
)
from collapse_cli.metrics.rows import largest, power, shifted
from collapse_cli.metrics.rows import unit as of_length_1
from collapse_cli.shapes import Rows
from collapse_cli.values import Measured

ULPS, HALF_ULPS = (
    16,
    2,
)  # what sums in another order, on another device, leave of equal rows; rounding alone, in 16 bits
ZERO = 2.0**-48  # of the variance: the square of a mean that is float32's rounding
COARSE = 1e-4  # eps of a type that 16 units in the last place would be a few percent of


def numbers(
    lam: Mapping[str, Tensor], on_sphere: Spread, fit: tuple[int, int] | None, worth: int | None = None
) -> dict[str, float]:
    """Every number of a spectrum but those of lengths. lam: eigenvalues (D,) of each of the four matrices.

    worth: how many independent rows these are worth, N where none is given.
    """
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
        "row_participation": row_participation(on_sphere),
        "above_edge": int((unit > edges(d / ((worth or n) - 1))[1] * unit.mean()).sum()),
        "numerical_rank": int((unit > 0).sum()),
        "wasserstein": wasserstein(float(log_roots(unit)), n, d),
        "information_abundance": float(log_abundance(lam[RAW_ABOUT_0]).exp()),
        "mean_cosine": (n * float(on_sphere.mean.square().sum()) - 1) / (n - 1),
    }


def _std_sqrt_d(on_sphere: Spread) -> float:
    deviation = on_sphere.variances.clamp_min(0).sqrt()  # (D,)
    return float(deviation.mean() * len(deviation) ** 0.5)


def row_participation(on_sphere: Spread) -> float:
    """(sum |v|^2)^2 / (N sum |v|^4) of v = u - mean, of unit rows u: the share of the rows that carry the variance; in (0, 1].

    |v|^2 = |u|^2 - 2 u.m + |m|^2 varies with u.m alone, whose variance is m^T C m: sum |v|^4 / N = t^2 + 4 m^T C m, t = tr C.
    1 where there is no variance.
    """
    variance, along = on_sphere.along_mean(on_sphere.count)
    return variance**2 / (variance**2 + 4 * along) if variance > 0 else 1.0


def of_gaussian(participation_ratio: float) -> float:
    """Row participation of Gaussian rows: |v|^2 has mean sum lambda and variance 2 sum lambda^2, whatever its directions."""
    return 1 / (1 + 2 / participation_ratio)


def equal(raw: Spread, kind: torch.dtype) -> bool:
    """Whether rows of this float type are equal, every coordinate up to a few units in its last place."""
    deviation, eps = raw.variances.clamp_min(0).sqrt(), torch.finfo(kind).eps  # (D,)
    ulps = HALF_ULPS if eps > COARSE else ULPS
    return bool((deviation <= ulps * eps * raw.mean.abs()).all())


def ray(raw: Spread) -> dict[str, float]:
    """Whether raw rows lie on one ray, where only their lengths differ: what a constant added to all rows does not make so."""
    mean, square = raw.mean, float(raw.mean.square().sum())
    trace, along = raw.along_mean(max(raw.count - 1, 1))
    if square <= ZERO * trace:  # of centred rows: rounding, which has no direction
        square, mean = 0.0, torch.zeros_like(mean)
    return {
        "mean_length": (square / (square + trace)) ** 0.5 if square + trace > 0 else 0.0,
        "ray_share": along / (square * trace) if square * trace > 0 else 0.0,
        "ray_axes": participation_ratio(shifted(mean, power(largest(mean))).square()),
    }


def counts(copies: Copies | None, worth: Independent) -> dict[str, Any]:
    """How many rows there are, and how many count. A sketch's error is two standard errors."""
    if copies is None:
        return {}
    room = 2 * copies.error * copies.distinct
    around = (copies.distinct - room, min(copies.distinct + room, copies.rows)) if room else None
    return {
        "distinct": Measured(copies.distinct, interval=around) if around else copies.distinct,
        "largest_group": copies.largest / copies.rows,
        "zero_rows": copies.zeros / copies.rows,
        "effective_samples": round(worth.effective),
        "groups": worth.groups,
        "icc": worth.icc,
        "copies": replace(copies, owner=None),
    }


def measured(
    values: Mapping[str, float], nulls: Mapping[str, float], intervals: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    """Every number with its null and its interval, which reaches at least to the value: counts are of steps, their intervals of
    a line drawn through them."""
    around = {
        name: (min(low, values[name]), max(high, values[name])) for name, (low, high) in intervals.items()
    }
    return {name: Measured(value, nulls.get(name), around.get(name)) for name, value in values.items()}


def of_unit(rows: Rows) -> Tensor:
    """Eigenvalues (D,) of the covariance of the unit rows of (N,D)."""
    return eigenvalues(gather(rows).on_sphere.compact_covariance, rows.shape[1])


def over_range(values: Sequence[float]) -> Measured | None:
    """The first of several values, its interval their range; None where there is none."""
    return Measured(values[0], interval=(min(values), max(values))) if values else None


def null_of(
    n: int, d: int, generator: Generator, relu: bool, fit: tuple[int, int] | None
) -> tuple[Tensor, dict[str, float]]:
    """Of isotropic rows (n,d): eigenvalues (D,) of the unit rows, and every number."""
    raw, on_sphere = isotropic(n, d, generator, relu)
    lam = spectra(raw, on_sphere)
    return lam[UNIT], numbers(lam, on_sphere, fit) | ray(raw)


def shuffled_of(rows: Rows, seen: Gathered, generator: Generator, worth: int) -> Tensor:
    """Eigenvalues (D,) of the unit rows, worth so many independent ones, after every column was shuffled on its own."""
    n, d = rows.shape
    if n > d:
        return eigenvalues(shuffled(rows, seen.on_sphere, generator, worth))
    mixed = shuffle_columns(of_length_1(rows[0:n]), generator)
    return eigenvalues(spread_of(mixed).compact_covariance, d)
