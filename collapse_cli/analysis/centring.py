"""Embeddings about their mean: what --centre takes away from every row, view and split alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from collapse_cli.metrics.moments import blocks
from collapse_cli.shapes import Embeddings, Rows


@dataclass(frozen=True)
class CentredRows:
    """Rows (N,D) less a mean (D,), read a block at a time as the rows themselves are."""

    rows: Rows
    mean: Tensor

    @property
    def shape(self) -> Sequence[int]:
        """(N, D)."""
        return self.rows.shape

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice, or an index (b,) int64 -> those rows (b, D)."""
        return less(self.rows[chosen], self.mean)


def less(rows: Tensor, mean: Tensor) -> Tensor:
    """rows (b,D) - mean (D,), subtracted in float64: what is left of a large offset is small."""
    kind = torch.float64 if rows.dtype == torch.float64 else torch.float32
    return (rows.double() - mean.to(rows.device)).to(kind)


def means(spaces: Mapping[str, Rows]) -> dict[str, Tensor]:
    """The mean row (D,) float64 of each space, in one pass."""
    return {name: _mean(rows) for name, rows in spaces.items()}


def centred(embeddings: Embeddings, mean: Mapping[str, Tensor]) -> Embeddings:
    """The same embeddings less the mean row of each space; unchanged where none is given."""
    if not mean:
        return embeddings
    z = embeddings.projections
    return replace(
        embeddings,
        representations=less(embeddings.representations, mean["h"]),
        projections=None if z is None else less(z, mean["z"]),
    )


def _mean(rows: Rows) -> Tensor:
    total, start = (
        torch.zeros(rows.shape[1], dtype=torch.float64, device=rows[0:1].device),
        rows[0:1].double(),
    )
    for block in blocks(rows):
        total += (block - start).sum(dim=0)
    mean: Tensor = start[0] + total / rows.shape[0]
    return mean
