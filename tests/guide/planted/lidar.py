"""Planted cases of `lidar`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.lidar import Lidar, lidar
from collapse_cli.metrics.scatter import groups
from tests.guide.planted_cases import curve, equal_shares, gaussian, null, panels, seeded, table_of

N, D, Q = 500, 32, 10
COLUMNS = ("embeddings of views", "views of each", "`lidar`", "its null", "`augmentation`", "`overwhelmed`")


def table() -> str:
    generator = seeded()
    every, four = 2 * images(D, generator), 2 * images(4, generator)
    same, strong = torch.ones(D).double(), torch.ones(D).double()
    same[0], strong[:8] = 0, 5
    cases: dict[str, tuple[Tensor, int, Tensor | float]] = {
        "images differ in 32 of 32 dimensions": (every, Q, 1.0),
        "images differ in 4 of 32": (four, Q, 1.0),
        "the same, two views of each": (four, 2, 1.0),
        "the same, two views that differ a tenth as much": (four, 2, 0.1),
        "the views forget the image": (0 * every, Q, 1.0),
        "all at one point, and noise": (0 * every + 1, Q, 0.001),
        "images differ in 32, views strong in 8 of them": (every / 2, Q, strong),
        "images differ in 32, views never differ in one": (every, Q, same),
        "10 images that differ in 32 of 32": (every[:10], Q, 1.0),
    }
    rows = ((name, case[1], *numbers(measured(*case, generator))) for name, case in cases.items())
    return table_of(COLUMNS, rows)


def images(rank: int, generator: Generator) -> Tensor:
    """Rows (N,D) with variance 1 in each of so many dimensions, or as much in all as that is."""
    return gaussian(equal_shares(D, rank) * D, N, generator)


def measured(rows: Tensor, views: int, strength: Tensor | float, generator: Generator) -> Lidar:
    """Of so many views of each row (n,D), with noise of this standard deviation in each dimension."""
    seen = [
        rows + strength * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
        for _ in range(views)
    ]
    return lidar(groups(torch.cat(seen), torch.arange(len(rows)).repeat(views)), generator)


def numbers(result: Lidar) -> list[str]:
    values = result.lidar, result.lidar.null, result.augmentation  # type: ignore[attr-defined]
    return [
        *(f"{value:.{places}f}" for value, places in zip(values, (1, 1, 2), strict=True)),
        str(int(result.overwhelmed)),
    ]


def figure() -> Figure:
    """As images lose dimensions, as views drown images, and as views stop to differ along one direction."""
    result, (rank, drowned, same) = panels(3)
    generator = seeded()
    ranks, sizes, differences = (
        (1, 2, 4, 8, 16, 32),
        (4.0, 2.0, 1.0, 0.5, 0.25, 0.12, 0.06),
        (1.0, 0.3, 0.1, 0.03, 0.01),
    )
    for place, views in enumerate((10, 2)):
        results = [measured(2 * images(each, generator), views, 1.0, generator) for each in ranks]
        curve(rank, ranks, [float(each.lidar) for each in results], place, f"{views} views")
    null(rank, float(results[-1].lidar.null), "noise")  # type: ignore[attr-defined]
    four, every = images(4, generator), 2 * images(D, generator)
    results = [measured(each * four, Q, 1.0, generator) for each in sizes]
    curve(drowned, sizes, [float(each.lidar) for each in results], 0, "LiDAR")
    curve(drowned, sizes, [D * float(each.augmentation) for each in results], 1, "share within × 32")
    null(drowned, float(results[-1].lidar.null), "")  # type: ignore[attr-defined]
    strengths = [torch.ones(D).double() for _ in differences]
    for strength, difference in zip(strengths, differences, strict=True):
        strength[0] = difference
    curve(
        same,
        differences,
        [float(measured(every, Q, each, generator).lidar) for each in strengths],
        0,
        "LiDAR",
    )
    null(same, float(results[-1].lidar.null), "")  # type: ignore[attr-defined]
    rank.set(title="Lost dimensions", xlabel="dimensions in which images differ", ylabel="LiDAR")
    rank.set_xscale("log", base=2)
    rank.set_xticks(ranks, list(map(str, ranks)))
    drowned.set(title="Views drown images", xlabel="size of images over views")
    same.set(title="A direction without views", xlabel="how far views differ along it")
    for axes in (drowned, same):
        axes.set_xscale("log")
        axes.invert_xaxis()
    for axes in (rank, drowned, same):
        axes.set_ylim(0, 34)
        axes.set_yticks((0, 10, 20, 30))
        axes.minorticks_off()
    rank.legend()
    drowned.legend(loc="lower right")
    return result
