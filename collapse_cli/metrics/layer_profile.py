"""The outputs of a network's layers, gathered batch by batch while they are there.

Of each layer D x D sums are held, and a bounded sample of its rows from which intervals come; no output outlives its batch.
Rows (N,D) are images: of maps and tokens the mean over positions. The tokens of one image are measured on their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from collapse_cli.metrics.jackknife import ROWS
from collapse_cli.metrics.moments import Gathering, Moments
from collapse_cli.metrics.ranks import entropy
from collapse_cli.metrics.rows import broken, directions

TAU = 0.025  # of the layer's mean activity: a unit with less is dormant
AT_ONCE = 512  # rows that wait for their product
EPS32 = torch.finfo(torch.float32).eps
TOKEN_IMAGES = 64  # whose tokens' rank is measured, about


class Column:
    """Sums of numbers (b,D) that come in turn, and of their squares: their mean and its error, column by column."""

    def __init__(self) -> None:
        self.count, self.total, self.square = 0, torch.zeros(()), torch.zeros(())

    def add(self, values: Tensor) -> None:
        exact = values.double()
        self.count += len(exact)
        self.total, self.square = self.total + exact.sum(dim=0), self.square + exact.square().sum(dim=0)

    @property
    def mean(self) -> Tensor:
        return self.total / self.count

    @property
    def error(self) -> Tensor:
        """Standard error of the mean."""
        variance = (self.square / self.count - self.mean.square()).clamp_min(0)
        return (variance / max(self.count - 1, 1)).sqrt()


class LayerOutputs:
    """What has been seen of the outputs of one layer. stride: every how many images the rank of their tokens is measured."""

    def __init__(self, d: int, stride: int = 1) -> None:
        self.d, self.stride, self.eps = d, stride, 0.0
        self.count = self.broken = self.positions = 0
        self.unit: Gathering | None = None
        self.waiting: list[Tensor] = []
        self.active, self.above, self.length = Column(), Column(), Column()
        self.cosine, self.rank = Column(), Column()
        self.sample: list[Tensor] = []
        self.lengths: list[Tensor] = []  # of the rows of the sample
        self.every, self.kept = 1, 0

    def add(
        self,
        rows: Tensor,
        active: Tensor,
        eps: float,
        tokens: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        """rows (b,D), active (b,D) the mean |h| over positions, tokens (b,T,D) with mask (b,T)."""
        start, self.eps = self.count, max(eps, self.eps)
        self.count += len(rows)
        if bad := broken(rows):
            self.broken += bad
            return
        exact = _plain(active)
        self.active.add(exact)
        self.above.add(exact - TAU * exact.mean(dim=1, keepdim=True))
        plain = _plain(rows)
        lengths = torch.linalg.vector_norm(plain, dim=1)
        self.length.add(lengths)
        self.waiting.append(directions(plain))
        self._sampled(self.waiting[-1], lengths, start)
        if tokens is not None and tokens.shape[1] > 1:
            self._within(tokens, mask, start)
        if sum(map(len, self.waiting)) >= AT_ONCE:
            self._settle()

    def moments(self) -> Moments:
        """Of the unit rows."""
        self._settle()
        assert self.unit is not None
        return self.unit.moments()

    def _settle(self) -> None:
        if self.waiting:
            block = torch.cat(self.waiting)
            self.unit = self.unit or Gathering(self.d, block.device)
            self.unit.add(block)
            self.waiting = []

    def raw(self) -> Tensor:
        """(m,D): those of the sample as the layer gave them, up to rounding."""
        rows = torch.cat(self.sample) * torch.cat(self.lengths).unsqueeze(1)
        return rows if self.eps < EPS32 else rows.float()

    def _sampled(self, unit: Tensor, lengths: Tensor, start: int) -> None:
        """Every so many rows, twice as many once there are too many: up to 2 ROWS, spread over all."""
        some = slice((-start) % self.every, None, self.every)
        self.sample.append(unit[some])
        self.lengths.append(lengths[some])
        self.kept += len(self.sample[-1])
        while self.kept > 2 * ROWS:
            half = torch.cat(self.sample)[::2]
            self.lengths = [torch.cat(self.lengths)[::2]]
            self.sample, self.kept, self.every = [half], len(half), 2 * self.every

    def _within(self, tokens: Tensor, mask: Tensor | None, start: int) -> None:
        """tokens (b,T,D): their mean cosine of every image, and of every so many their rank."""
        present = None if mask is None else mask.bool()
        unit = torch.nn.functional.normalize(_plain(tokens), dim=2)
        if present is not None:
            unit = unit * present.unsqueeze(2)
        count = unit.new_full((len(unit),), unit.shape[1]) if present is None else present.sum(dim=1).double()
        several = count > 1
        square = unit.sum(dim=1).square().sum(dim=1)
        cosine = (square - count) / (count * (count - 1))
        self.positions = max(self.positions, unit.shape[1])
        self.cosine.add(cosine[several])
        some = unit[(-start) % self.stride :: self.stride]
        if len(some):
            self.rank.add(token_ranks(some))


def _plain(numbers: Tensor) -> Tensor:
    """float64, on the CPU where the device has none."""
    return (numbers.cpu() if numbers.device.type == "mps" else numbers).double()


def token_ranks(unit: Tensor) -> Tensor:
    """unit (b,T,D) float64, tokens of length 1, or of zeros where there is none -> (b,): exp of the entropy of their Gram matrix.

    In [1, min(T, D)]; the matrix-based entropy of a prompt (Skean et al. 2025, arXiv:2502.02013), as a number of directions.
    """
    gram = unit @ unit.mT if unit.shape[1] <= unit.shape[2] else unit.mT @ unit
    ranks: Tensor = entropy(torch.linalg.eigvalsh(gram).flip(-1).clamp_min(0)).exp()
    return ranks


def first_broken(layers: Sequence[tuple[str, LayerOutputs]]) -> tuple[str, int] | None:
    """The first layer, by its name, whose output contains nan or infinity, and of how many images; None where all are finite."""
    return next(((name, seen.broken) for name, seen in layers if seen.broken), None)
