"""The outputs of a network's layers, gathered batch by batch while they are there: ranks, entropy, cosines, dormant units.

Of each layer D x D sums are held, and a bounded sample of its rows from which intervals come; no output outlives its batch.
Rows (N,D) are images: of maps and tokens the mean over positions. The tokens of one image are measured on their own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.eigenvalues import basis, eigenvalues
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, ROWS, Error, of_eigenvalues, of_mean, raised
from collapse_cli.metrics.moments import Gathering, Moments
from collapse_cli.metrics.nulls import isotropic
from collapse_cli.metrics.ranks import entropy, entropy_rank
from collapse_cli.metrics.rows import broken, directions
from collapse_cli.metrics.spectral_numbers import COARSE, HALF_ULPS, ULPS
from collapse_cli.values import Measured

TAU = 0.025  # of the layer's mean activity: a unit with less is dormant
NORMAL_95 = 1.959964  # two-sided
AT_ONCE = 512  # rows that wait for their product
TOKEN_IMAGES = 64  # whose tokens' rank is measured, about
WIDEST = 1024  # dimensions, beyond which eigenvectors and so intervals of ranks cost too much


class Column:
    """Sums of numbers (b,D) that come in turn, and of their squares: their mean and its error, column by column."""

    def __init__(self) -> None:
        self.count, self.total, self.square = 0, torch.zeros(()), torch.zeros(())

    def add(self, values: Tensor) -> None:
        exact = values.double()
        self.count += len(exact)
        self.total, self.square = self.total + exact.sum(dim=0), self.square + exact.square().sum(dim=0)

    @property
    def mean(self) -> Tensor:
        return self.total / self.count

    @property
    def error(self) -> Tensor:
        """Standard error of the mean."""
        variance = (self.square / self.count - self.mean.square()).clamp_min(0)
        return (variance / max(self.count - 1, 1)).sqrt()


class Seen:
    """What has been seen of the outputs of one layer. stride: every how many images the rank of their tokens is measured."""

    def __init__(self, d: int, stride: int = 1) -> None:
        self.d, self.stride, self.eps = d, stride, 0.0
        self.count = self.broken = self.positions = 0
        self.unit: Gathering | None = None
        self.waiting: list[Tensor] = []
        self.active, self.above, self.length = Column(), Column(), Column()
        self.cosine, self.rank = Column(), Column()
        self.sample: list[Tensor] = []
        self.every, self.kept = 1, 0

    def add(
        self, rows: Tensor, active: Tensor, eps: float, tokens: Tensor | None = None, mask: Tensor | None = None
    ) -> None:
        """rows (b,D), active (b,D) the mean |h| over positions, tokens (b,T,D) with mask (b,T)."""
        start, self.eps = self.count, max(eps, self.eps)
        self.count += len(rows)
        if bad := broken(rows):
            self.broken += bad
            return
        exact = _plain(active)
        self.active.add(exact)
        self.above.add(exact - TAU * exact.mean(dim=1, keepdim=True))
        plain = _plain(rows)
        self.length.add(torch.linalg.vector_norm(plain, dim=1))
        self.waiting.append(directions(plain))
        self._sampled(self.waiting[-1], start)
        if tokens is not None and tokens.shape[1] > 1:
            self._within(tokens, mask, start)
        if sum(map(len, self.waiting)) >= AT_ONCE:
            self._settle()

    def moments(self) -> Moments:
        """Of the unit rows."""
        self._settle()
        assert self.unit is not None
        return self.unit.moments()

    def _settle(self) -> None:
        if self.waiting:
            block = torch.cat(self.waiting)
            self.unit = self.unit or Gathering(self.d, block.device)
            self.unit.add(block)
            self.waiting = []

    def _sampled(self, unit: Tensor, start: int) -> None:
        """Every so many rows, twice as many once there are too many: up to 2 ROWS, spread over all."""
        some = unit[(-start) % self.every :: self.every]
        self.sample.append(some)
        self.kept += len(some)
        while self.kept > 2 * ROWS:
            half = torch.cat(self.sample)[::2]
            self.sample, self.kept, self.every = [half], len(half), 2 * self.every

    def _within(self, tokens: Tensor, mask: Tensor | None, start: int) -> None:
        """tokens (b,T,D): their mean cosine of every image, and of every so many their rank."""
        present = None if mask is None else mask.bool()
        unit = torch.nn.functional.normalize(_plain(tokens), dim=2)
        if present is not None:
            unit = unit * present.unsqueeze(2)
        count = unit.new_full((len(unit),), unit.shape[1]) if present is None else present.sum(dim=1).double()
        several = count > 1
        square = unit.sum(dim=1).square().sum(dim=1)
        cosine = (square - count) / (count * (count - 1))
        self.positions = max(self.positions, unit.shape[1])
        self.cosine.add(cosine[several])
        some = unit[(-start) % self.stride :: self.stride]
        if len(some):
            self.rank.add(token_ranks(some))


def _plain(numbers: Tensor) -> Tensor:
    """float64, on the CPU where the device has none."""
    return (numbers.cpu() if numbers.device.type == "mps" else numbers).double()


def token_ranks(unit: Tensor) -> Tensor:
    """unit (b,T,D) float64, tokens of length 1, or of zeros where there is none -> (b,): exp of the entropy of their Gram matrix.

    In [1, min(T, D)]; the matrix-based entropy of a prompt (Skean et al. 2025, arXiv:2502.02013), as a number of directions.
    """
    gram = unit @ unit.mT if unit.shape[1] <= unit.shape[2] else unit.mT @ unit
    ranks: Tensor = entropy(torch.linalg.eigvalsh(gram).flip(-1).clamp_min(0)).exp()
    return ranks


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


def numbers(seen: Seen, nulls: Nulls | None = None) -> Numbers:
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
    )


def typical(networks: Sequence[Numbers]) -> Numbers:
    """Of one layer of several untrained networks: the geometric mean of the ranks with their range, and the mean of the others."""

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


def _ray(seen: Seen, moments: Moments) -> float:
    """The share of the raw variance that is of the lengths alone, in [0, 1]: near 1 on a ray, of which rows are far or near points."""
    mean, square = float(seen.length.mean), float(seen.length.square) / seen.length.count
    lengths, across = max(square - mean**2, 0.0), square * float(moments.variances.sum())
    return lengths / (lengths + across) if lengths + across > 0 else 0.0


def _ranks(seen: Seen, moments: Moments, nulls: Nulls | None) -> tuple[float, float]:
    """Effective rank about the mean, and entropy about 0."""
    n, d = moments.count, seen.d
    ulps = HALF_ULPS if seen.eps > COARSE else ULPS
    one_point = float(moments.scatter.trace()) / n <= (ulps * seen.eps) ** 2  # what rounding leaves of equal rows
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


def _cosine_error(seen: Seen, moments: Moments) -> Error:
    """Of the mean over pairs of rows: twice that of each row's mean cosine with all others."""
    along = torch.cat(seen.sample) @ moments.mean
    one = of_mean(along)
    return Error(2 * one.size * math.sqrt(len(along) / moments.count), one.degrees)


def _dormant(seen: Seen) -> Measured:
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


def refuse_broken(layers: Sequence[tuple[str, Seen]]) -> tuple[str, int] | None:
    """The first layer, by its name, whose output contains nan or infinity, and of how many images; None where all are finite."""
    return next(((name, seen.broken) for name, seen in layers if seen.broken), None)
