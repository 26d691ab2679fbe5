"""Planted cases of `alignment`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.alignment import measure, uniformity, uniformity_bound
from collapse_cli.metrics.rows import unit
from tests.guide.planted_cases import curve, direction, equal_shares, gaussian, null, panels, seeded, table_of

N, D, STRENGTH = 1000, 64, 0.3
COLUMNS = ("embeddings", "`alignment`", "`uniformity`", "`mean_cosine`", "`std_sqrt_d`")

Case = tuple[Tensor, tuple[Tensor, Tensor]]
"""Clean embeddings (N,D), and two views of each."""


def table() -> str:
    generator = seeded()
    flat, axis = noise(N, generator), direction(D, generator)
    sides = torch.where(torch.arange(N) % 2 == 0, 1.0, -1.0)[:, None].double() * axis
    few = noise(N // 10, generator).repeat(10, 1)
    tight = seen(clusters(generator), generator)
    cases: dict[str, Case] = {
        "isotropic": seen(flat, generator),
        "all at one point, and noise of 1 %": seen(axis + 0.01 * flat, generator, 0.01),
        "isotropic, and both views are the image itself": (flat, (flat, flat)),
        "isotropic, and the views forget the image": (flat, (noise(N, generator), noise(N, generator))),
        "isotropic, an offset three times as long added": seen(flat + 3 * axis, generator),
        "8 of 64 dimensions": seen(gaussian(equal_shares(D, 8), N, generator), generator),
        "two opposite clusters": seen(sides + 0.1 * flat, generator),
        "isotropic, through a ReLU": rectified(seen(flat, generator)),
        "100 distinct embeddings, ten copies of each": seen(few, generator),
        "10 tight clusters": tight,
    }
    rows = [(name, *written(numbers(case))) for name, case in cases.items()]
    return table_of(COLUMNS, [*rows, ("the same, the mean of batches of 8", *written(in_batches(tight, 8)))])


def noise(n: int, generator: Generator) -> Tensor:
    """Isotropic rows (n,D), of length 1 on average."""
    return gaussian(equal_shares(D, D), n, generator)


def seen(rows: Tensor, generator: Generator, strength: float = STRENGTH) -> Case:
    """Rows with two views, which noise of this length makes different."""
    return rows, (
        rows + strength * noise(len(rows), generator),
        rows + strength * noise(len(rows), generator),
    )


def rectified(case: Case) -> Case:
    rows, (first, second) = case
    return rows.clamp_min(0), (first.clamp_min(0), second.clamp_min(0))


def clusters(generator: Generator) -> Tensor:
    """Rows (N,D) near ten points, in any order."""
    return noise(10, generator)[torch.randperm(N, generator=generator) % 10] + 0.05 * noise(N, generator)


def in_batches(case: Case, size: int) -> list[float]:
    """The mean over batches of each number, as a logger takes it."""
    rows, (first, second) = case
    parts = zip(rows.split(size), first.split(size), second.split(size), strict=True)
    each = [numbers((row, (one, other))) for row, one, other in parts]
    return [sum(values) / len(values) for values in zip(*each, strict=True)]


def numbers(case: Case) -> list[float]:
    result = measure(*case)
    return [float(result.alignment or 0), result.uniformity, result.mean_cosine, result.std_sqrt_d]


def written(values: list[float]) -> list[str]:
    return [f"{round(value, 3) + 0.0:.3f}" for value in values]


def figure() -> Figure:
    """As embeddings draw together at one point, as dimensions are lost, and as uniformity is averaged over batches."""
    result, (point, rank, batches) = panels(3)
    generator = seeded()
    flat, axis = noise(N, generator), direction(D, generator)
    spreads, ranks, sizes = (
        (10.0, 3.0, 1.0, 0.3, 0.1, 0.01),
        (1, 2, 4, 8, 16, 32, 64),
        (4, 8, 25, 125, 1000),
    )
    points = [seen(axis + spread * flat, generator, STRENGTH * spread) for spread in spreads]
    both(point, spreads, points)
    both(rank, ranks, [seen(gaussian(equal_shares(D, each), N, generator), generator) for each in ranks])
    for place, rows, label in ((1, flat, "isotropic"), (2, clusters(generator), "10 tight clusters")):
        means = [[uniformity(unit(part)) for part in rows.split(size)] for size in sizes]
        curve(batches, sizes, [sum(each) / len(each) for each in means], place, label)
    null(batches, uniformity_bound(D), "lower bound")
    point.set(title="Towards one point", xlabel="spread about the point")
    point.set_xscale("log")
    point.invert_xaxis()
    rank.set(title="Lost dimensions", xlabel=f"dimensions with variance, of {D}")
    rank.set_xscale("log", base=2)
    rank.set_xticks(ranks, list(map(str, ranks)))
    batches.set(title="Uniformity by batches", xlabel="embeddings in a batch")
    batches.set_xscale("log")
    for axes in (point, rank, batches):
        axes.minorticks_off()
    point.legend()
    batches.legend()
    return result


def both(axes: Axes, x: Sequence[float], cases: Sequence[Case]) -> None:
    """Alignment and uniformity, with what they are of isotropic embeddings and of views that forget the image."""
    results = [measure(*case) for case in cases]
    curve(axes, x, [float(each.alignment or 0) for each in results], 0, "alignment")
    curve(axes, x, [float(each.uniformity) for each in results], 1, "uniformity")
    null(axes, 2.0, "nulls")
    null(axes, uniformity_bound(D), "")
    axes.set_ylim(-4.3, 2.3)
    axes.set_yticks((-4, -2, 0, 2))
