"""Dormant units: those of a layer that are hardly ever active (Sokar et al. 2023, arXiv:2302.12902)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.jackknife import FEW
from collapse_cli.metrics.rows import exponents, largest, scaled_down, shifted, sound
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

NORMAL_95 = 1.959964  # two-sided
CONVENTION = "mean |h| over the embeddings ≤ τ · its mean over the layer; after the activation"


@dataclass(frozen=True)
class Dormant:
    """Dormant units."""

    units: int = number("units of the layer")
    dormant_0: float = number(
        "share of the units that are 0 for every embedding",
        label="dormant units, τ = 0", unit="share", convention=CONVENTION, null="isotropic", better="low", headline=True,
        low=0, high=1,
    )  # fmt: skip
    dormant_0025: float = number(
        "share of the units whose mean |h| is at most .025 of the layer's: dormant, as published",
        label="dormant units, τ = 0.025", unit="share", convention=CONVENTION, null="isotropic", better="low", headline=True,
        low=0, high=1,
    )  # fmt: skip
    dormant_01: float = number(
        "share of the units whose mean |h| is at most .1 of the layer's: the threshold at which "
        "its authors recycle units",
        label="dormant units, τ = 0.1", unit="share", convention=CONVENTION, null="isotropic", better="low", low=0, high=1,
    )  # fmt: skip
    scores: Curve = curve(
        "mean |h| of each unit over that of the layer",
        label="activity of units", x="unit, by activity", y="mean |h| / layer's", null="isotropic", sketch=True,
        apart="dimensions", low=0,
    )  # fmt: skip


def dormant(activations: Tensor) -> Dormant:
    """Activations (N,D) of a layer, or (N,C,…) of its feature maps, each of which is a unit.

    Raises CollapseError for fewer than 2 embeddings and for activations that are not finite.
    """
    rows = sound(activations.flatten(1))
    active = shifted(rows, _room(largest(rows))).abs().view(*activations.shape[:2], -1).mean(dim=2)  # (N, D)
    units = active.shape[1]
    scores = _scores(active).sort(descending=True).values
    return Dormant(
        units=units,
        dormant_0=share(active, 0.0),
        dormant_0025=share(active, 0.025),
        dormant_01=share(active, 0.1),
        scores=Curve(scores.tolist(), null=[1.0] * units),
    )


def _room(largest: float) -> int:
    """k, so that sums of many numbers times 2^k neither overflow nor vanish; 0 where they do not anyway.

    No more than that is needed: were the largest brought to 1, a unit of 1e-200 beside one of 1e200 would be 0.
    """
    exponent = math.frexp(largest)[1]
    return -exponent if exponent < -500 else min(900 - exponent, 0)


def share(active: Tensor, tau: float) -> Measured:
    """Share of the units of |h| (N,D) float64 whose score is at most tau; in [0, 1], 1 where all of them are always 0.

    Interval: from the share that surely is, by each unit's t at 95 %, to the share that cannot be refuted; at tau = 0 a unit
    which is active for three embeddings or fewer cannot. Null 0: units of isotropic embeddings, rectified or not, are alike.
    """
    n, units = active.shape
    mean = active.mean(dim=0)
    value = int((mean <= tau * mean.mean()).sum())  # no quotient: that of 1e-200 and 1e200 would be 0
    if n < FEW:
        return Measured(value / units, 0.0)
    above = active - tau * active.mean(dim=1, keepdim=True)  # (N, D): of a dormant unit the mean is at most 0
    above = scaled_down(above, exponents(above, dim=0))
    gap = above.mean(dim=0) / (above.std(dim=0) / n**0.5)
    gap = torch.where(above.abs().amax(dim=0) > 0, gap, -torch.inf)
    surely, unrefuted = int((gap < -NORMAL_95).sum()), int((gap < NORMAL_95).sum())
    return Measured(value / units, 0.0, (min(surely, value) / units, max(unrefuted, value) / units))


def _scores(active: Tensor) -> Tensor:
    """(D,): mean over the embeddings, over the mean of all units; 0 where the whole layer is 0."""
    mean = active.mean(dim=0)
    return mean / mean.mean() if bool(mean.any()) else mean
