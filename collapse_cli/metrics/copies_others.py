"""The rows that are not the one which most are equal to: read block by block, as rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.copies import Copies, within
from collapse_cli.metrics.moments import blocks
from collapse_cli.shapes import Rows


@dataclass(frozen=True)
class OtherRows:
    """Some of N rows, by their places (M,) int64."""

    rows: Rows
    places: Tensor

    @property
    def shape(self) -> Sequence[int]:
        """(M, D)."""
        return len(self.places), self.rows.shape[1]

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice, or an index (b,) int64 -> those rows (b, D)."""
        return self.rows[self.places[chosen]]


def other_rows(rows: Rows, copies: Copies) -> OtherRows:
    """All rows (N,D) but those of the largest group of copies, (N - largest, D)."""
    if copies.owner is not None:
        return OtherRows(rows, (copies.owner != copies.owner[copies.first]).nonzero()[:, 0])
    first = rows[copies.first : copies.first + 1].double()
    parts, start = list[Tensor](), 0
    for block in blocks(rows):
        apart = ~within(block, first.expand_as(block), copies.tolerance)
        parts.append(apart.nonzero()[:, 0] + start)
        start += len(block)
    return OtherRows(rows, torch.cat(parts))
