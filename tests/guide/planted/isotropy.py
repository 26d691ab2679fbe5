"""Planted cases of `isotropy`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.alignment import mean_cosine
from collapse_cli.metrics.isotropy import isotropy
from collapse_cli.metrics.rows import unit
from tests.guide.planted_cases import (
    curve,
    direction,
    equal_shares,
    gaussian,
    null,
    panels,
    power_law,
    seeded,
    table_of,
)

N, D = 1000, 64
COLUMNS = ("embeddings", "`mean_cosine`", "`mean_cosine_centred`", "`epps_pulley`")


def table() -> str:
    generator = seeded()
    flat = gaussian(equal_shares(D, D), N, generator)
    axis = direction(D, generator)
    cases = {
        "isotropic": flat,
        "isotropic, an offset three times as long added": flat + 3 * axis,
        "isotropic, through a ReLU": flat.clamp_min(0),
        "8 of 64 dimensions": gaussian(equal_shares(D, 8), N, generator),
        "power law λ = 1/j": gaussian(power_law(D), N, generator),
        "two tight clusters, 500 and 500": clusters(0.5, generator),
        "two tight clusters, 900 and 100": clusters(0.1, generator),
        "one point, and noise of 1 %": axis + 0.01 * flat,
    }
    return table_of(COLUMNS, ((name, *numbers(rows, generator)) for name, rows in cases.items()))


def clusters(share: float, generator: Generator) -> Tensor:
    """Rows (N,D) around two points, this share of them around the second; noise of 3 %."""
    centres = torch.linalg.qr(
        torch.randn(D, 2, generator=seeded(), dtype=torch.float64)
    ).Q.T  # at a right angle
    second = (torch.arange(N) < round(share * N)).long()
    return centres[second] + 0.03 * gaussian(equal_shares(D, D), N, generator)


def numbers(rows: Tensor, generator: Generator) -> list[str]:
    return [f"{value:.{places}f}" for value, places in zip(measured(rows, generator), (3, 3, 5), strict=True)]


def measured(rows: Tensor, generator: Generator) -> tuple[float, float, float]:
    """The mean cosine, the same about the mean, and the Epps-Pulley distance; 0 has no sign."""
    result = isotropy(rows, generator)
    cosine, distance = round(mean_cosine(unit(rows)), 3), float(result.epps_pulley or 0)
    return cosine + 0.0, float(result.mean_cosine_centred), distance


def figure() -> Figure:
    """The three numbers as an offset grows, as one of two clusters has fewer members, and as dimensions are lost."""
    result, (offset, second, rank) = panels(3)
    generator = seeded()
    flat, axis = gaussian(equal_shares(D, D), N, generator), direction(D, generator)
    lengths, shares, ranks = (
        (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0),
        (0.5, 0.4, 0.3, 0.2, 0.1, 0.05),
        (1, 2, 4, 8, 16, 32, 64),
    )
    lines(offset, lengths, [flat + length * axis for length in lengths], generator)
    lines(second, shares, [clusters(share, generator) for share in shares], generator)
    lines(rank, ranks, [gaussian(equal_shares(D, each), N, generator) for each in ranks], generator)
    offset.set(title="An offset", xlabel="offset over length of an embedding")
    second.set(title="Two tight clusters", xlabel="share of the second cluster")
    second.invert_xaxis()
    rank.set(title="Lost dimensions", xlabel=f"dimensions with variance, of {D}")
    rank.set_xscale("log", base=2)
    rank.set_xticks(ranks, list(map(str, ranks)))
    for axes in (offset, second, rank):
        axes.set_ylim(-0.1, 1.12)
        axes.label_outer()
    result.legend(*offset.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return result


def lines(axes: Axes, x: Sequence[float], cases: Sequence[Tensor], generator: Generator) -> None:
    values = zip(*(measured(rows, generator) for rows in cases), strict=True)
    labels = ("mean cosine", "mean cosine, centred", "Epps–Pulley distance")
    for place, (label, y) in enumerate(zip(labels, values, strict=True)):
        curve(axes, x, y, place, label)
    null(axes, 0.0)
