"""What was seen of a layer -> its numbers: effective rank, entropy, mean cosine, dormant units, and those of tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.eigenvalues import basis, eigenvalues
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, Error, of_eigenvalues, of_mean, raised
from collapse_cli.metrics.layer_profile import TAU, Column, LayerOutputs, token_ranks
from collapse_cli.metrics.moments import Moments
from collapse_cli.metrics.nulls import isotropic
from collapse_cli.metrics.ranks import entropy, entropy_rank
from collapse_cli.metrics.spectral_numbers import COARSE, HALF_ULPS, ULPS
from collapse_cli.values import Measured

NORMAL_95 = 1.959964  # two-sided
WIDEST = 1024  # dimensions, beyond which eigenvectors and so intervals of ranks cost too much


@dataclass(frozen=True)
class Numbers:
    """Of one layer: what `layer_results.Activations` says under these names."""

    effective_rank: float
    entropy: float
    mean_cosine: float
    dormant: float
    token_rank: float | None
    token_cosine: float | None
    alone: float
    ray: float
    zero: float = 0.0


class Nulls:
    """Isotropic rows of the same N and D, each size drawn once of the generator."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.drawn: dict[tuple[int, int], tuple[float, float]] = {}
        self.tokens: dict[tuple[int, int], float] = {}

    def of(self, n: int, d: int) -> tuple[float, float]:
        """Effective rank and entropy of n isotropic rows of d numbers."""
        if (n, d) not in self.drawn:
            _, unit = isotropic(n, d, self.generator)
            ranks = entropy_rank(eigenvalues(unit.compact_covariance))
            self.drawn[n, d] = ranks, float(entropy(eigenvalues(unit.compact_second_moment)))
        return self.drawn[n, d]

    def of_tokens(self, t: int, d: int) -> float:
        """Rank of t isotropic tokens of d numbers."""
        if (t, d) not in self.tokens:
            drawn = torch.randn(2, t, d, generator=self.generator, dtype=torch.float64)
            self.tokens[t, d] = float(token_ranks(torch.nn.functional.normalize(drawn, dim=2)).mean())
        return self.tokens[t, d]


def numbers(seen: LayerOutputs, nulls: Nulls | None = None) -> Numbers:
    """Every number of one layer of 2 images or more, with the null and, where there are more images than dimensions, intervals.

    nulls: None for the untrained network, whose numbers are nulls themselves, and need none.
    """
    moments = seen.moments()
    rank, spread = _ranks(seen, moments, nulls)
    n, square = moments.count, float(moments.mean.square().sum())
    cosine = (n * square - 1) / (n - 1)
    return Numbers(
        effective_rank=rank,
        entropy=spread,
        mean_cosine=Measured(cosine, 0.0, _cosine_error(seen, moments).around(cosine)) if nulls else cosine,
        dormant=_dormant(seen),
        token_rank=_of_images(
            seen.rank, nulls.of_tokens(seen.positions, seen.d) if nulls and seen.positions else None, 1.0
        ),
        token_cosine=_of_images(seen.cosine, 0.0, -1.0, 1.0),
        alone=_alone(moments),
        ray=_ray(seen, moments),
        zero=float((seen.active.mean == 0).double().mean()),
    )


def typical(networks: Sequence[Numbers]) -> Numbers:
    """Of one layer of several untrained networks: the geometric mean of the ranks with their range, the mean of the others."""

    def mean(values: Sequence[float | None]) -> float | None:
        some = [float(value) for value in values if value is not None]
        return sum(some) / len(some) if some else None

    ranks = [float(each.effective_rank) for each in networks]
    rank = math.exp(sum(map(math.log, ranks)) / len(ranks))
    cosine, dormant = mean([each.mean_cosine for each in networks]), mean([each.dormant for each in networks])
    assert cosine is not None
    assert dormant is not None
    return Numbers(
        effective_rank=Measured(rank, None, (min(ranks), max(ranks)) if len(ranks) > 1 else None),
        entropy=mean([each.entropy for each in networks]) or 0.0,
        mean_cosine=cosine,
        dormant=dormant,
        token_rank=mean([each.token_rank for each in networks]),
        token_cosine=mean([each.token_cosine for each in networks]),
        alone=0.0,
        ray=0.0,
    )


def _alone(moments: Moments) -> float:
    """The largest share of the variance of unit rows that one coordinate holds; 0 where there is none."""
    variances = moments.variances
    return float(variances.max() / variances.sum()) if float(variances.sum()) > 0 else 0.0


def _ray(seen: LayerOutputs, moments: Moments) -> float:
    """The share of the raw variance that is of the lengths alone, in [0, 1]: near 1 on a ray; 1 where nothing else varies."""
    mean, square = float(seen.length.mean), float(seen.length.square) / seen.length.count
    lengths, across = max(square - mean**2, 0.0), square * float(moments.variances.sum())
    return 1.0 if _one_point(seen, moments) else lengths / (lengths + across)


def _one_point(seen: LayerOutputs, moments: Moments) -> bool:
    """Whether unit rows differ by no more than what rounding leaves of equal ones."""
    ulps = HALF_ULPS if seen.eps > COARSE else ULPS
    return float(moments.scatter.trace()) / moments.count <= (ulps * seen.eps) ** 2


def _ranks(seen: LayerOutputs, moments: Moments, nulls: Nulls | None) -> tuple[float, float]:
    """Effective rank about the mean, and entropy about 0."""
    n, d = moments.count, seen.d
    one_point = _one_point(seen, moments)
    covariance = torch.zeros_like(moments.scatter) if one_point else moments.covariance
    if nulls is None:
        lam, about_0 = eigenvalues(covariance), eigenvalues(moments.second_moment)
        return entropy_rank(lam), float(entropy(about_0))
    null_rank, null_entropy = nulls.of(n, d)
    if one_point or n <= max(d, FEW) or d > WIDEST:
        lam, about_0 = eigenvalues(covariance), eigenvalues(moments.second_moment)
        return Measured(entropy_rank(lam), null_rank), Measured(float(entropy(about_0)), null_entropy)
    rows = torch.cat(seen.sample)
    about_mean, spread = (
        _with_error(matrix, part, n, centred)
        for matrix, part, centred in (
            (covariance, rows - moments.mean, True),
            (moments.second_moment, rows, False),
        )
    )
    low, high = about_mean[1]
    around = max(raised(low), 1.0), min(raised(high), float(d))
    return Measured(math.exp(about_mean[0]), null_rank, around), Measured(
        spread[0], null_entropy, (max(spread[1][0], 0.0), min(spread[1][1], math.log(d)))
    )


def _with_error(matrix: Tensor, rows: Tensor, n: int, centred: bool) -> tuple[float, Interval]:
    """Entropy of the eigenvalues of (D,D), with its interval from some of n rows (m,D)."""
    lam, vectors = basis(matrix)
    some = lam > 0
    value = float(entropy(lam))
    if int(some.sum()) < 2:
        return value, (value, value)
    weights = rows.new_full((len(rows),), n / len(rows))
    (error,) = of_eigenvalues([entropy], lam[some], vectors[:, some], rows, weights, centred)
    return value, error.around(value)


def _cosine_error(seen: LayerOutputs, moments: Moments) -> Error:
    """Of the mean over pairs of rows: twice that of each row's mean cosine with all others."""
    along = torch.cat(seen.sample) @ moments.mean
    of_rows = of_mean(along)
    return Error(2 * of_rows.size * math.sqrt(len(along) / moments.count), of_rows.degrees)


def _dormant(seen: LayerOutputs) -> Measured:
    """Share of the dormant units, from those that surely are to those of which it cannot be refuted."""
    mean, above, error = seen.active.mean, seen.above.mean, seen.above.error
    value = float((mean <= TAU * mean.mean()).sum()) / seen.d
    if seen.count < FEW:
        return Measured(value)
    surely = float((above < -NORMAL_95 * error).sum()) / seen.d
    unrefuted = float((above < NORMAL_95 * error).sum()) / seen.d
    return Measured(value, None, (min(surely, value), max(unrefuted, value)))


def _of_images(column: Column, null: float | None, *ends: float) -> Measured | None:
    """The mean over images, with its interval."""
    if not column.count:
        return None
    value, size = float(column.mean), float(column.error)
    if column.count < FEW:
        return Measured(value, null)
    low, high = Error(size, column.count - 1).around(value)
    return Measured(value, null, (max(low, ends[0]), min(high, *ends[1:], math.inf)))
