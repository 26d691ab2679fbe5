"""How many rows differ among very many, of hashes of their content: the smallest of them, each with how often it was seen.

A sketch of the smallest hashes (Bar-Yossef et al. 2002) that is the same however the rows are split and in whatever order its
parts are merged: a hash that is among the smallest of all is among the smallest of its part, so its count is exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

HELD = 2**16  # different rows up to which all are counted


@dataclass(frozen=True)
class Distinct:
    """keys (k,) int64 in [0, 2^63), ascending, and how often each was seen, counts (k,). more: whether there were others."""

    keys: Tensor
    counts: Tensor
    more: bool = False

    @classmethod
    def of(cls, keys: Tensor, counts: Tensor | None = None, more: bool = False) -> Distinct:
        """Of keys (n,) in any order, some of them equal."""
        different, number = torch.unique(keys, return_inverse=True)
        seen = torch.ones_like(keys) if counts is None else counts
        summed = torch.zeros_like(different).index_add_(0, number, seen)
        return cls(different[:HELD], summed[:HELD], more or len(different) > HELD)

    def merged(self, other: Distinct) -> Distinct:
        """Of the rows of both."""
        keys, counts = torch.cat([self.keys, other.keys]), torch.cat([self.counts, other.counts])
        return Distinct.of(keys, counts, self.more or other.more)

    def number(self, rows: int) -> tuple[int, float]:
        """How many of `rows` rows differ, and the relative standard error of that: 0 where all were counted.

        Where none of so many has a copy, the others are taken to have none either: less than 1 in 20,000 rows has one.
        """
        if not self.more:
            return len(self.keys), 0.0
        if int(self.counts.max()) == 1:
            return rows, 0.0
        share = (int(self.keys[-1]) + 1) / 2**63  # of all hashes, those that are held
        return min(round((len(self.keys) - 1) / share), rows), 1 / math.sqrt(len(self.keys) - 2)

    def most(self) -> int:
        """How often the most frequent of those that are held was seen."""
        return int(self.counts.max())
