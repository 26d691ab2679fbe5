"""The embeddings of several batches of a training as one set.

A network moves between batches. Where the means of the batches lie further apart than chance puts them, every batch is moved to
the mean of all, and its embeddings are spread by sqrt(B / (B - 1)) about it, so that their covariance is unbiased: what is judged
then is the spread within batches, and no drift counts as a dimension.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from collapse_cli.analysis.monitor_rows import KeptBatch

DRIFT = 2.0  # times what chance puts between the means of batches: from there on they are made equal


def pooled(parts: Sequence[Tensor]) -> tuple[Tensor, bool]:
    """Batches (B,D) -> (N,D), float32 or float64, and whether each was moved to the mean of all."""
    moves = drift_of(parts) > DRIFT
    return (at_one_mean(parts) if moves else _plain(torch.cat(list(parts)))), moves


def views_of(batches: Sequence[KeptBatch]) -> list[Tensor] | None:
    """Two views (N,d) of the same images, every batch at the mean of all; None where a batch has but one."""
    if not all("z2" in batch.spaces for batch in batches):
        return None
    both = [(batch.spaces["z"], batch.spaces["z2"]) for batch in batches]
    means = [torch.cat(pair).double().mean(dim=0) for pair in both]
    return [at_one_mean([pair[view] for pair in both], means) for view in (0, 1)]


def drift_of(parts: Sequence[Tensor]) -> float:
    """The variance between the means of batches (B,D) over what chance gives, summed over dimensions: 1 where nothing moves.

    The F of a one-way analysis of variance; 0 for a single batch, infinite where batches are points that differ.
    """
    rows = [part.double() for part in parts]
    count, several = sum(map(len, rows)), len(rows)
    if several < 2 or count <= several:
        return 0.0
    means = torch.stack([part.mean(dim=0) for part in rows])
    sizes = torch.tensor([len(part) for part in rows], dtype=torch.float64)
    mean = sizes @ means / count
    between = float(sizes @ (means - mean).square().sum(dim=1)) / (several - 1)
    within = sum(float((part - part.mean(dim=0)).square().sum()) for part in rows) / (count - several)
    return between / within if within > 0 else math.inf if between > 0 else 0.0


def at_one_mean(parts: Sequence[Tensor], means: Sequence[Tensor] | None = None) -> Tensor:
    """Batches (B,D) -> (N,D) with the mean of all in place of their own. means: of the batches, in place of their own."""
    doubles = [part.double() for part in parts]
    centres = [part.mean(dim=0) for part in doubles] if means is None else means
    sizes = [len(part) for part in doubles]
    middle = sum((size * centre for size, centre in zip(sizes, centres, strict=True)), torch.zeros(())) / sum(
        sizes
    )
    wider = [math.sqrt(size / (size - 1)) if size > 1 else 1.0 for size in sizes]
    moved = [middle + k * (part - centre) for part, centre, k in zip(doubles, centres, wider, strict=True)]
    whole = torch.cat(moved)
    return whole if parts[0].dtype == torch.float64 else whole.float()


def _plain(rows: Tensor) -> Tensor:
    """Half precision becomes float32, as `diagnose` has it."""
    return rows if rows.dtype in (torch.float32, torch.float64) else rows.float()
