"""Principal directions of embeddings, and where the embeddings lie along two of them: what a map shows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.eigenvalues import covariance_basis
from collapse_cli.metrics.moments import spread_of
from collapse_cli.metrics.ranks import active
from collapse_cli.metrics.rows import unit


@dataclass(frozen=True)
class Directions:
    """Of unit embeddings: mean (D,), eigenvalues (D,) of the covariance, descending, and eigenvectors in columns (D,k)."""

    mean: Tensor
    eigenvalues: Tensor
    vectors: Tensor

    @property
    def active(self) -> int:
        """How many of them the verdict counts."""
        return active(self.eigenvalues)

    def share(self, number: int) -> float:
        """Of the variance, that of a direction; number: 1 for the first."""
        total = float(self.eigenvalues.sum())
        return float(self.eigenvalues[number - 1]) / total if total else 0.0


def directions(rows: Tensor) -> Directions:
    """Those of the spectrum, of rows (N,D), L2-normalised and centred, in float64. The largest entry of each is positive.

    Raises CollapseError for fewer than 2 rows and for rows that are not finite.
    """
    seen = spread_of(unit(rows))
    eigenvalues, vectors = covariance_basis(seen)
    largest = vectors.gather(0, vectors.abs().argmax(dim=0, keepdim=True))  # (1, k)
    return Directions(seen.mean, eigenvalues, vectors * torch.where(largest < 0, -1.0, 1.0))


def shown(axes: Directions) -> list[tuple[int, int]]:
    """Pairs of directions, 1 the first, of which maps are made: the first two, and the last two that are active, if others.

    None where nothing varies, or where there is a single direction.
    """
    last = axes.active
    if not last or axes.vectors.shape[1] < 2:
        return []
    return [(1, 2), (last - 1, last)] if last > 2 else [(1, 2)]


def along(rows: Tensor, axes: Directions, pair: tuple[int, int]) -> Tensor:
    """Coordinates (n,2) of rows (n,D), L2-normalised, about the mean, along two directions."""
    chosen = axes.vectors[:, [number - 1 for number in pair]]  # (D, 2)
    return (unit(rows) - axes.mean) @ chosen


def stratified(labels: Tensor | None, count: int, most: int, generator: Generator) -> Tensor:
    """(n,) int64: up to `most` of `count` samples, drawn in proportion to their classes, one of each class first.

    labels (count,), or None: drawn from all alike. In the order of the draw, so that its beginning is drawn in the same way.
    """
    order = torch.randperm(count, generator=generator)
    if labels is None:
        return order[:most]
    drawn = labels[order]
    _, owner, sizes = torch.unique(drawn, return_inverse=True, return_counts=True)
    by_class = owner.argsort(stable=True)
    starts = sizes.cumsum(0) - sizes
    rank = torch.empty_like(owner)
    rank[by_class] = torch.arange(count) - starts[owner[by_class]]  # within its class
    place = torch.where(rank == 0, -1.0, (rank + 0.5) / sizes[owner])
    return order[place.argsort(stable=True)[:most]]


def nearest(rows: Tensor, point: Tensor, count: int) -> Tensor:
    """(n,) int64: up to `count` of rows (N,D), the largest cosine with a point (D,) first; of equal ones, the earlier."""
    cosines = unit(rows) @ unit(torch.stack([point, point]))[0]
    return cosines.argsort(descending=True, stable=True)[:count]
