"""Alignment and uniformity on the hypersphere (Wang & Isola 2020, arXiv:2005.10242), with the cosine and std checks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.rows import unit
from collapse_cli.results import Measured, each, number

BLOCK = 2048  # rows whose distances to all others are held at once


@dataclass(frozen=True)
class Alignment:
    """Alignment and uniformity."""

    pairs: int | None = number("positive pairs measured", default=None)
    alignment: float | None = number(
        "mean ||u - u'||^2 over two augmented views of each picture; low is aligned, but 0 is also complete collapse",
        unit="squared distance, 0 to 4", convention="L2-normalised rows, alpha = 2", null="independent", better="low",
        headline=True, axis="x", default=None,
    )  # fmt: skip
    uniformity: float = number(
        "log of the mean exp(-2 ||u_i - u_j||^2) over all pairs i < j of clean pictures; 0 is complete collapse",
        unit="nats", convention="L2-normalised rows, t = 2, one mean over all pairs, no self pairs",
        null="lower bound for this d", better="low", headline=True, axis="y", default=0.0,
    )  # fmt: skip
    mean_cosine: float = number(
        "mean cosine of two different pictures; 1 is complete collapse",
        convention="all pairs, no self pairs", null="isotropic", better="low", headline=True, default=0.0,
    )  # fmt: skip
    std_sqrt_d: float = number(
        "mean standard deviation per dimension, times sqrt(d); 1 isotropic, 0 collapsed, blind to lost rank",
        label="std·√d", convention="L2-normalised rows, divided by N - 1", null="isotropic", better="high", default=0.0,
    )  # fmt: skip
    class_alignment: float | None = number(
        "mean ||u_i - u_j||^2 over pairs i < j of one class",
        unit="squared distance, 0 to 4", convention="L2-normalised rows, classes weighed by their pairs",
        null="independent", default=None,
    )  # fmt: skip
    alignment_of_class: dict[str, float] | None = each(
        "alignment of the views of each class", of="class", label="alignment", default=None
    )
    uniformity_of_class: dict[str, float] | None = each(
        "uniformity within each class: 0 where the class is one point",
        of="class",
        label="uniformity",
        default=None,
    )


def measure(
    rows: Tensor,
    views: tuple[Tensor, Tensor] | None = None,
    labels: Tensor | None = None,
    classes: tuple[str, ...] = (),
) -> Alignment:
    """Alignment over `views` (n,d) each, uniformity and the rest over clean rows (N,d); raw rows are normalised here.

    labels (N,) of the rows, and of the views where N = n. Raises CollapseError for fewer than 2 rows.
    """
    u = unit(rows)
    groups = {} if labels is None else {name: labels == c for c, name in enumerate(classes)}
    groups = {name: chosen for name, chosen in groups.items() if int(chosen.sum()) > 1}
    pair = (unit(views[0]), unit(views[1])) if views else None
    return Alignment(
        pairs=len(pair[0]) if pair else None,
        alignment=Measured(alignment(*pair), null=2.0) if pair else None,
        uniformity=Measured(uniformity(u), null=uniformity_bound(u.shape[1])),
        mean_cosine=Measured(mean_cosine(u), null=0.0),
        std_sqrt_d=Measured(spread(u), null=1.0),
        class_alignment=Measured(class_alignment([u[c] for c in groups.values()]), null=2.0) if groups else None,
        alignment_of_class={n: alignment(pair[0][c], pair[1][c]) for n, c in groups.items()} if pair and groups else None,
        uniformity_of_class={n: uniformity(u[c]) for n, c in groups.items()} if groups else None,
    )  # fmt: skip


def alignment(first: Tensor, second: Tensor, alpha: float = 2) -> float:
    """mean ||u - u'||_2^alpha of unit rows (n,d) each (Wang & Isola, sec. 4.1.1); in [0, 2^alpha]."""
    return float((first - second).norm(dim=1).pow(alpha).mean())


def uniformity(u: Tensor, t: float = 2) -> float:
    """log mean_{i<j} exp(-t ||u_i - u_j||^2) of unit rows (N,d), N >= 2 (Wang & Isola, sec. 4.1.2); in [bound, 0].

    One mean over all pairs, summed in float64, never a mean of batches' logs.
    """
    total = 0.0
    lengths = u.square().sum(dim=1)  # (N,)
    for start in range(0, len(u), BLOCK):
        block = u[start : start + BLOCK]
        squared = lengths[start : start + BLOCK, None] + lengths - 2 * (block @ u.T)  # (b, N)
        kernel = squared.clamp_min(0).mul(-t).exp()
        kernel[torch.arange(len(kernel)), torch.arange(start, start + len(kernel))] = 0  # no self pairs
        total += float(kernel.sum(dtype=torch.float64))
    return math.log(total / (len(u) * (len(u) - 1)))


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
