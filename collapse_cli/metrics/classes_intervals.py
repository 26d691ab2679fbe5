"""Intervals of the numbers of classes: how each answers to a little more weight on one row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, of_pairs
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, numbers
from collapse_cli.metrics.scatter import Groups


def intervals(grouped: Groups, seen: Geometry, classifier: Classifier | None) -> dict[str, Interval]:
    """95 %, on the scale of the logarithm, by the infinitesimal jackknife over rows, classes held as large as they are.

    A little more weight on row i moves the mean of its class by dev_i / n_c, its variance by (|dev_i|^2 - v_c) / n_c, and
    Sigma_W by what its own square has more than those of its class.
    """
    n = len(grouped.deviations)
    if n < FEW:
        return {}
    lengths = grouped.deviations.square().sum(dim=1)  # (N,)
    sizes, c = grouped.sizes.double(), grouped.member
    rows_per_member, unbiased = n / sizes[c], (sizes / (sizes - 1)).sqrt()[c]
    spans = {}
    for name, (value, slopes) in _slopes(seen, classifier, grouped.labels).items():
        influences = rows_per_member * (grouped.deviations * slopes.means[c]).sum(dim=1)
        influences += rows_per_member * (lengths - seen.variances[c]) * slopes.variances[c]
        if bool(slopes.within.any()):
            squares = ((grouped.deviations @ slopes.within) * grouped.deviations).sum(dim=1)
            mean = torch.zeros_like(seen.variances).index_add_(0, c, squares) / grouped.sizes
            influences += squares - mean[c]
        low, high = of_pairs(influences * unbiased / value, 0.0).around(math.log(value))
        spans[name] = (math.exp(low), math.exp(high))
    return spans


def _slopes(
    seen: Geometry, classifier: Classifier | None, labels: Tensor
) -> dict[str, tuple[float, Geometry]]:
    """Of each number that is above 0: its value, and how it answers to each part of the geometry, where that is defined."""
    slopes = {}
    with torch.inference_mode(False), torch.enable_grad():
        leaf = seen.leaf()
        for name, value in numbers(leaf, classifier, labels).items():
            size = float(value.detach())
            if not (math.isfinite(size) and size > 0):
                continue
            parts = (leaf.means, leaf.variances, leaf.within)
            means, variances, within = torch.autograd.grad(
                value, parts, retain_graph=True, materialize_grads=True
            )
            if all(bool(slope.isfinite().all()) for slope in (means, variances)):
                slopes[name] = (size, Geometry(means, variances, within, leaf.shares))
    return slopes
