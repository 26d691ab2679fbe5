"""One network on two data sets: does it map one of them to a point, or is that set itself narrow?

What a network makes of a set is compared with what the set is: the variance of its embeddings over that on the reference set,
beside the same ratio of the network at random initialisation, and of the inputs as plain numbers (pixels, counts of words). Near
copies, images of one colour or texts of one template have a small ratio in all three; a network that maps all that it was not
trained on to one point has it in its own embeddings alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.jackknife import FEW, of_mean
from collapse_cli.metrics.ranks import entropy_rank
from collapse_cli.metrics.rows import sound
from collapse_cli.metrics.spectral_numbers import of_unit
from collapse_cli.results import number
from collapse_cli.values import Measured

Ruling = Literal["one point", "few dimensions", "narrow", "simple", "offset", "not told"]

TIMES = 10.0
"""How many times smaller the ratio of variances must be than the inputs' and untrained networks', to be the network's doing."""

NARROW = 0.1
"""Ratio of the variances of inputs, or of untrained networks, below which a set is narrow beside the reference set."""

SPREAD = 1 / 3
"""Of the ratio of the inputs, from which the embeddings are as spread: then only a common part makes them point one way."""

HALVED = 0.5  # of the ratio of ranks of the inputs and of untrained networks, below which the network has lost the directions


@dataclass(frozen=True)
class Contrast:
    """Contrast between data sets."""

    TABLE: ClassVar = Table(json_only=("rank_ratio_of_inputs", "variance_ratio_of_inputs"))

    variance_ratio: float = number(
        "variance of the embeddings over that on the reference set, where the verdict is healthy",
        convention="raw rows, trace of the covariance", null="lowest at random initialisation", low=0,
    )  # fmt: skip
    rank_ratio: float = number(
        "effective rank over that on the reference set",
        convention="λ, centred, L2-normalised rows", null="lowest at random initialisation", low=0,
    )  # fmt: skip
    variance_ratio_of_inputs: float | None = number(
        "the same of the inputs as plain numbers: pixels, or counts of words",
        label="variance ratio of the inputs", default=None, low=0,
    )  # fmt: skip
    rank_ratio_of_inputs: float | None = number(
        "the same of the inputs as plain numbers", label="rank ratio of the inputs", default=None, low=0
    )
    ruling: Ruling = "not told"

    @property
    def of_data(self) -> bool:
        """Whether the data set is what makes the embeddings alike."""
        return self.ruling in ("narrow", "simple")


@dataclass(frozen=True)
class Sides:
    """Rows (n,D) of one set, and of the reference set (m,D)."""

    rows: Tensor
    reference: Tensor

    def variance_ratio(self) -> Measured:
        """Of the traces of their covariances, with the interval on the scale of the logarithm."""
        (here, error), (there, other) = map(_variance, (self.rows, self.reference))
        if not here > 0 or not there > 0:
            return Measured(here / there if there > 0 else math.inf)
        width = 2 * math.hypot(error, other)
        ratio = here / there
        few = min(len(self.rows), len(self.reference)) < FEW
        return Measured(ratio, interval=None if few else (ratio * math.exp(-width), ratio * math.exp(width)))

    def rank_ratio(self) -> float:
        """Of their effective ranks, of as many rows each."""
        n = min(len(self.rows), len(self.reference))
        return entropy_rank(of_unit(self.rows[:n])) / entropy_rank(of_unit(self.reference[:n]))


def contrast(network: Sides, untrained: Sequence[Sides], inputs: Sides | None, one_way: bool) -> Contrast:
    """Of one network. untrained: the same of networks at random initialisation, empty where there are none; one_way: whether the
    embeddings point one way, else they have few active dimensions."""
    ratio, rank = network.variance_ratio(), network.rank_ratio()
    variances = [float(sides.variance_ratio()) for sides in untrained]
    ranks = [sides.rank_ratio() for sides in untrained]
    plain = None if inputs is None else float(inputs.variance_ratio())
    plain_rank = None if inputs is None else inputs.rank_ratio()
    everything = [*variances, *([] if plain is None else [plain])]
    all_ranks = [*ranks, *([] if plain_rank is None else [plain_rank])]
    ruling = _point(ratio, everything) if one_way else _dimensions(rank, all_ranks)
    return Contrast(
        Measured(ratio, min(variances, default=None), ratio.interval),
        Measured(rank, min(ranks, default=None)),
        plain,
        plain_rank,
        ruling,
    )


def _point(ratio: Measured, of_inputs: Sequence[float]) -> Ruling:
    """Where all embeddings point one way. of_inputs: the ratio of the inputs, and at random initialisations."""
    low, high = ratio.interval or (float(ratio), float(ratio))
    if not of_inputs:
        return "one point" if high < NARROW else "offset" if low > SPREAD else "not told"
    least = min(of_inputs)
    if high < least / TIMES:
        return "one point"
    if least < NARROW:
        return "narrow"
    return "offset" if low > SPREAD * least else "not told"


def _dimensions(rank: float, of_inputs: Sequence[float]) -> Ruling:
    """Where few dimensions are active, as on the reference set they are not."""
    if not of_inputs:
        return "not told"
    least = min(of_inputs)
    return "few dimensions" if rank < HALVED * least else "simple" if least < HALVED else "not told"


def _variance(rows: Tensor) -> tuple[float, float]:
    """The trace of the covariance, and its standard error over it."""
    rows = sound(rows)
    squared = (rows - rows.mean(dim=0)).square().sum(dim=1)  # (n,)
    value = float(squared.mean())
    return value, of_mean(squared).size / value if value > 0 else 0.0
