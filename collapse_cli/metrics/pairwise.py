"""Means over all pairs of unit rows of a kernel of their distance: each pair is computed once, and few are held at a time.

The matrix of pairs is cut into tiles that stay in a processor's cache. Rows are measured from their mean, for distances do not
depend on it: where all rows lie close together, their differences keep their digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from collapse_cli.metrics.threads import in_order

TILE = (256, 1024)  # rows and columns of a tile
ON_GPU = (4096, 8192)
EXACT = 2e10  # multiplications, up to which all is float64
PILOT = 1024  # rows whose pairs tell whether float32 will do
LEAST = 1e-3  # variance of the kernel over its squared mean, below which the digits of float32 do not carry the interval
EVERY = 17  # of so many rows of every other tile one is computed both ways; odd, for rows may alternate
TOLERATED = 1e-7  # the error of the mean of all pairs, over it, beyond which all is computed again in float64
OF_ERROR = 2e-3  # the same, over its standard error, which intervals are made of

Kernel = Callable[[Tensor], Tensor]
"""-||u - u'||^2 (b,N), in [-4, 0] -> the same matrix, in place."""


@dataclass(frozen=True)
class PairMeans:
    """Of a kernel of N rows, i != j: the mean over the others of each row (N,), and the mean square over pairs.

    rounding: how far float32 may have moved the mean of all pairs, over that mean; 0 where all was computed in float64.
    """

    of_rows: Tensor
    square: float
    rounding: float = 0.0

    def sound(self) -> bool:
        """Whether rounding matters neither to the mean nor to its interval."""
        mean, error = float(self.of_rows.mean()), 2 * float(self.of_rows.std()) / len(self.of_rows) ** 0.5
        return bool(self.rounding <= min(TOLERATED, OF_ERROR * error / mean))


@dataclass(frozen=True)
class _Centred:
    """Rows (N,d) about their mean, and the squares of their lengths (N,), of one type."""

    rows: Tensor
    lengths: Tensor

    @classmethod
    def of(cls, rows: Tensor, dtype: torch.dtype) -> _Centred:
        """Lengths are those of the rounded rows, so that distances are those of points that exist."""
        rounded = rows.to(dtype)
        return cls(rounded, rounded.double().square().sum(dim=1).to(dtype))


@dataclass(frozen=True)
class _Stripe:
    """Of rows from `start` on, against themselves and all later ones: sums over later ones (b,) and over them (N - start,)."""

    start: int
    along: Tensor
    down: Tensor
    squares: float
    off: tuple[float, ...]  # of every other tile: by how much float64 differs in the sum of some of its rows


def kernel_means(u: Tensor, kernel: Kernel) -> tuple[Tensor, float]:
    """Of unit rows (N,d) float64, N >= 2: `of_rows` and `square` of PairMeans, in float64."""
    means = _means(u - u.mean(dim=0), kernel, torch.float64)
    return means.of_rows, means.square


def pair_means(u: Tensor, kernel: Kernel, scale: float = 1.0) -> PairMeans:
    """The same where pairs may be so many that float32 multiplies them; sums are float64 always.

    scale: the kernel is given squared distances times this.

    Float32 is taken where the kernel varies over pairs, as a sample of the rows tells, and kept where one of 17 rows of every
    other tile, which are computed both ways, show no error that matters.
    """
    n, d = u.shape
    centred = (u - u.mean(dim=0)) * scale**0.5
    if n * n * d <= EXACT or not _varies(centred, kernel):
        return _means(centred, kernel, torch.float64)
    fast = _means(centred, kernel, torch.float32)
    return fast if fast.sound() else _means(centred, kernel, torch.float64)


def _varies(centred: Tensor, kernel: Kernel) -> bool:
    """Whether the kernel differs enough between pairs, by some of the rows from one end to the other."""
    some = torch.linspace(0, len(centred) - 1, min(PILOT, len(centred)), device=centred.device).long()
    means = _means(centred[some], kernel, torch.float64)
    return means.square > (1 + LEAST) * float(means.of_rows.mean()) ** 2


def _means(centred: Tensor, kernel: Kernel, dtype: torch.dtype) -> PairMeans:
    n, size = len(centred), TILE if centred.device.type == "cpu" else ON_GPU
    rows = _Centred.of(centred, dtype)
    twin = None if dtype == torch.float64 else _Centred.of(centred, torch.float64)
    sums, squares = centred.new_zeros(n), 0.0
    off: list[float] = []
    work = partial(_stripe, rows, twin, kernel, size)
    for stripe in in_order(work, range(0, n, size[0]), centred.device):
        sums[stripe.start : stripe.start + len(stripe.along)] += stripe.along
        sums[stripe.start :] += stripe.down
        squares += stripe.squares
        off += stripe.off
    error = 2 * EVERY * _bound(off) / float(sums.sum() / 2) if off else 0.0
    return PairMeans(sums / (n - 1), squares * 2 / (n * (n - 1)), error)


def _bound(off: list[float]) -> float:
    """Of a sum of errors, of which these are known: their own sum, and twice its standard error."""
    mean = sum(off) / len(off)
    return abs(sum(off)) + 2 * math.sqrt(sum((error - mean) ** 2 for error in off))


def _stripe(
    rows: _Centred, twin: _Centred | None, kernel: Kernel, size: tuple[int, int], start: int
) -> _Stripe:
    n = len(rows.rows)
    own = range(start, min(start + size[0], n))
    along, squares, off = rows.rows.new_zeros(len(own), dtype=torch.float64), 0.0, []
    down = along.new_zeros(n - start)
    buffer, other = rows.rows.new_empty(size[0] * size[1]), along.new_empty((size[0] // EVERY + 1) * size[1])
    for number, first in enumerate(range(start, n, size[1])):
        others = range(first, min(first + size[1], n))
        values = _tile(rows, own, others, kernel, buffer)
        along += (of_rows := values.sum(dim=1).double())
        down[first - start : others.stop - start] = values.sum(dim=0)
        squares += float(torch.dot(values.flatten(), values.flatten()))
        turn = start // size[0] + number
        if twin is not None and turn % 2 == 0 and (some := own[turn // 2 % EVERY :: EVERY]):
            exact = _tile(twin, some, others, kernel, other)
            off.append(float(exact.sum() - of_rows[turn // 2 % EVERY :: EVERY].sum()))
    return _Stripe(start, along, down, squares, tuple(off))


def _tile(rows: _Centred, own: range, others: range, kernel: Kernel, buffer: Tensor) -> Tensor:
    """The kernel of pairs i < j, i of `own` and j of `others`; 0 elsewhere. buffer: room for it."""
    some, all_later = slice(own.start, own.stop, own.step), slice(others.start, others.stop)
    lengths, distance = rows.lengths[all_later], buffer[: len(own) * len(others)].view(-1, len(others))
    torch.addmm(lengths, rows.rows[some], rows.rows[all_later].T, beta=-1, alpha=2, out=distance)
    distance.sub_(rows.lengths[some, None]).clamp_max_(0)  # -||u_i - u_j||^2
    values = kernel(distance)
    if others.start > own[-1]:
        return values
    places = torch.arange(len(rows.rows), device=values.device)
    return values.masked_fill_(places[all_later] <= places[some, None], 0)
