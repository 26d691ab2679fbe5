"""Alignment and uniformity on the hypersphere (Wang & Isola 2020, arXiv:2005.10242), with the cosine and std checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.class_names import class_names, listed
from collapse_cli.metrics.intervals import Interval, of_spread
from collapse_cli.metrics.jackknife import FEW, Error, of_mean, of_pairs
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.pairwise import PairMeans, pair_means
from collapse_cli.metrics.rows import unit
from collapse_cli.results import each, number
from collapse_cli.values import Measured


@dataclass(frozen=True)
class Alignment:
    """Alignment and uniformity."""

    TABLE: ClassVar = Table(
        json_only=("pairs", "rounding")
    )  # N of the settings, and digits that no table shows

    pairs: int | None = number("positive pairs measured", default=None)
    alignment: float | None = number(
        "mean ||u - u'||^2 over two augmented views of each image; low is well aligned, but 0 is "
        "also complete collapse",
        unit="squared distance, 0 to 4", convention="L2-normalised rows, alpha = 2", null="independent", better="low",
        headline=True, axis="x", default=None, low=0,
    )  # fmt: skip
    loss_alignment: float | None = number(
        "mean ||u - u'||^2 over the pairs that the loss compares, where they are not two views through one network",
        label="alignment of the loss's pairs", unit="squared distance, 0 to 4",
        convention="L2-normalised rows, alpha = 2, network in eval mode", null="independent", better="low", default=None, low=0,
    )  # fmt: skip
    uniformity: float = number(
        "log of the mean exp(-2 ||u_i - u_j||^2) over all pairs i < j of clean images; 0 is complete collapse",
        unit="nats", convention="L2-normalised rows, t = 2, one mean over all pairs, no self pairs",
        null="lower bound for this d", better="low", headline=True, axis="y", default=0.0, high=0,
    )  # fmt: skip
    rounding: float | None = number(
        "error that float32 products leave in uniformity, measured on one of 34 pairs; none where all is float64",
        unit="nats", low=0, default=None,
    )  # fmt: skip
    mean_cosine: float = number(
        "mean cosine of two different images; 1 is complete collapse",
        convention="all pairs, no self pairs", null="isotropic", better="low", headline=True, default=0.0, low=-1, high=1,
    )  # fmt: skip
    std_sqrt_d: float = number(
        "mean standard deviation per dimension, times sqrt(d); 1 is isotropic, 0 is collapsed; "
        "it does not show lost rank",
        label="std·√d", convention="L2-normalised rows, divided by N - 1", null="isotropic", better="high",
        default=0.0, low=0,
    )  # fmt: skip
    class_alignment: float | None = number(
        "mean ||u_i - u_j||^2 over pairs i < j of one class",
        unit="squared distance, 0 to 4", convention="L2-normalised rows, classes weighed by their pairs",
        null="independent", default=None, low=0,
    )  # fmt: skip
    alignment_of_class: dict[str, float] | None = each(
        "alignment of the views of each class; of more than 1000 classes, the 1000 with the lowest",
        of="class",
        unit="squared distance, 0 to 4",
        label="alignment",
        low=0,
        high=4,
        default=None,
    )
    uniformity_of_class: dict[str, float] | None = each(
        "uniformity within each class: 0 where the class is one point; of more than 1000 classes, the 1000 with the highest",
        of="class",
        unit="nats",
        label="uniformity",
        high=0,
        default=None,
    )


def measure(
    rows: Tensor,
    views: tuple[Tensor, Tensor] | None = None,
    labels: Tensor | None = None,
    classes: tuple[str, ...] = (),
    loss_pairs: tuple[Tensor, Tensor] | None = None,
) -> Alignment:
    """Alignment over `views` (n,d) each, uniformity and the rest over clean rows (N,d); raw rows are normalised here.

    labels (N,) of the rows, and of the views where N = n; classes: names by label, where there is none the label is its name;
    loss_pairs: queries and positives (n,d) each, where they are something else than the views.
    Raises CollapseError for fewer than 2 rows.
    """
    u = unit(rows)
    groups = {} if labels is None else _groups(labels, classes)
    pair = (unit(views[0]), unit(views[1])) if views else None
    spans = of_spread(u, u.new_ones(len(u)), spread_of(u))
    pairs = _gaussians(u)
    return Alignment(
        pairs=len(pair[0]) if pair else None,
        alignment=aligned(*pair) if pair else None,
        loss_alignment=aligned(unit(loss_pairs[0]), unit(loss_pairs[1])) if loss_pairs else None,
        uniformity=_uniformity(pairs, u.shape[1]),
        rounding=pairs.rounding or None,
        mean_cosine=Measured(mean_cosine(u), null=0.0, interval=spans.get("mean_cosine")),
        std_sqrt_d=Measured(spread(u), null=1.0, interval=spans.get("std_sqrt_d")),
        class_alignment=_class_alignment([u[c] for c in groups.values()]) if groups else None,
        alignment_of_class=(
            listed(list(groups), [aligned(pair[0][c], pair[1][c]) for c in groups.values()]) if pair and groups else None
        ),
        uniformity_of_class=(
            listed(list(groups), [uniform(u[c]) for c in groups.values()], highest=True) if groups else None
        ),
    )  # fmt: skip


def _groups(labels: Tensor, classes: tuple[str, ...]) -> dict[str, Tensor]:
    """Places (n_c,) of the rows of each class, by its name; classes of a single row are left out."""
    present, sizes = torch.unique(labels, return_counts=True)
    members = torch.split(labels.argsort(stable=True), sizes.tolist())
    named = zip(class_names(present.tolist(), classes), members, strict=True)
    return {name: places for name, places in named if len(places) > 1}


def alignment(first: Tensor, second: Tensor, alpha: float = 2) -> float:
    """mean ||u - u'||_2^alpha of unit rows (n,d) each (Wang & Isola, sec. 4.1.1); in [0, 2^alpha]."""
    return float((first - second).norm(dim=1).pow(alpha).mean())


def uniformity(u: Tensor, t: float = 2) -> float:
    """log mean_{i<j} exp(-t ||u_i - u_j||^2) of unit rows (N,d), N >= 2 (Wang & Isola, sec. 4.1.2); in [bound, 0].

    One mean over all pairs, summed in float64, never a mean of batches' logs.
    """
    return math.log(float(_gaussians(u, t).of_rows.mean()))


def _gaussians(u: Tensor, t: float = 2) -> PairMeans:
    """Means of exp(-t ||u - u'||^2), as a power of two, which is computed faster."""
    return pair_means(u, Tensor.exp2_, t * math.log2(math.e))


def uniformity_bound(d: int, t: float = 2) -> float:
    """The uniformity of the uniform distribution on the sphere in R^d: log 0F1(; d/2; t^2) - 2t (Wang & Isola, prop. 1)."""
    from scipy.special import hyp0f1

    return float(math.log(hyp0f1(d / 2, t**2)) - 2 * t)


def mean_cosine(u: Tensor) -> float:
    """Mean cosine of two different unit rows of (N,d): (N ||m||^2 - 1) / (N - 1), m their mean; in [-1/(N-1), 1]."""
    n = len(u)
    rows = u.double()
    return float((rows.sum(dim=0).square().sum() - rows.square().sum()) / (n * (n - 1)))


def spread(u: Tensor) -> float:
    """std·√d: mean over dimensions of the standard deviation (N - 1) of unit rows (N,d), times sqrt(d) (SimSiam, sec. 4.1)."""
    return float(u.double().std(dim=0).mean() * u.shape[1] ** 0.5)


def class_alignment(groups: list[Tensor]) -> float:
    """Mean ||u_i - u_j||^2 over pairs of the same group; each group is unit rows (n_c, d), n_c >= 2. In [0, 4]."""
    pairs = [len(group) * (len(group) - 1) / 2 for group in groups]
    distance = [2 - 2 * mean_cosine(group) for group in groups]
    return sum(p * d for p, d in zip(pairs, distance, strict=True)) / sum(pairs)


def aligned(first: Tensor, second: Tensor, null: float = 2.0) -> Measured:
    """Alignment of unit rows (n,d) each, with its interval; null: that of rows that belong to one another by chance."""
    distance = (first - second).square().sum(dim=1)  # (n,)
    value = alignment(first, second)
    return Measured(value, null=null, interval=_interval(value, of_mean(distance), len(first), 0, 4))


def uniform(u: Tensor) -> Measured:
    """Uniformity of unit rows (N,d), t = 2, beside its bound."""
    return _uniformity(_gaussians(u), u.shape[1])


def _uniformity(pairs: PairMeans, d: int) -> Measured:
    """The interval is one on the scale of the logarithm: everything is divided by the mean of the kernel."""
    means = pairs.of_rows
    mean = float(means.mean())
    value, bound = math.log(mean), uniformity_bound(d)
    influences = 2 * (means / mean - 1)
    together = 4 * (pairs.square / mean**2 - 1) - 2 * float(influences.square().mean())
    error = of_pairs(influences, max(together, 0.0))
    return Measured(value, null=bound, interval=_interval(value, error, len(means), -math.inf, 0))


def _class_alignment(groups: list[Tensor]) -> Measured:
    """With the pairs' sums T and number P over all classes, T/P; N rows in all.

    Row i, with t_i of the sum in p_i pairs: influence e_i = N (t_i - p_i T/P) / P. Rows i, j together: if of one class
    N^2 (d_ij - T/P) / P, and always e_i (1 - a_j) + e_j (1 - a_i), a_i = N p_i / P.
    """
    value, n = class_alignment(groups), sum(len(group) for group in groups)
    pairs = sum(len(group) * (len(group) - 1) / 2 for group in groups)
    partners = torch.cat([group.new_full((len(group),), len(group) - 1) for group in groups])  # (N,): p_i
    sums = torch.cat([2 * (len(group) - group @ group.sum(dim=0)) for group in groups])  # (N,): t_i
    influences, short = (
        n * (sums - partners * value) / pairs,
        1 - n * partners / pairs,
    )  # (N,) each: e_i, 1 - a_i
    together = n**4 / pairs**2 * sum(_squares(group, value) for group in groups)
    together += 4 * n * float((influences.square() * short).sum())
    together += 2 * float(
        influences.square().sum() * short.square().sum() + (influences * short).sum().square()
    )
    error = of_pairs(influences, max(together / (n * (n - 1)), 0.0))
    return Measured(value, null=2.0, interval=_interval(value, error, n, 0, 4))


def _squares(group: Tensor, value: float) -> float:
    """Sum of (||u_i - u_j||^2 - value)^2 over i != j of unit rows (n,d), from the d x d sums alone."""
    n = len(group)
    cosines = float(group.sum(dim=0).square().sum()) - n
    squared = float((group.T @ group).square().sum()) - n
    return (2 - value) ** 2 * n * (n - 1) - 4 * (2 - value) * cosines + 4 * squared


def _interval(value: float, error: Error, rows: int, low: float, high: float) -> Interval | None:
    """Inside the range of the number; none from few rows."""
    if rows < FEW:
        return None
    below, above = error.around(value)
    return max(below, low), min(above, high)
