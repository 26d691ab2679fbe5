"""Means over all pairs of unit rows of a kernel of their distance: each pair is computed once, and few are held at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 256  # rows whose distances to all others are held at once

Kernel = Callable[[Tensor], Tensor]
"""-||u - u'||^2 (b,N), in [-4, 0] -> the same matrix, in place."""


def kernel_means(u: Tensor, kernel: Kernel) -> tuple[Tensor, float]:
    """Of a kernel of unit rows (N,d), i != j: the mean over the others of each row (N,), and the mean square over pairs."""
    n = len(u)
    sums, squares = u.new_zeros(n, dtype=torch.float64), 0.0
    lengths = u.square().sum(dim=1)  # (N,)
    for start in range(0, n, BLOCK):
        block, rest = u[start : start + BLOCK], u[start:]
        distance = (block @ rest.T).mul_(2)  # (b, N - start)
        distance.sub_(lengths[start : start + BLOCK, None]).sub_(lengths[start:])  # -||u_i - u_j||^2
        values = kernel(distance.clamp_max_(0)).triu_(1)  # i < j
        sums[start : start + BLOCK] += values.sum(dim=1, dtype=torch.float64)
        sums[start:] += values.sum(dim=0, dtype=torch.float64)
        squares += float(values.square_().sum(dtype=torch.float64))
    return sums / (n - 1), squares * 2 / (n * (n - 1))
