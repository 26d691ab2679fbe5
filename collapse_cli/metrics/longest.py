"""Which of the rows that a pass has seen are the longest."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.rows import shifted

LONGEST = 256  # rows remembered for their length


class Longest:
    """Which LONGEST of the rows seen so far are the longest: outliers are few, and a sample of all rows would miss them."""

    def __init__(self, device: torch.device) -> None:
        self.lengths = torch.zeros(0, dtype=torch.float64, device=device)
        self.index = torch.zeros(0, dtype=torch.int64, device=device)

    def shift(self, power: int) -> None:
        """As if all lengths had been times 2^power."""
        self.lengths = shifted(self.lengths, power)

    def add(self, lengths: Tensor, start: int) -> None:
        """lengths (b,) of the rows start, start + 1, …"""
        self._join(lengths, start + torch.arange(len(lengths), device=lengths.device))

    def merge(self, other: Longest, offset: int) -> None:
        self._join(other.lengths, other.index + offset)

    def _join(self, lengths: Tensor, index: Tensor) -> None:
        every = torch.cat([self.lengths, lengths])
        self.lengths, longest = every.topk(min(LONGEST, len(every)))
        self.index = torch.cat([self.index, index])[longest]
