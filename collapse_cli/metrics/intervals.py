"""The intervals of a spectrum's numbers, from a sample of its rows: which number, of which matrix, on which scale."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Generator, Tensor

from collapse_cli.metrics import jackknife_groups
from collapse_cli.metrics.groups import Units, units
from collapse_cli.metrics.jackknife import FEW, ROWS, Spectral, of_eigenvalues, of_variances, raised
from collapse_cli.metrics.moments import Gathered, Spread
from collapse_cli.metrics.nulls import edges
from collapse_cli.metrics.ranks import (
    ACTIVE,
    RELATIVE_FLOOR,
    above,
    alpha,
    crossing,
    entropy,
    log_abundance,
    log_participation,
    log_roots,
    log_stable,
    wasserstein,
)
from collapse_cli.metrics.rows import directions, shifted
from collapse_cli.shapes import Rows

RAW, UNIT = "covariance of raw embeddings", "covariance of unit embeddings"
RAW_ABOUT_0, UNIT_ABOUT_0 = "second moment of raw embeddings", "second moment of unit embeddings"

Interval = tuple[float, float]
Read = Callable[[float, float], Interval]
"""The ends of an interval on the scale where it is symmetric -> on that of the number."""
Table = dict[str, tuple[Spectral, Read]]


@dataclass(frozen=True)
class Sample:
    """What intervals come from. rows (n',D) float64 of all N; worth: how many independent rows these are; grouped: groups, where
    those are left out as wholes; weights (U,): how many of all rows, or groups, each that is left out stands for.
    """

    rows: Tensor
    weights: Tensor
    count: int
    worth: float
    grouped: Units | None

    @property
    def unknown(self) -> float:
        """What copies add to a standard error, where their number is known and no more."""
        return 1.0 if self.grouped else math.sqrt(self.count / self.worth)

    def pushes(self, squares: Tensor, lam: Tensor) -> Tensor:
        """(U,D): what a little more weight on each does to eigenvalues (D,), of the squares (n',D) of rows along directions."""
        if self.grouped is None:
            return squares - lam
        return self.grouped.summed(squares) - lam * self.grouped.sizes[:, None]


def sampled(
    rows: Rows,
    seen: Gathered,
    bases: Mapping[str, tuple[Tensor, Tensor]],
    generator: Generator,
    worth: float | None = None,
    owner: Tensor | None = None,
) -> Sample | None:
    """Some of rows (N,D). worth: how many independent rows these are worth; owner: (N,) the group of each row.

    None where there are few rows or groups, or no more rows than dimensions, or no variance: they say nothing of others.
    """
    n, d = rows.shape
    worth = float(n) if worth is None else worth
    if worth <= max(d, FEW) or not all(float(lam[0]) > 0 for lam, _ in bases.values()):
        return None
    if owner is None:
        return Sample(*_sample(rows, seen.longest, generator), n, worth, None)
    grouped = units(rows, owner, seen.longest, generator)
    return Sample(grouped.rows, grouped.weights, n, worth, grouped) if grouped.groups >= FEW else None


def intervals(
    sample: Sample,
    seen: Gathered,
    bases: Mapping[str, tuple[Tensor, Tensor]],
    fit: tuple[int, int] | None,
) -> dict[str, Interval]:
    """95 % intervals of numbers by name. bases: eigenvalues (D,) and vectors (D,D) of each of the four matrices."""
    d, grouped = sample.rows.shape[1], sample.grouped
    longer, unit = shifted(sample.rows, seen.power), directions(sample.rows)
    about = {RAW: longer - seen.raw.mean, UNIT: unit - seen.on_sphere.mean}
    about |= {RAW_ABOUT_0: longer, UNIT_ABOUT_0: unit}
    spans = of_spread(unit, sample.weights, seen.on_sphere, grouped)
    for name, (lam, vectors) in bases.items():
        lam, vectors, table = lam[lam > 0], vectors[:, lam > 0], _table(name, sample.worth, d, fit)
        numbers, centred = [number for number, _ in table.values()], name in (RAW, UNIT)
        errors = (
            jackknife_groups.of_eigenvalues(
                numbers, lam, vectors, about[name], grouped, sample.worth, centred
            )
            if grouped
            else of_eigenvalues(numbers, lam, vectors, about[name], sample.weights, centred)
        )
        for (key, (number, read)), error in zip(table.items(), errors, strict=True):
            spans[key] = read(*replace(error, size=sample.unknown * error.size).around(float(number(lam))))
    return spans | _derived(spans, d)


def _table(name: str, n: float, d: int, fit: tuple[int, int] | None) -> Table:
    """The numbers that are functions of this matrix's eigenvalues. Ranks have their interval on the scale of the logarithm."""
    rank, count = partial(_rank, d), partial(_count, d)
    noise = math.sqrt(2 / n)  # standard deviation of log lambda
    edge = edges(d / (n - 1))[1] / d  # of sum lambda
    line: Table = {} if fit is None else {"alpha": (partial(alpha, first=fit[0], last=fit[1]), _plain)}
    tables: dict[str, Table] = {
        UNIT: {
            "effective_rank": (entropy, rank),
            "participation_ratio": (log_participation, rank),
            "dimensions_90": (partial(crossing, 0.9), count),
            "dimensions_95": (partial(crossing, 0.95), count),
            "dimensions_99": (partial(crossing, 0.99), count),
            "alive": (lambda lam: above(RELATIVE_FLOOR * lam[..., 0], lam, noise), count),
            "active": (lambda lam: above(ACTIVE / d * lam.sum(dim=-1), lam, noise), count),
            "above_edge": (lambda lam: above(edge * lam.sum(dim=-1), lam, noise), count),
            "wasserstein": (log_roots, partial(_distance, round(n), d)),
        },
        RAW: {
            "effective_rank_raw": (entropy, rank),
            "effective_rank_sigma": (_entropy_of_sigma, rank),
            "stable_rank": (log_stable, rank),
            **line,
        },
        RAW_ABOUT_0: {"rankme": (_entropy_of_sigma, rank), "information_abundance": (log_abundance, rank)},
        UNIT_ABOUT_0: {"vendi": (entropy, rank)},
    }
    return tables[name]


def of_spread(
    unit: Tensor, weights: Tensor, on_sphere: Spread, grouped: Units | None = None
) -> dict[str, Interval]:
    """Of the numbers that know only the columns' variances. unit (n',D): a sample of the unit rows in on_sphere, or of `grouped`.

    Empty where there are few rows, or no variance at all.
    """
    variances, n = on_sphere.variances, on_sphere.count  # (D,)
    some, d = variances > 0, len(variances)
    if n < FEW or not bool(some.any()):
        return {}
    numbers: list[Spectral] = [
        lambda v: v.sum(dim=-1).log(),
        lambda v: (v.sqrt().sum(dim=-1) / d**0.5).log(),
    ]
    about = (unit - on_sphere.mean)[:, some]
    errors = (
        jackknife_groups.of_variances(numbers, variances[some], about, grouped)
        if grouped
        else of_variances(numbers, variances[some], about, weights)
    )
    total, deviation = (
        error.around(float(number(variances[some]))) for number, error in zip(numbers, errors, strict=True)
    )
    variance = raised(total[0]), min(raised(total[1]), n / (n - 1))
    return {
        "total_variance": variance,
        "mean_cosine": (1 - variance[1], 1 - variance[0]),
        "std_sqrt_d": (raised(deviation[0]), raised(deviation[1])),
    }


def _derived(spans: Mapping[str, Interval], d: int) -> dict[str, Interval]:
    """Numbers that are a function of another one."""
    participation, stable = spans["participation_ratio"], spans["stable_rank"]
    return {
        "isoscore": ((participation[0] - 1) / max(d - 1, 1), (participation[1] - 1) / max(d - 1, 1)),
        "top_share": (1 / stable[1], 1 / stable[0]),
    }


def _sample(rows: Rows, longest: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Rows (n',D) float64, and how many of all N each stands for (n',): the longest for themselves, one from each of equal
    stretches for all others, in random order before them, so that rows sorted by class do no harm.
    """
    n = rows.shape[0]
    if n <= ROWS:
        some = rows[torch.randperm(n, generator=generator)].double()
        return some, some.new_ones(n)
    size, longest = ROWS - len(longest), longest.cpu()
    places = torch.arange(size) + torch.rand(size, generator=generator, dtype=torch.float64)
    index = (places * (n / size)).long().clamp_max(n - 1)[torch.randperm(size, generator=generator)]
    index = index[~torch.isin(index, longest)]
    some = rows[torch.cat([index, longest])].double()
    weights = some.new_ones(len(some))
    weights[: len(index)] = (n - len(longest)) / len(index)
    return some, weights


def _entropy_of_sigma(lam: Tensor) -> Tensor:
    return entropy(lam.sqrt())


def _plain(low: float, high: float) -> Interval:
    return low, high


def _rank(most: int, low: float, high: float) -> Interval:
    return max(raised(low), 1.0), min(raised(high), float(most))


def _distance(n: int, d: int, low: float, high: float) -> Interval:
    """The larger the trace of the root, the smaller the distance."""
    return wasserstein(high, n, d), wasserstein(low, n, d)


def _count(most: int, low: float, high: float) -> Interval:
    """Counts go in steps: their ends are the whole numbers around."""
    return float(max(math.floor(low), 0)), float(min(math.ceil(high), most))
