"""Embeddings about their mean: what --centre takes away from every row, view and split alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.moments import blocks
from collapse_cli.metrics.rows import broken, largest, shifted
from collapse_cli.shapes import Embeddings, Rows

TINY, MOST = (
    2.0**-100,
    2.0**127,
)  # float32 has fewer digits for numbers not much below, and none for larger ones
LEAST = 2.0**-1000  # float64 has fewer digits for numbers not much below
TOO_LARGE = "the embeddings are so large that float64 cannot subtract their mean"
TOO_SMALL = "the embeddings are so small that float64 cannot subtract their mean"
HUGE, SPARE = 2.0**900, 100  # sums of larger numbers are of the same times 2^-100, which do not overflow


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
    """rows (b,D) - mean (D,), subtracted in float64: what is left of a large offset is small.

    Raises CollapseError where numbers near the largest that float64 has would overflow.
    """
    rest = rows.double() - mean.to(rows.device)
    if broken(rest) and not broken(rows):
        raise CollapseError(TOO_LARGE, "divide all of them by one number first")
    if 0 < max(largest(rows), largest(mean)) < LEAST:
        raise CollapseError(TOO_SMALL, "multiply all of them by one number first")
    as_float64 = rows.dtype == torch.float64 or (rest.any() and not TINY < largest(rest) < MOST)
    return rest if as_float64 else rest.float()


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
    start, k = rows[0:1].double(), 0
    total = torch.zeros_like(start[0])
    for block in blocks(rows):
        if not k and largest(block) > HUGE:
            total, k = shifted(total, -SPARE), -SPARE
        total += (shifted(block, k) - shifted(start, k)).sum(dim=0)
    return start[0] + shifted(total / rows.shape[0], -k)
