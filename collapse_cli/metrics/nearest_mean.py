"""Which class mean is nearest to each embedding."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.class_pairs import PAIRS
from collapse_cli.metrics.rows import SQUARED, centre, shifted
from collapse_cli.metrics.scatter import Groups


def nearest_mean(grouped: Groups, leave_out: bool) -> Tensor:
    """(N,) in [0, C): the class whose mean is nearest; leave_out: a row is not in the mean of its own class, of n_c >= 2."""
    room = SQUARED if grouped.power else 0
    away, means = (shifted(part, room) for part in (grouped.deviations, grouped.means))
    means = means - centre(away + means[grouped.member])
    lengths, step = means.square().sum(dim=1), max(PAIRS // len(means), 1)
    further = (
        grouped.sizes.double() / (grouped.sizes - 1)
    ).square()  # (C,) of n rows: the others' mean is n/(n-1) times as far
    nearest = []
    for deviations, member in zip(torch.split(away, step), torch.split(grouped.member, step), strict=True):
        rows = deviations + means[member]  # (b, D)
        squared = torch.addmm(lengths, rows, means.T, alpha=-2)  # (b, C): distance^2, less the row's length^2
        if leave_out:
            to_own_mean = deviations.square().sum(dim=1) * further[member] - rows.square().sum(dim=1)
            squared.scatter_(1, member[:, None], to_own_mean[:, None])
        nearest.append(squared.argmin(dim=1))
    return torch.cat(nearest)
