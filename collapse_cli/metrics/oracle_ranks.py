"""False negatives by rank, with how sure their shares are: over the queries, for these keys.

A share is that of all keys at some ranks, of all queries. Those of one query are no independent trials: they share its class. So
the share counts as that of as many independent keys as have its variance over the queries, and has the interval of Wilson (1927)
of these, which has a width where no key is false, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from collapse_cli.metrics.probe import wilson
from collapse_cli.values import Curve

POINTS = 100  # of a curve over ranks, at most
FEW = 8  # queries, with fewer of which there is no interval


def cut(size: int, points: int = POINTS) -> list[tuple[int, int]]:
    """[0, size) cut into at most `points` pieces, one rank each at first, then ever longer."""
    edges = (
        torch.logspace(0, math.log10(size), points, dtype=torch.float64).round().long()
        if size > 1
        else torch.ones(1)
    )
    cuts = [0, *sorted({int(e) for e in edges})]
    return list(zip(cuts[:-1], cuts[1:], strict=True))


class ByRank:
    """Sums over queries that the shares of false negatives at each piece of the ranks come from, and their variances."""

    def __init__(self, keys: int, device: torch.device) -> None:
        self.pieces = cut(keys)
        lengths = torch.tensor([end - start for start, end in self.pieces], device=device)
        self.piece = torch.arange(len(self.pieces), device=device).repeat_interleave(lengths)  # (K,)
        self.queries = 0
        self.sums = torch.zeros(
            5, len(self.pieces), dtype=torch.float64, device=device
        )  # of f, t, f f, f t, t t

    def add(self, false: Tensor, there: Tensor) -> None:
        """Of some queries: which keys (b,K) by rank are false negatives, and which are there at all."""
        f, t = (self._summed(which) for which in (false, there))  # (b, P)
        self.queries += len(f)
        for sums, values in zip(self.sums, (f, t, f * f, f * t, t * t), strict=True):
            sums += values.sum(dim=0)

    def _summed(self, which: Tensor) -> Tensor:
        sums = torch.zeros(len(which), len(self.pieces), device=which.device)
        return sums.index_add_(1, self.piece, which.float()).double()

    def curve(self, null: float) -> Curve:
        """The shares at the middle of each piece, beside that of all keys."""
        sums = self.sums.cpu()
        shares = sums[0] / sums[1].clamp_min(1)
        middles = [(start + 1 + end) / 2 for start, end in self.pieces]
        interval = None if self.queries < FEW else self._interval(shares, *sums[1:])
        return Curve(shares.tolist(), middles, [null] * len(middles), interval=interval)

    def _interval(
        self, shares: Tensor, there: Tensor, false_2: Tensor, both: Tensor, there_2: Tensor
    ) -> tuple[Sequence[float], Sequence[float]]:
        """Of ratios of two sums over queries: the influence of a query is what it has more than its keys' share."""
        squares = false_2 - 2 * shares * both + shares.square() * there_2
        variances = squares.clamp_min(0) / there.clamp_min(1).square() * self.queries / (self.queries - 1)
        ends = [
            _wilson(*numbers, self.queries)
            for numbers in zip(shares.tolist(), variances.tolist(), there.tolist(), strict=True)
        ]
        low, high = zip(*ends, strict=True)
        return low, high


def _wilson(share: float, variance: float, keys: float, queries: int) -> tuple[float, float]:
    """As many independent keys as give this variance; where it is 0, one for each query."""
    if not keys:
        return math.nan, math.nan
    alike = share * (1 - share) / variance if variance > 0 else queries
    return wilson(share * alike, alike)
