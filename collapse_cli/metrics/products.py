"""Sums over very many rows: products by numpy's BLAS, which computes half of a square, in float32 where that is exact enough.

A float32 product costs half of a float64 one. Everything else stays in float64: rows are centred before they are rounded, blocks
are added up in float64, and the error is measured in all of them. Of random vectors g, the sum of c (c . g) over the centred rows
c costs next to nothing in float64; what the sum of the products makes of g differs from it by E g, E the error of the sum itself.
E g of a few g tells the norm of E, as |E g|^2 has the mean |E|_F^2, whatever E is.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.metrics.moments import Gathering

PROBES = 4  # random vectors g
MARGIN = 4.0  # times the norm that they tell: an error of rank one is larger than that in 1 of 140 cases
PRODUCT = 2**21  # numbers of one product
# rows of one: adding up D x D numbers costs little beside it, and sums in float32 are short
FEWEST, MOST = 1024, 4096
CHUNK = 2**16  # numbers that are float64 at once: 512 kB, which a core's own cache holds
SHORT, LONG = 2.0**-30, 2.0**30  # lengths whose squares float32 can hold and add up

Array = numpy.ndarray[Any, Any]


@lru_cache(maxsize=4)
def probes(d: int) -> Array:
    """(D, PROBES) float64, the same for all sums, so that their errors add up."""
    drawn = torch.randn(d, PROBES, generator=torch.Generator().manual_seed(d), dtype=torch.float64)
    return drawn.numpy()


def bound(moved: Tensor) -> float:
    """Of the norm of E, and so of the error of every eigenvalue of the scatter, from E g (D, PROBES)."""
    return MARGIN * float(torch.linalg.matrix_norm(moved)) / math.sqrt(moved.shape[1])


def _square(rows: Array, out: Array) -> None:
    """rows^T rows of (b,D). Of a matrix and its own transpose numpy asks BLAS for half of it."""
    numpy.dot(rows.T, rows, out=out)


class Waiting:
    """Rows less `about`, which wait for their product, and the sums that need none: of c, and of c (c . g)."""

    def __init__(self, d: int, exact: bool) -> None:
        kind = torch.float64 if exact else torch.float32
        self.rows = torch.empty(min(max(PRODUCT // d, FEWEST), MOST), d, dtype=kind)
        self.product = torch.empty(d, d, dtype=kind)
        self.wide = None if exact else torch.empty(d, d, dtype=torch.float64)
        self.probes = numpy.zeros((d, 0)) if exact else probes(d)
        self.error = numpy.zeros_like(self.probes)  # E g
        self.about = torch.zeros(d, dtype=torch.float64)

    def settle(self, count: int, sums: Array, into: Gathering) -> None:
        """The first rows, and sums (1 + PROBES, D) of them, go into moments. Columns of equal numbers add exactly nothing."""
        rows, product = self.rows[:count].numpy(), self.product
        _square(rows, product.numpy())
        sums[:, product.diagonal().numpy() == 0] = 0
        if self.wide is not None:
            product = self.wide.copy_(product)
            self.error += product.numpy() @ self.probes - sums[1:].T
        into.fold(count, self.about, torch.from_numpy(sums[0]), product)


class Plain:
    """Sums of raw and of unit rows that are neither very long nor very short. exact: products in float64.

    Unit rows are u = x / |x|, less s p, where p is what raw rows are less of, and s p the point on its ray that is nearest to
    their mean: (x - p) / |x| + (1/|x| - s) p, in which little cancels, however far from 0 the rows are. Equal rows leave
    exactly 0. For smaller types than float64, p is a row of float32 numbers, so that x - p is the same in float32 as in float64.
    """

    def __init__(self, axes: Tensor, into: tuple[Gathering, Gathering], exact: bool) -> None:
        """axes (D,AXES) float64; into: moments of raw and of unit rows."""
        d = len(axes)
        self.into, self.raw, self.unit = into, Waiting(d, exact), Waiting(d, exact)
        k = self.k = self.raw.probes.shape[1]
        self.along = numpy.ascontiguousarray(numpy.concatenate([self.raw.probes, axes.numpy()], axis=1).T)
        self.height = min(max(CHUNK // d, 1), MOST)
        self.small = torch.empty(self.height, d)
        self.block = torch.empty(self.height, d, dtype=torch.float64)
        self.weights = numpy.ones((2 * (1 + k), self.height))  # 1, c . g; and of unit rows both times 1 / |x|
        self.plain = numpy.ones((1 + k, self.height))  # of unit rows: 1, c . g
        self.sums = numpy.zeros((2 * (1 + k), d))
        self.totals = numpy.zeros((2, 1 + k))  # of the weights of c
        self.levels = numpy.zeros((2, k, 1))  # p . g
        self.used, self.inverse = 0, 0.0  # s

    def take(self, rows: Tensor) -> tuple[Tensor, Array] | None:
        """rows (b,D), b <= height, of any float type: their lengths (b,) and coordinates (AXES,b) of the unit rows.

        None for rows of which any is longer or shorter than is plain, or not finite: nothing is added.
        """
        small = None if rows.dtype == torch.float64 else self.small[: len(rows)].copy_(rows)
        block = self.block[: len(rows)].copy_(rows if small is None else small)
        lengths = torch.linalg.vector_norm(block, dim=1)  # (b,)
        low, high = torch.aminmax(lengths)
        if not (float(low) > SHORT and float(high) < LONG):
            return None
        if self.used + len(rows) > len(self.raw.rows):
            self._fold()
        inverse = lengths.reciprocal()
        if not self.used:
            self._start(block, inverse, rows.dtype == torch.float64)
        self._centre(block if small is None or self.raw.rows.dtype == torch.float64 else small, inverse)
        self.used += len(rows)
        return lengths, self._sum(block.numpy(), inverse.numpy())

    def none_below_0(self, count: int) -> bool:
        """Of the rows (count, D) that were just taken."""
        return bool(self.block[:count].min() >= 0)

    def settle(self) -> tuple[Tensor, Tensor] | None:
        """What waits goes into the moments; the errors of raw and unit products since the last time, times g, (D, PROBES)."""
        self._fold()
        if not self.k:
            return None
        errors = torch.from_numpy(self.raw.error), torch.from_numpy(self.unit.error)
        self.raw.error, self.unit.error = (numpy.zeros_like(self.raw.error) for _ in errors)
        return errors

    def _fold(self) -> None:
        if not self.used:
            return
        halves, width = (self.raw, self.unit), 1 + self.k
        for half, into, total, start in zip(halves, self.into, self.totals, (0, width), strict=True):
            sums = self.sums[start : start + width] - numpy.outer(total, half.about.numpy())
            half.settle(self.used, sums, into)
        self.sums[:], self.totals[:] = 0, 0
        self.used = 0

    def _start(self, block: Tensor, inverse: Tensor, exact: bool) -> None:
        """What rows are less of, from the first ones. exact: p is a row of float64 numbers."""
        mean = self.into[0].mean if self.into[0].count else block[0] + (block - block[0]).mean(dim=0)
        about, first = self.raw.about.copy_(mean if exact else mean.float()), inverse[0]
        beside = ((block - about) * inverse[:, None] + (inverse - first)[:, None] * about).mean(dim=0)
        square = float(about @ about)
        self.inverse = float(first) + (float(beside @ about) / square if square else 0.0)
        torch.mul(about, self.inverse, out=self.unit.about)
        for level, half in zip(self.levels, (self.raw, self.unit), strict=True):
            level[:, 0] = half.about.numpy() @ half.probes

    def _centre(self, block: Tensor, inverse: Tensor) -> None:
        """Rows (b,D) less p, and those of length 1 less s p, go where they wait."""
        kind, place = self.raw.rows.dtype, slice(self.used, self.used + len(block))
        about, raw, unit = self.raw.about, self.raw.rows[place], self.unit.rows[place]
        torch.sub(block, about.to(block.dtype), out=raw)
        torch.mul(raw, inverse.to(kind)[:, None], out=unit)
        unit.addr_((inverse - self.inverse).to(kind), about.to(kind))

    def _sum(self, block: Array, inverse: Array) -> Array:
        """The sums of rows (b,D) with 1 and c . g as weights, raw and unit."""
        k, count = self.k, len(block)
        weights, plain = self.weights[:, :count], self.plain[:, :count]
        along = numpy.dot(self.along, block.T)  # (PROBES + AXES, b)
        numpy.subtract(along[:k], self.levels[0], out=weights[1 : k + 1])
        along *= inverse
        numpy.subtract(along[:k], self.levels[1], out=plain[1:])
        numpy.multiply(plain, inverse, out=weights[k + 1 :])
        self.sums += numpy.dot(weights, block)  # (2 (1 + PROBES), D)
        self.totals[0] += weights[: k + 1].sum(axis=1)
        self.totals[1] += plain.sum(axis=1)
        rest: Array = along[k:]
        return rest
