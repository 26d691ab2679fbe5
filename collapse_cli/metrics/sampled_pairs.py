"""Means of a kernel over all pairs of very many rows, from pairs of a sample of them, with the standard error of that.

The rows of the sample are in random order. They are cut into groups, and each group meets itself and the next groups, as many as
it takes: so every row has as many partners, and more pairs are computed only while they would narrow the error. All pairs of the
sample would be 2^29 where it holds 2^15 rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.alignment import uniform, uniformity_bound
from collapse_cli.metrics.epps_pulley import PAIR, distance, distance_kernel, epps_pulley
from collapse_cli.metrics.epps_pulley import uniform as of_uniform
from collapse_cli.metrics.jackknife import FEW
from collapse_cli.metrics.pairwise import Kernel
from collapse_cli.metrics.probe import NORMAL_95
from collapse_cli.metrics.rows import directions
from collapse_cli.metrics.threads import in_order
from collapse_cli.results import number
from collapse_cli.values import Measured

EXACT = 20_000  # rows up to which all pairs are computed
GROUP = 512  # rows that meet as many others at once
ROUNDS = (4, 8, 16)  # groups that each has met when it is asked whether that suffices
MINOR = (
    0.2  # of the variance: what more pairs of the same rows could take off at most, and are not computed for
)
FINE = 5e-4  # of a mean: a standard error of the uniformity, in nats, that nobody needs to be smaller


@dataclass(frozen=True)
class SampledPairs:
    """Pairs of embeddings."""

    sampled: int = number("embeddings whose pairs are measured: all, or those with the smallest hash")
    pairs: int = number("pairs computed")
    uniformity: float = number(
        "log of the mean exp(-2 ||u_i - u_j||^2) over pairs i < j; 0 is complete collapse",
        unit="nats", convention="L2-normalised rows, t = 2, one mean over all pairs, no self pairs",
        null="lower bound for this d", better="low", headline=True, high=0,
    )  # fmt: skip
    uniformity_error: float = number(
        "standard error of the uniformity as an estimate of that over all pairs, by the jackknife; 0 where all were computed",
        label="standard error of uniformity", unit="nats", low=0,
    )  # fmt: skip
    epps_pulley: float = number(
        "mean over all directions of the squared distance between the characteristic function of the embeddings along a "
        "direction and that of N(0, 1) (SIGReg: Balestriero & LeCun 2025, arXiv:2511.08544); about 1.06 for one point",
        label="Epps-Pulley distance", convention="L2-normalised rows times √D, weight exp(-t²/2), no self pairs",
        null="isotropic", better="low", headline=True,
    )  # fmt: skip
    epps_pulley_error: float = number(
        "standard error of the Epps-Pulley distance as an estimate of that over all pairs; 0 where all were computed",
        label="standard error of Epps-Pulley", low=0,
    )  # fmt: skip


def sampled_pairs(rows: Tensor, count: int) -> SampledPairs:
    """rows (n,D) in random order: a sample of `count` rows, or all of them; n >= 2, finite.

    Intervals of sampled ones are those of the expectation, as where all are computed: they do not shrink as n nears `count`.
    """
    u, n, d = directions(rows.double()), len(rows), rows.shape[1]
    if n <= EXACT and n == count:
        pairs = n * (n - 1) // 2
        return SampledPairs(n, pairs, uniform(u), 0.0, epps_pulley(u, of_uniform(d)), 0.0)
    gauss = mean_of_pairs(u.float(), lambda squared: squared.mul_(2).exp_(), FINE)
    value, error = math.log(gauss.mean), gauss.error / gauss.mean
    kernel = mean_of_pairs(u, distance_kernel(d))
    far, spread = distance(kernel.mean, d), PAIR * kernel.error
    return SampledPairs(
        gauss.rows,
        gauss.pairs,
        Measured(
            value, uniformity_bound(d), (value - NORMAL_95 * error, min(value + NORMAL_95 * error, 0.0))
        ),
        error,
        Measured(far, of_uniform(d), (far - NORMAL_95 * spread, far + NORMAL_95 * spread)),
        spread,
    )


@dataclass(frozen=True)
class PairMean:
    """A mean over `pairs` pairs of `rows` rows, and its standard error as a mean over all rows that there could be."""

    mean: float
    error: float
    rows: int
    pairs: int


def mean_of_pairs(u: Tensor, kernel: Kernel, fine: float = 0.0) -> PairMean:
    """Of unit rows (n,D) in random order, n >= FEW. Rows of a last group that is not full are left out.

    fine: standard error, of the mean, at which no more pairs are needed.
    """
    assert len(u) >= FEW
    size = min(GROUP, len(u))
    groups = u[: len(u) // size * size].view(-1, size, u.shape[1])  # (G, b, D)
    met = _Met(groups, kernel)
    for until in (*ROUNDS, len(groups) // 2):
        while met.reach < min(until, len(groups) // 2):
            met.go_on()
        if met.suffices(fine):
            break
    return met.mean()


class _Met:
    """Sums over the pairs that were computed: each group with itself and with the next `reach` ones, in a ring."""

    def __init__(self, groups: Tensor, kernel: Kernel) -> None:
        self.groups, self.kernel, self.reach, self.partners = groups, kernel, 0, groups.shape[1] - 1
        self.sums = groups.new_zeros(groups.shape[:2], dtype=torch.float64)  # (G, b)
        self.squares = 0.0
        for k, (sums, _, squares) in enumerate(
            in_order(self._between, [(k, k) for k in range(len(groups))], groups.device)
        ):
            self.sums[k] = sums
            self.squares += squares / 2

    def go_on(self) -> None:
        """One group further. Half way round an even ring, each pair of groups meets once, not twice."""
        self.reach += 1
        g, size = self.groups.shape[:2]
        half = 2 * self.reach == g
        pairs = [(k, (k + self.reach) % g) for k in range(g // 2 if half else g)]
        for (k, other), (sums, of_others, squares) in zip(
            pairs, in_order(self._between, pairs, self.groups.device), strict=True
        ):
            self.sums[k] += sums
            self.sums[other] += of_others
            self.squares += squares
        self.partners += size if half else 2 * size

    def _between(self, pair: tuple[int, int]) -> tuple[Tensor, Tensor, float]:
        """Of two groups: the kernel's sums (b,) over the other one for the rows of each, and the sum of its squares."""
        values = self._values(self.groups[pair[0]], self.groups[pair[1]])
        if pair[0] == pair[1]:
            values.fill_diagonal_(0)
        sums = values.sum(dim=1, dtype=torch.float64), values.sum(dim=0, dtype=torch.float64)
        return *sums, float(values.square_().sum(dtype=torch.float64))

    def _values(self, first: Tensor, second: Tensor) -> Tensor:
        """(b,b): the kernel of -||u - u'||^2."""
        apart = (first @ second.T).mul_(2)
        apart.sub_(first.square().sum(dim=1)[:, None]).sub_(second.square().sum(dim=1))
        return self.kernel(apart.clamp_max_(0))

    def suffices(self, fine: float) -> bool:
        rows, pairs = self._variances()
        mean = float(self.sums.sum()) / (2 * self._count())
        return pairs <= MINOR * rows or rows + pairs <= (fine * mean) ** 2

    def mean(self) -> PairMean:
        n, count = self.sums.numel(), self._count()
        return PairMean(float(self.sums.sum()) / (2 * count), math.sqrt(sum(self._variances())), n, count)

    def _count(self) -> int:
        return self.sums.numel() * self.partners // 2

    def _variances(self) -> tuple[float, float]:
        """Of the mean: what comes from the rows, 4 z / n, and what from the pairs alone, (s - 2 z) / count.

        z: variance of a row's mean over all others, s: that of the kernel. A row's mean over its own partners varies by
        z + (s - z) / partners. Of few groups the mean square of the kernel may be less than its rows say; it is not then.
        """
        n, count = self.sums.numel(), self._count()
        means = self.sums / self.partners
        spread = max(self.squares / count - float(means.mean()) ** 2, 0.0)
        alone = max((float(means.var()) - spread / self.partners) / (1 - 1 / self.partners), 0.0)
        return 4 * alone / n, max(spread - 2 * alone, 0.0) / count
