"""All rows but those of the largest group of equal ones: what the others are, where that group would speak for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.copies_pairs import within
from collapse_cli.metrics.moments import blocks
from collapse_cli.shapes import Rows


@dataclass(frozen=True)
class Others:
    """The rows of `whole` at `places` (n,) int64: a `shapes.Rows` that reads no more than it is asked for."""

    whole: Rows
    places: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.places), self.whole.shape[1]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        return self.whole[self.places[chosen]]


def others(rows: Rows, copies: Copies) -> Others:
    """The rows (N,D) that are not in the largest group of equal ones, found in one more pass over them."""
    point, different = rows[copies.first : copies.first + 1].double(), []
    for block in blocks(rows):
        different.append(~within(block, point.expand_as(block), copies.tolerance).cpu())
    return Others(rows, torch.cat(different).nonzero()[:, 0])
