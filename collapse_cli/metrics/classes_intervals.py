"""Intervals of the numbers of classes: how each answers to a little more weight on one row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, of_pairs, raised
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, numbers
from collapse_cli.metrics.scatter import Groups

AT_ONCE = 4096  # embeddings that are multiplied with slopes


def with_intervals(
    grouped: Groups, seen: Geometry, classifier: Classifier | None
) -> tuple[dict[str, Tensor], dict[str, Interval]]:
    """Every number () of the geometry, and intervals of 95 %, on the scale of the logarithm, of those that have one.

    By the infinitesimal jackknife over rows, classes held as large as they are. A little more weight on row i moves the mean
    of its class by dev_i / n_c, its variance by (|dev_i|^2 - v_c) / n_c, and Sigma_W by what its square has more than those
    of its class.
    """
    n = len(grouped.deviations)
    if n < FEW:
        return numbers(seen, classifier, grouped.labels), {}
    lengths = grouped.deviations.square().sum(dim=1)  # (N,)
    sizes, c = grouped.sizes.double(), grouped.member
    rows_per_member, unbiased = n / sizes[c], (sizes / (sizes - 1)).sqrt()[c]
    spans = {}
    values, every = _slopes(seen, classifier, grouped.labels)
    for name, slopes in every.items():
        value = float(values[name])
        influences = rows_per_member * _products(grouped.deviations, slopes.means, c)
        influences += rows_per_member * (lengths - seen.variances[c]) * slopes.variances[c]
        if bool(slopes.within.any()):
            squares = _squares(grouped.deviations, slopes.within)
            mean = torch.zeros_like(seen.variances).index_add_(0, c, squares) / grouped.sizes
            influences += squares - mean[c]
        low, high = of_pairs(influences * unbiased / value, 0.0).around(math.log(value))
        spans[name] = (raised(low), raised(high))
    return values, spans


def _products(deviations: Tensor, slopes: Tensor, member: Tensor) -> Tensor:
    """(N,): each of deviations (N,D) with the slope of its class, of slopes (C,D)."""
    parts = zip(torch.split(deviations, AT_ONCE), torch.split(member, AT_ONCE), strict=True)
    return torch.cat([(part * slopes[c]).sum(dim=1) for part, c in parts])


def _squares(deviations: Tensor, form: Tensor) -> Tensor:
    """(N,): x^T A x of each of deviations (N,D), A the form (D,D)."""
    return torch.cat([((part @ form) * part).sum(dim=1) for part in torch.split(deviations, AT_ONCE)])


def _slopes(
    seen: Geometry, classifier: Classifier | None, labels: Tensor
) -> tuple[dict[str, Tensor], dict[str, Geometry]]:
    """Every number, and how those that are above 0 answer to each part of the geometry, where that is defined."""
    slopes = {}
    with torch.inference_mode(False), torch.enable_grad():
        leaf = seen.leaf()
        values = numbers(leaf, classifier, labels)
        for name, value in values.items():
            size = float(value.detach())
            if not (math.isfinite(size) and size > 0):
                continue
            parts = (leaf.means, leaf.variances, leaf.within)
            means, variances, within = torch.autograd.grad(
                value, parts, retain_graph=True, materialize_grads=True
            )
            if all(bool(slope.isfinite().all()) for slope in (means, variances)):
                slopes[name] = Geometry(means, variances, within, leaf.shares)
    return {name: value.detach() for name, value in values.items()}, slopes
