"""Planted cases of `hubness`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.hubness import Hubness, hubness
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
COLUMNS = ("embeddings", "`hub_skewness`", "`anti_hubs`", "`largest_hub`")


def table() -> str:
    generator = seeded()
    flat, axis = noise(generator), direction(D, generator)
    cases = {
        "isotropic": flat,
        "isotropic, an offset half as long added": flat + 0.5 * axis,
        "isotropic, an offset three times as long added": flat + 3 * axis,
        "that offset again, the mean subtracted": centred(flat + 3 * axis),
        "two opposite clusters": opposite(3.0, axis, flat),
        "two opposite clusters, the mean subtracted": centred(opposite(3.0, axis, flat)),
        "isotropic, through a ReLU": flat.clamp_min(0),
        "power law λ = 1/j": gaussian(power_law(D), N, generator),
        "8 of 64 dimensions": gaussian(equal_shares(D, 8), N, generator),
        "50 distinct embeddings, 20 copies of each": flat[:50].repeat(20, 1),
        "all at one point": axis.repeat(N, 1),
    }
    return table_of(COLUMNS, ((name, *numbers(hubness(rows, generator))) for name, rows in cases.items()))


def noise(generator: Generator) -> Tensor:
    """Isotropic rows (N,D), of length 1 on average."""
    return gaussian(equal_shares(D, D), N, generator)


def centred(rows: Tensor) -> Tensor:
    return rows - rows.mean(dim=0)


def opposite(length: float, axis: Tensor, rows: Tensor) -> Tensor:
    """Half of the rows with an offset, the others with the opposite offset."""
    return rows + length * torch.where(torch.arange(N) % 2 == 0, 1.0, -1.0)[:, None].double() * axis


def numbers(result: Hubness) -> list[str]:
    return [
        f"{float(result.hub_skewness or 0):.2f}",
        f"{float(result.anti_hubs):.3f}",
        f"{float(result.largest_hub):.3f}",
    ]


def figure() -> Figure:
    """As an offset grows, with and without the mean: skewness, anti-hubs, and the skewness of two opposite offsets."""
    result, axes = panels(3)
    generator = seeded()
    flat, axis = noise(generator), direction(D, generator)
    lengths = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0)
    common = [flat + length * axis for length in lengths]
    split = [opposite(length, axis, flat) for length in lengths]
    for panel, cases, name in (
        (axes[0], common, "hub_skewness"),
        (axes[1], common, "anti_hubs"),
        (axes[2], split, "hub_skewness"),
    ):
        for place, (label, of) in enumerate(
            (("as they are", list), ("mean subtracted", lambda rows: map(centred, rows)))
        ):
            results = [hubness(rows, generator) for rows in of(cases)]
            curve(panel, lengths, [float(getattr(each, name)) for each in results], place, label)
        null(panel, float(getattr(results[0], name).null), "independent lists")
        panel.set(xlabel="length of the offset")
    axes[0].set(title="An offset: skewness")
    axes[1].set(title="An offset: anti-hubs")
    axes[2].set(title="Two opposite: skewness")
    result.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return result
