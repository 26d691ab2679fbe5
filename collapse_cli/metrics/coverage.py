"""Two sets of rows, one generated to be like the other: precision, recall, density, coverage, and effective numbers.

Which set is which matters: `real` rows are what should be covered, `generated` ones what covers them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import Error
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.rows import sound
from collapse_cli.metrics.vendi import Distinct, distinct
from collapse_cli.results import number
from collapse_cli.values import Measured

CELLS = 1 << 22  # distances held at once: 32 MiB
ROUNDING = 1e-12  # of the squared lengths: what is nearer by less is not nearer
BLOCKS = 20  # of rows, one left out at a time
BALLS = "Euclidean, strictly inside; interval: jackknife over twentieths, rather too wide than too narrow"
KERNEL = 1000  # rows at most whose kernel is a matrix of its own


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Coverage of real rows by generated ones."""

    precision: float = number(
        "share of generated rows inside the ball of some real row: are they like real ones?",
        unit="share", convention=BALLS, null="halves of real", better="high", headline=True,
    )  # fmt: skip
    recall: float = number(
        "share of real rows inside the ball of some generated row: could they have been generated?",
        unit="share", convention=BALLS, null="halves of real", better="high", headline=True,
    )  # fmt: skip
    density: float = number(
        "balls of real rows that a generated row lies in, over k; above 1 where generated rows crowd where real ones are dense",
        convention=BALLS, null="same distribution", headline=True,
    )  # fmt: skip
    coverage: float = number(
        "share of real rows whose ball holds a generated row: a mode that is dropped is not covered",
        unit="share", convention=BALLS, null="same distribution", better="high", headline=True,
    )  # fmt: skip
    vendi_real: float = number(
        "effective number of distinct real rows: exp of the entropy of the kernel's eigenvalues (Friedman & Dieng 2023)",
        label="Vendi score, real", unit="rows", convention="as many rows of both sets",
    )  # fmt: skip
    vendi_generated: float = number(
        "the same of the generated rows", label="Vendi score, generated", unit="rows", null="real", better="high",
        convention="as many rows of both sets",
    )  # fmt: skip
    vendi_ratio: float = number(
        "generated over real; below 1 the generated rows are less diverse", label="Vendi score, ratio",
        null="equally diverse", headline=True,
    )  # fmt: skip
    real: int = number("real rows, N", label="real rows")
    generated: int = number("generated rows, M", label="generated rows")
    k: int = number("a ball reaches to the k-th nearest other row of its own set", label="neighbours, k")
    compared: int = number("rows of each set in the Vendi scores", label="rows in Vendi scores")


@dataclass(frozen=True)
class Prdc:
    """Precision, recall and coverage in [0, 1], density >= 0."""

    precision: float
    recall: float
    density: float
    coverage: float


def coverage(
    real: Tensor, generated: Tensor, generator: Generator, k: int = 5, width: float | None = None
) -> Coverage:
    """All of it, of real (N,D) and generated (M,D), beside what generated rows of the same distribution would give.

    generator: blocks, halves and, for the Vendi scores, rows of the larger set are drawn of it. width: of their kernel.
    Intervals: other rows of both sets, a twentieth left out at a time. Raises CollapseError as `prdc` does.
    """
    own, other = _blocks(len(real), generator), _blocks(len(generated), generator)
    enough = min(len(real), len(generated)) >= 2 * k + BLOCKS
    found, *without = _statistics(real, generated, k, own, other, BLOCKS if enough else 0)
    null, of = _chance(real, len(generated), k, generator), {"precision": len(generated), "density": 0}
    shares: dict[str, Any] = {}
    for name, value in vars(found).items():
        interval = _interval(value, [getattr(one, name) for one in without], of.get(name, len(real)))
        shares[name] = Measured(value, null.get(name), interval)
    size = min(len(real), len(generated), *([] if width is None else [KERNEL]))
    one, other_one = (distinct(_some(rows, size, generator), width) for rows in (real, generated))
    return Coverage(
        **shares, **_compared(one, other_one), real=len(real), generated=len(generated), k=k, compared=size
    )


def _compared(real: Distinct, generated: Distinct) -> dict[str, Any]:
    """Both Vendi scores and their ratio; errors of independent sets add up on the scale of the logarithm."""
    ratio, interval = generated.value / real.value, None
    if real.error and generated.error:
        degrees = min(real.error.degrees, generated.error.degrees)
        both = Error(math.hypot(real.error.size, generated.error.size), degrees)
        low, high = both.around(math.log(ratio))
        interval = (math.exp(low), math.exp(high))
    return {
        "vendi_real": Measured(real.value, interval=real.interval),
        "vendi_generated": Measured(generated.value, real.value, generated.interval),
        "vendi_ratio": Measured(ratio, 1.0, interval),
    }


def prdc(real: Tensor, generated: Tensor, k: int = 5) -> Prdc:
    """Of real (N,D) and generated (M,D) by balls that reach to the k-th nearest other row of the same set
    (arXiv:2002.09797); N, M > k.

    Euclidean; inside is strictly nearer than the radius, and what float64 cannot tell from it is not nearer.
    Raises CollapseError for rows that are not finite or of different width and, with code 3, for too few.
    """
    own, other = (torch.zeros(len(rows), dtype=torch.int64) for rows in (real, generated))
    return _statistics(real, generated, k, own, other, 0)[0]


def expected_coverage(real: int, generated: int, k: int = 5) -> float:
    """Of N and M rows of one distribution: 1 - prod_{i=1..k} (N - i) / (N + M - i), which goes to 1 - 2^-k for N = M.

    The ball of a real row holds nothing generated if the k nearest of all other rows are real.
    """
    return 1 - math.prod((real - i) / (real + generated - i) for i in range(1, k + 1))


def _statistics(
    real: Tensor, generated: Tensor, k: int, own: Tensor, other: Tensor, blocks: int
) -> list[Prdc]:
    """Of all rows, then of all but each block; own (N,) and other (M,) int64 in [0, blocks): the block of each row."""
    real, generated = _alike(real, generated)
    own, other = own.to(real.device), other.to(real.device)
    balls_real, balls_generated = _reach(real, k, own, blocks), _reach(generated, k, other, blocks)
    hit = torch.zeros(1 + blocks, len(generated), dtype=torch.bool, device=real.device)
    covered, recalled = (
        torch.zeros(1 + blocks, len(real), dtype=torch.bool, device=real.device) for _ in "ab"
    )
    inside = torch.zeros(1 + blocks, dtype=torch.int64)
    for start, distances in _distances(real, generated, 1 + ROUNDING):  # (b, M)
        stop = start + len(distances)
        for g, i, j in _near(distances, balls_real[:, start:stop, None], own[start:stop], other):
            inside[g] += len(i)
            hit[g, j] = covered[g, start + i] = True
        for g, i, _ in _near(distances, balls_generated[:, None], own[start:stop], other):
            recalled[g, start + i] = True
    kept = [
        [int((block != g - 1).sum()) if g else len(block) for g in range(1 + blocks)]
        for block in (own, other)
    ]
    return [
        Prdc(
            int(hit[g].sum()) / m,
            int(recalled[g].sum()) / n,
            int(inside[g]) / (k * m),
            int(covered[g].sum()) / n,
        )
        for g, (n, m) in enumerate(zip(*kept, strict=True))
    ]


def _near(
    distances: Tensor, reach: Tensor, own: Tensor, other: Tensor
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Pairs (i, j) with distances (b,M) below reach (1+G,b,1) or (1+G,1,M): first of all rows, then without each block."""
    i, j = (distances < reach.amax(dim=0)).nonzero(as_tuple=True)
    near, every = distances[i, j], reach.expand(-1, *distances.shape)
    for g in range(len(reach)):
        inside = near < every[g][i, j]
        if g:
            inside &= (own[i] != g - 1) & (other[j] != g - 1)
        yield g, i[inside], j[inside]


def _reach(rows: Tensor, k: int, block: Tensor, blocks: int) -> Tensor:
    """(1+G, N): squared distance of each of rows (N,D) to its k-th nearest other one, of all and without each block."""
    if not 1 <= k < len(rows):
        raise CollapseError(
            f"{len(rows)} rows have no {k} neighbours each", "lower --k, or give more", code=3
        )
    found = []
    for start, distances in _distances(rows, rows):  # (b, N)
        here = torch.arange(len(distances), device=rows.device)
        distances[here, start + here] = math.inf
        nearest, index = distances.topk(min(2 * k + BLOCKS if blocks else k, len(rows) - 1), largest=False)
        gone = torch.arange(-1, blocks, device=rows.device)[:, None, None] == block[index]  # (1+G, b, K)
        place = ((~gone).cumsum(dim=2) < k).sum(dim=2).clamp_max(nearest.shape[1] - 1)
        found.append(nearest.gather(1, place.T).T)
    return torch.cat(found, dim=1)


def _distances(queries: Tensor, rows: Tensor, more: float = 1.0) -> Iterator[tuple[int, Tensor]]:
    """Squared distances (b,M) of the queries (N,D) from `start` on to rows (M,D), as many at once as make CELLS.

    more: what the squared lengths are multiplied with; a little above 1, all that rounding might have shortened is longer.
    """
    lengths = rows.square().sum(dim=1) * more  # (M,)
    size = max(CELLS // len(rows), 1)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        own = block.square().sum(dim=1, keepdim=True) * more  # (b, 1)
        yield start, torch.addmm(own + lengths, block, rows.T, alpha=-2)


def _alike(real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
    """Both float64, about the mean of the real rows, where squares of distances lose least."""
    if real.shape[1] != generated.shape[1]:
        raise CollapseError(
            f"the real rows have {real.shape[1]} numbers, the generated ones {generated.shape[1]}",
            "give two sets of the same space",
        )
    real, generated = sound(real), sound(generated)
    centre = real.mean(dim=0)
    return real - centre, generated - centre


def _blocks(count: int, generator: Generator) -> Tensor:
    """(N,) the block of each row, at random and equally large."""
    return torch.randperm(count, generator=generator) % BLOCKS


def _some(rows: Tensor, size: int, generator: Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:size].to(rows.device)]


def _chance(real: Tensor, generated: int, k: int, generator: Generator) -> dict[str, float]:
    """What generated rows of the real ones' distribution would give: exactly, or as one half of them is to the other."""
    half = len(real) // 2
    known = {"density": 1.0, "coverage": expected_coverage(len(real), generated, k)}
    if half <= k:
        return known
    order = torch.randperm(len(real), generator=generator).to(real.device)
    halves = prdc(real[order[:half]], real[order[half : 2 * half]], k)
    mean = (halves.precision + halves.recall) / 2  # each is the other's with the halves swapped
    return known | {"precision": mean, "recall": mean}


def _interval(value: float, without: list[float], rows: int) -> Interval | None:
    """From the values without each block, by the jackknife; of a share of `rows` rows Wilson's at least, for 0 is never sure."""
    if not without:
        return None
    mean = sum(without) / BLOCKS
    error = math.sqrt((BLOCKS - 1) / BLOCKS * sum((one - mean) ** 2 for one in without))
    low, high = Error(error, BLOCKS - 1).around(value)
    if not rows:
        return max(low, 0.0), high
    least, most = wilson(round(value * rows), rows)
    return max(min(low, least), 0.0), min(max(high, most), 1.0)
