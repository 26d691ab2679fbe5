"""Means over all pairs of classes, by blocks of classes: no tensor of all pairs is ever made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

PAIRS = 1 << 20  # of a block: 8 MB of float64 for each number that pairs have
CLOSE = 1e-3  # of the squared lengths of two means: nearer ones are subtracted before they are squared
DIFFERENCES = 1 << 21  # numbers of those differences at once


def squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """||first_i - second_j||^2, (b,C) of first (b,D) and second (C,D), to rounding also where they nearly coincide."""
    lengths = first.square().sum(dim=1)[:, None] + second.square().sum(dim=1)
    squared = torch.addmm(lengths, first, second.T, alpha=-2)
    here, there = (squared < CLOSE * lengths).nonzero(as_tuple=True)
    step = max(DIFFERENCES // first.shape[1], 1)
    for i, j in zip(torch.split(here, step), torch.split(there, step), strict=True):
        squared[i, j] = (first[i] - second[j]).square().sum(dim=1)
    return squared.clamp_min_(0)


def overlap(means: Tensor, variances: Tensor) -> Tensor:
    """Mean over c < c' of (v_c + v_c') / (2 ||mean_c - mean_c'||^2), () >= 0; means (C,D), variances (C,); differentiable."""
    value: Tensor = _Overlap.apply(means, variances)
    return value


def unevenness(directions: Tensor, usual: float) -> Tensor:
    """Mean over c < c' of |cosine - usual|, () in [0, 2], of unit directions (C,D); differentiable."""
    value: Tensor = _Unevenness.apply(directions, usual)
    return value


def closest(directions: Tensor, count: int) -> list[tuple[float, int, int]]:
    """Of unit directions (C,D): cosine and both classes of the `count` pairs that have the largest, largest first."""
    pairs: list[tuple[float, int, int]] = []
    for start, block in _blocks(directions):
        cosines = (block @ directions[start:].T).nan_to_num_(nan=-torch.inf)  # (b, C - start)
        cosines.masked_fill_(_not_later(cosines), -torch.inf)
        values, places = cosines.flatten().topk(min(count, cosines.numel()))
        rows, columns = places // cosines.shape[1] + start, places % cosines.shape[1] + start
        pairs += [
            pair
            for pair in zip(values.tolist(), rows.tolist(), columns.tolist(), strict=True)
            if math.isfinite(pair[0])
        ]
    return sorted(pairs, key=lambda pair: -pair[0])[:count]


def _blocks(rows: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Where each block of rows begins, and the block."""
    size = max(PAIRS // len(rows), 1)
    for start in range(0, len(rows), size):
        yield start, rows[start : start + size]


def _not_later(pairs: Tensor) -> Tensor:
    """(b,w) bool: of a block's pairs with itself and all later classes, those that are no pair, or were counted already."""
    return torch.ones(pairs.shape, dtype=torch.bool, device=pairs.device).tril()


class _Overlap(torch.autograd.Function):
    """One pass gives the value and its slopes: with w = (v_c + v_c') / d^4, mean_c has the slope -sum w (mean_c - mean_c')."""

    @staticmethod
    def forward(ctx: Any, means: Tensor, variances: Tensor) -> Tensor:
        wanted, total = any(ctx.needs_input_grad), means.new_zeros(())
        centred = means - means.mean(dim=0)
        of_means, of_variances = torch.zeros_like(means), torch.zeros_like(variances)
        for start, block in _blocks(centred):
            later, own = centred[start:], slice(start, start + len(block))
            inverse = 0.5 / squared_distances(block, later)  # (b, C - start)
            inverse.masked_fill_(_not_later(inverse), 0.0)
            sums = variances[own, None] + variances[start:]
            total += (sums * inverse).sum()
            if wanted:
                of_variances[own] += inverse.sum(dim=1)
                of_variances[start:] += inverse.sum(dim=0)
                weights = inverse.square_().mul_(sums).mul_(4)  # (v_c + v_c') / d^4
                of_means[own] += weights @ later - weights.sum(dim=1, keepdim=True) * block
                of_means[start:] += weights.T @ block - weights.sum(dim=0)[:, None] * later
        pairs = len(means) * (len(means) - 1) / 2
        ctx.save_for_backward(of_means / pairs, of_variances / pairs)
        return total / pairs

    @staticmethod
    def backward(ctx: Any, *slope: Tensor) -> tuple[Tensor, Tensor]:
        of_means, of_variances = ctx.saved_tensors
        return slope[0] * of_means, slope[0] * of_variances


class _Unevenness(torch.autograd.Function):
    """One pass gives the value and its slopes: a direction has those of its cosines, which are the other directions."""

    @staticmethod
    def forward(ctx: Any, directions: Tensor, usual: float) -> Tensor:
        wanted, total, slopes = (
            any(ctx.needs_input_grad),
            directions.new_zeros(()),
            torch.zeros_like(directions),
        )
        for start, block in _blocks(directions):
            later, own = directions[start:], slice(start, start + len(block))
            apart = torch.addmm(directions.new_full((1, 1), -usual), block, later.T)  # (b, C - start)
            apart.masked_fill_(_not_later(apart), 0.0)
            total += apart.abs().sum()
            if wanted:
                signs = apart.sign_()
                slopes[own] += signs @ later
                slopes[start:] += signs.T @ block
        pairs = len(directions) * (len(directions) - 1) / 2
        ctx.save_for_backward(slopes / pairs)
        return total / pairs

    @staticmethod
    def backward(ctx: Any, *slope: Tensor) -> tuple[Tensor, None]:
        (slopes,) = ctx.saved_tensors
        return slope[0] * slopes, None
