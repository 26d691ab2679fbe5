"""Precision, recall, density and coverage: which rows lie in the balls that reach to a row's k-th nearest neighbour.

Which set is which matters: `real` rows are what should be covered, `generated` ones what covers them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.rows import SQUARED, centre, levelled, shifted, sound

CELLS = 1 << 22  # distances held at once: 32 MiB
ROUNDING = 1e-12  # of the squared lengths: what is nearer by less is not nearer
BLOCKS = 20  # of rows, one left out at a time


@dataclass(frozen=True)
class Prdc:
    """Precision, recall and coverage in [0, 1], density >= 0."""

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(real: Tensor, generated: Tensor, k: int = 5) -> Prdc:
    """Of real (N,D) and generated (M,D) by balls that reach to the k-th nearest other row of the same set
    (arXiv:2002.09797); N, M > k.

    Euclidean; inside is strictly nearer than the radius, and what float64 cannot tell from it is not nearer.
    Raises CollapseError for rows that are not finite or of different width and, with code 3, for too few.
    """
    real_blocks, generated_blocks = (torch.zeros(len(rows), dtype=torch.int64) for rows in (real, generated))
    return statistics(real, generated, k, real_blocks, generated_blocks, 0)[0]


def expected_coverage(real: int, generated: int, k: int = 5) -> float:
    """Of N and M rows of one distribution: 1 - prod_{i=1..k} (N - i) / (N + M - i), which goes to 1 - 2^-k for N = M.

    The ball of a real row holds nothing generated if the k nearest of all other rows are real.
    """
    return 1 - math.prod((real - i) / (real + generated - i) for i in range(1, k + 1))


def statistics(
    real: Tensor, generated: Tensor, k: int, real_blocks: Tensor, generated_blocks: Tensor, blocks: int
) -> list[Prdc]:
    """Of all rows, then of all but each block; real_blocks (N,), generated_blocks (M,) int64 in [0, blocks): each row's block."""
    real, generated = _alike(real, generated)
    real_blocks, generated_blocks = real_blocks.to(real.device), generated_blocks.to(real.device)
    balls_real, balls_generated = (
        _reach(real, k, real_blocks, blocks),
        _reach(generated, k, generated_blocks, blocks),
    )
    hit = torch.zeros(1 + blocks, len(generated), dtype=torch.bool, device=real.device)
    covered, recalled = (
        torch.zeros(1 + blocks, len(real), dtype=torch.bool, device=real.device) for _ in "ab"
    )
    inside = torch.zeros(1 + blocks, dtype=torch.int64)
    for start, distances in _distances(real, generated, 1 + ROUNDING):  # (b, M)
        stop = start + len(distances)
        for g, i, j in _near(
            distances, balls_real[:, start:stop, None], real_blocks[start:stop], generated_blocks
        ):
            inside[g] += len(i)
            hit[g, j] = covered[g, start + i] = True
        for g, i, _ in _near(distances, balls_generated[:, None], real_blocks[start:stop], generated_blocks):
            recalled[g, start + i] = True
    row_counts = [
        [int((block != g - 1).sum()) if g else len(block) for g in range(1 + blocks)]
        for block in (real_blocks, generated_blocks)
    ]
    return [
        Prdc(
            int(hit[g].sum()) / m,
            int(recalled[g].sum()) / n,
            int(inside[g]) / (k * m),
            int(covered[g].sum()) / n,
        )
        for g, (n, m) in enumerate(zip(*row_counts, strict=True))
    ]


def _near(
    distances: Tensor, reach: Tensor, row_blocks: Tensor, column_blocks: Tensor
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Pairs (i, j) with distances (b,M) below reach (1+G,b,1) or (1+G,1,M): first of all rows, then without each block."""
    i, j = (distances < reach.amax(dim=0)).nonzero(as_tuple=True)
    near, every = distances[i, j], reach.expand(-1, *distances.shape)
    for g in range(len(reach)):
        inside = near < every[g][i, j]
        if g:
            inside &= (row_blocks[i] != g - 1) & (column_blocks[j] != g - 1)
        yield g, i[inside], j[inside]


def _reach(rows: Tensor, k: int, block: Tensor, blocks: int) -> Tensor:
    """(1+G, N): squared distance of each of rows (N,D) to its k-th nearest other one, of all and without each block."""
    if not 1 <= k < len(rows):
        raise CollapseError(
            f"{len(rows)} embeddings do not have {k} neighbours each",
            "lower --k, or give more embeddings",
            code=3,
        )
    reaches = []
    for start, distances in _distances(rows, rows):  # (b, N)
        here = torch.arange(len(distances), device=rows.device)
        distances[here, start + here] = math.inf
        nearest, index = distances.topk(min(2 * k + BLOCKS if blocks else k, len(rows) - 1), largest=False)
        gone = torch.arange(-1, blocks, device=rows.device)[:, None, None] == block[index]  # (1+G, b, K)
        place = ((~gone).cumsum(dim=2) < k).sum(dim=2).clamp_max(nearest.shape[1] - 1)
        reaches.append(nearest.gather(1, place.T).T)
    return torch.cat(reaches, dim=1)


def _distances(queries: Tensor, rows: Tensor, more: float = 1.0) -> Iterator[tuple[int, Tensor]]:
    """Squared distances (b,M) of the queries (N,D) from `start` on to rows (M,D), as many at once as make CELLS.

    more: what the squared lengths are multiplied with; a little above 1, all that rounding might have shortened is longer.
    """
    lengths = rows.square().sum(dim=1) * more  # (M,)
    size = max(CELLS // len(rows), 1)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        query_lengths = block.square().sum(dim=1, keepdim=True) * more  # (b, 1)
        yield start, torch.addmm(query_lengths + lengths, block, rows.T, alpha=-2)


def _alike(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
    """Both float64, about the mean of the real rows, where squares of distances lose least."""
    if real.shape[1] != generated.shape[1]:
        raise CollapseError(
            f"the real embeddings have {real.shape[1]} dimensions, the generated ones {generated.shape[1]}",
            "give two sets of the same space",
        )
    (real, generated), k = levelled(sound(real), sound(generated))
    real, generated = (shifted(rows, SQUARED if k else 0) for rows in (real, generated))
    middle = centre(real)
    return real - middle, generated - middle
