"""Rogue dimensions: few coordinates that make most of the mean cosine (Timkey & van Schijndel 2021, arXiv:2109.04404).

The cosine of two embeddings is a sum over dimensions, and so is its mean over all pairs: the contribution of dimension k is the
mean of u_k u'_k over pairs of different rows, (N m_k^2 - s_k) / (N - 1), m the mean of unit rows and s_k the mean of u_k^2.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import Sample
from collapse_cli.metrics.jackknife import error_of, share_of_pairs
from collapse_cli.metrics.jackknife_groups import of_few
from collapse_cli.metrics.moments import Spread
from collapse_cli.metrics.rows import directions
from collapse_cli.values import Measured

LEAST = 0.05
"""Mean cosine below which its parts are those of noise."""

STEPS, FARTHEST = 4000, 60.0  # of the integral over the largest of D squared normal numbers
HALF_OF = 0.12357  # share of squared normal numbers, the largest first, that make half of their sum: 2 Q(t) at t phi + Q = 1/4

PART = 0.9  # of a dimension: what rounding up adds to that


def contributions(on_sphere: Spread) -> Tensor:
    """(D,): of each dimension to the mean cosine of unit rows, which is their sum. Below 0 where a dimension has no mean."""
    n, mean = on_sphere.count, on_sphere.mean
    within = on_sphere.variances * (n - 1) / n  # s_k - m_k^2
    return mean.square() - within / (n - 1)


def rogue(on_sphere: Spread, relu: bool, sample: Sample | None) -> dict[str, Any]:
    """What dimensions make of the mean cosine; empty where that is below LEAST, or where there is one dimension.

    Null: an offset in a random direction; of rows that went through a ReLU the offset is as long in each dimension.
    Interval of the share: the jackknife on `sample`, of the dimension that is largest.
    """
    parts, d = contributions(on_sphere), len(on_sphere.mean)
    total = float(parts.sum())
    if total < LEAST or d < 2:
        return {}
    top = int(parts.argmax())
    share = float(parts[top]) / total
    ordered = parts.sort(descending=True).values.cumsum(dim=0)
    square = float(parts[top]) + float(on_sphere.variances[top])  # of the coordinate; the whole row's is 1
    around = _around(share, _moved(share, top, on_sphere, sample), sample) if sample else None
    null = 1 / d if relu else largest_share(d)
    kind = "ReLU" if relu else ""
    return {
        "top_dimension": top,
        "top_dimension_share": Measured(share, null, around, null_is=kind),
        "dimensions_of_half": Measured(
            int((ordered < total / 2).sum()) + 1,
            -(-d // 2) if relu else round(HALF_OF * d + PART),
            null_is=kind,
        ),
        "mean_cosine_without_top": (total - float(parts[top])) / (1 - square) if square < 1 else None,
    }


def widest(on_sphere: Spread, sample: Sample | None) -> dict[str, Any]:
    """The dimension with the most variance of unit rows, and its share of all; empty where none varies, or there is but one.

    Null: the same share for each dimension, what isotropic rows come near to for N >> D. Interval: the jackknife on `sample`, of
    the dimension that is largest.
    """
    variances, d = on_sphere.variances, len(on_sphere.mean)
    total = float(variances.sum())
    if d < 2 or total <= 0:
        return {}
    most = int(variances.argmax())
    share = float(variances[most]) / total
    around = _around(share, _moved_variance(share, most, on_sphere, sample), sample) if sample else None
    return {"widest_dimension": most, "widest_dimension_share": Measured(share, 1 / d, around)}


@cache
def largest_share(d: int) -> float:
    """Expected largest share of one of d dimensions in the squared length of a random direction: E max of d squared normal
    numbers over d, for shares and their sum are independent. The integral over t of 1 - P(z^2 < t)^d."""
    t = torch.linspace(0, FARTHEST, STEPS + 1, dtype=torch.float64)
    beyond = -torch.expm1(d * torch.log(torch.erf((t / 2).sqrt())))
    return float(torch.trapezoid(beyond, t)) / d


def _moved(share: float, top: int, on_sphere: Spread, sample: Sample) -> Tensor:
    """(n',): how far a row u moves m_k^2 / |m|^2: by 2 (m_k (u_k - m_k) - share m.(u - m)) / |m|^2."""
    mean = on_sphere.mean
    apart = directions(sample.rows) - mean  # (n', D)
    return 2 * (mean[top] * apart[:, top] - share * (apart @ mean)) / float(mean.square().sum())


def _moved_variance(share: float, top: int, on_sphere: Spread, sample: Sample) -> Tensor:
    """(n',): how far a row u moves v_k / sum v: by ((u_k - m_k)^2 - share |u - m|^2) / sum v."""
    squares = (directions(sample.rows) - on_sphere.mean).square()  # (n', D)
    return (squares[:, top] - share * squares.sum(dim=1)) / float(on_sphere.variances.sum())


def _around(share: float, moved: Tensor, sample: Sample) -> tuple[float, float]:
    """The interval of a share in [0, 1] that each row of the sample moves so far."""
    if sample.grouped:
        units = sample.grouped
        error = of_few(
            error_of(units.summed(moved[:, None])[:, 0], units.weights, 0.0, share_of_pairs), units
        )
    else:
        error = error_of(moved, sample.weights, 0.0, share_of_pairs)
    low, high = error.around(share)
    return max(low, 0.0), min(high, 1.0)
