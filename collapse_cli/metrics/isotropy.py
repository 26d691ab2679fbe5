"""How far embeddings are from isotropic, seen through their pairs: what moments of second order do not tell."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.metrics.epps_pulley import epps_pulley
from collapse_cli.metrics.intervals import of_spread
from collapse_cli.metrics.jackknife import FEW, of_pairs
from collapse_cli.metrics.moments import moments
from collapse_cli.metrics.rows import directions, sound
from collapse_cli.results import number
from collapse_cli.values import Measured


@dataclass(frozen=True)
class Isotropy:
    """Isotropy of pairs."""

    epps_pulley: float = number(
        "mean over all directions of the squared distance between the characteristic function of the embeddings along it and "
        "that of N(0, 1) (SIGReg: Balestriero & LeCun 2025, arXiv:2511.08544; theirs is times N); from 0 to 1.06, one point",
        label="Epps-Pulley distance", convention="L2-normalised rows times √D, weight exp(-t²/2), no self pairs",
        null="isotropic", better="low", headline=True,
    )  # fmt: skip
    mean_cosine: float = number(
        "mean cosine of two different embeddings: their anisotropy (Ethayarajh 2019, arXiv:1909.00512); a common offset alone "
        "brings it near 1",
        convention="not centred, no self pairs", null="isotropic", better="low", headline=True,
    )  # fmt: skip
    mean_cosine_centred: float = number(
        "the same once the mean embedding is taken off: what is left is not an offset's",
        label="mean cosine, centred", convention="centred, then L2-normalised, no self pairs", null="isotropic", better="low",
        headline=True,
    )  # fmt: skip


def isotropy(rows: Tensor, generator: Generator) -> Isotropy:
    """rows (N,D), not normalised. Nothing is drawn of the generator: all nulls have closed forms.

    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    rows = sound(rows)
    u = directions(rows)
    between = of_spread(u, u.new_ones(len(u)), moments(u)).get("mean_cosine")
    return Isotropy(epps_pulley(u), Measured(mean_cosine(u), 0.0, between), centred_cosine(rows))


def centred_cosine(rows: Tensor) -> Measured:
    """Mean cosine of two different rows of (N,D) float64 about their mean; in [-1/(N-1), 1], 1 where all rows are equal.

    Null -1/(N - 1): deviations sum to 0, and of equal lengths their cosines do. Interval: the jackknife of |mean u|^2, where
    the weight of a row moves the mean that all others are taken about.
    """
    n = len(rows)
    deviations = rows - rows[0]  # (N, D): equal rows are exactly 0
    deviations -= deviations.mean(dim=0)
    u, null = directions(deviations), -1 / (n - 1)
    value = max(mean_cosine(u), null)
    if n < FEW:
        return Measured(value, null)
    lengths = torch.linalg.vector_norm(deviations, dim=1, keepdim=True)  # (N, 1)
    inverse = torch.where(lengths > 0, 1 / lengths, 0.0)
    turned = inverse.mean() * deviations - deviations @ (
        (u * inverse).T @ u / n
    )  # (N, D): by the move of the mean
    mean = u.mean(dim=0)
    pushes = u - mean - turned  # (N, D): of the weight of each row on mean u
    squares = pushes.square().sum(dim=1)
    together = float((pushes.T @ pushes).square().sum() - squares.square().sum())
    error = of_pairs(2 * (pushes @ mean), 4 * max(together, 0.0) / (n * (n - 1)))
    low, high = error.around(value)
    return Measured(value, null, (max(low, null), min(high, 1.0)))
