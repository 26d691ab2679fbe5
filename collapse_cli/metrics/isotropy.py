"""How far embeddings are from isotropic, seen through their pairs: what moments of second order do not tell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.metrics.epps_pulley import epps_pulley, uniform
from collapse_cli.metrics.jackknife import FEW, of_pairs
from collapse_cli.metrics.nulls import isotropic_rows
from collapse_cli.metrics.rows import PLAIN, directions, levelled, sound
from collapse_cli.results import number
from collapse_cli.values import Measured

RECTIFIED = 2048  # rows that the null of rectified ones is measured on: as many as its noise allows


@dataclass(frozen=True)
class Isotropy:
    """Isotropy of pairs."""

    epps_pulley: float | None = number(
        "mean over all directions of the squared distance between the characteristic function of "
        "the embeddings along a direction and that of N(0, 1) (SIGReg: Balestriero & LeCun 2025, "
        "arXiv:2511.08544, where it is multiplied by N); about 1.06 for one point",
        label="Epps-Pulley distance", convention="L2-normalised rows times √D, weight exp(-t²/2), no self pairs",
        null="isotropic", better="low", headline=True, default=None,
    )  # fmt: skip
    mean_cosine_centred: float = number(
        "mean cosine of two different embeddings about their mean: anisotropy (Ethayarajh 2019, "
        "arXiv:1909.00512) without the part of a common offset, which brings `mean_cosine` near 1",
        label="mean cosine, centred", convention="centred, then L2-normalised, no self pairs", null="isotropic", better="low",
        headline=True, default=0.0, low=-1, high=1,
    )  # fmt: skip
    rectified: bool = False  # whether the isotropic rows went through a ReLU, as these did


def isotropy(rows: Tensor, generator: Generator, relu: bool = False) -> Isotropy:
    """rows (N,D), not normalised, beside isotropic rows. relu: beside such as went through a ReLU, drawn of the generator.

    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    (rows,), (n, d) = levelled(sound(rows))[0], rows.shape
    distance, cosine = _rectified(n, d, generator) if relu else (uniform(d), expected_centred(n, d))
    return Isotropy(epps_pulley(directions(rows), distance), centred_cosine(rows, cosine), relu)


def centred(rows: Tensor, generator: Generator, relu: bool = False) -> Isotropy:
    """The same without the distance, which takes all pairs."""
    (rows,), (n, d) = levelled(sound(rows))[0], rows.shape
    cosine = _rectified(n, d, generator)[1] if relu else expected_centred(n, d)
    return Isotropy(mean_cosine_centred=centred_cosine(rows, cosine), rectified=relu)


def _rectified(n: int, d: int, generator: Generator) -> tuple[float, float]:
    """What is expected of each number where n isotropic rows (n,d) went through a ReLU."""
    rows = isotropic_rows(RECTIFIED, d, generator, relu=True)
    shift = expected_centred(n, d) - expected_centred(RECTIFIED, d)  # what centring takes off depends on N
    return float(epps_pulley(directions(rows), 0.0)), float(centred_cosine(rows, 0.0)) + shift


def expected_centred(n: int, d: int) -> float:
    """Of normal rows (n,d) to O(1/n^2): -1/(n - 1) times (E r)^2 / E r^2 of their lengths r, since deviations sum to 0."""
    length = math.sqrt(2) * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    return -(length**2) / d / (n - 1)


def centred_cosine(rows: Tensor, null: float) -> Measured:
    """Mean cosine of two different rows of (N,D) float64 about their mean; in [-1/(N-1), 1], 1 where all rows are equal.

    Interval: the jackknife of |mean u|^2, where the weight of a row moves the mean that all others are taken about, too.
    """
    n = len(rows)
    deviations = rows - rows[0]  # (N, D): equal rows are exactly 0
    deviations -= deviations.mean(dim=0)
    u, least = directions(deviations), -1 / (n - 1)
    value = max(mean_cosine(u), least)
    if n < FEW:
        return Measured(value, null)
    lengths = torch.linalg.vector_norm(deviations, dim=1, keepdim=True)  # (N, 1)
    inverse = torch.where(
        lengths * PLAIN > lengths.max(), 1 / lengths, 0.0
    )  # what is shorter by far is at the mean, and has no direction
    turned = inverse.mean() * deviations - deviations @ (
        (u * inverse).T @ u / n
    )  # (N, D): by the move of the mean
    mean = u.mean(dim=0)
    pushes = u - mean - turned  # (N, D): of the weight of each row on mean u
    squares = pushes.square().sum(dim=1)
    together = float((pushes.T @ pushes).square().sum() - squares.square().sum())
    error = of_pairs(2 * (pushes @ mean), 4 * max(together, 0.0) / (n * (n - 1)))
    low, high = error.around(value)
    return Measured(value, null, (max(low, least), min(high, 1.0)))
