"""Planted cases of `dormant`."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor
from torch.nn.functional import gelu

from collapse_cli.metrics.dormant import Dormant, dormant
from tests.guide.planted_cases import curve, equal_shares, gaussian, null, panels, seeded, table_of

N, UNITS, SOME = 1000, 64, 16
COLUMNS = ("activations of 64 units", "`dormant_0`", "`dormant_0025`", "`dormant_01`")
NAMES = {"dormant_0": "τ = 0", "dormant_0025": "τ = 0.025", "dormant_01": "τ = 0.1"}


def table() -> str:
    generator = seeded()
    before = noise(generator)
    after = before.clamp_min(0)
    shifted = before.clone()
    shifted[:, :SOME] -= 6
    awake = torch.ones(N, 1)
    awake[3:] = 0
    cases = {
        "ReLU of noise: all units work": after,
        "16 units are always 0": scaled(after, SOME, 0.0),
        "16 units at 1 % of the others": scaled(after, SOME, 0.01),
        "16 units at 5 % of the others": scaled(after, SOME, 0.05),
        "16 units active for 3 images of 1,000": torch.cat(
            [before[:, :SOME].abs() * awake, after[:, SOME:]], dim=1
        ),
        "GELU, 16 units pushed far below 0": gelu(shifted),
        "two units 10,000 times the others": scaled(after, 2, 10_000.0),
        "4 of 64 dimensions, turned": gaussian(equal_shares(UNITS, 4), N, generator),
        "every image has the same activations": after.mean(dim=0).repeat(N, 1),
        "the whole layer is 0": 0 * after,
    }
    return table_of(COLUMNS, ((name, *numbers(dormant(rows))) for name, rows in cases.items()))


def noise(generator: Generator) -> Tensor:
    return torch.randn(N, UNITS, generator=generator, dtype=torch.float64)


def scaled(rows: Tensor, units: int, factor: float) -> Tensor:
    """With the first units multiplied."""
    return torch.cat([rows[:, :units] * factor, rows[:, units:]], dim=1)


def numbers(result: Dormant) -> list[str]:
    return [f"{float(getattr(result, name)):.2f}" for name in NAMES]


def figure() -> Figure:
    """As a quarter of the units fall asleep, and as two units outgrow the others."""
    result, (asleep, large) = panels(2)
    after = noise(seeded()).clamp_min(0)
    lines(asleep, (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001), SOME, after)
    lines(large, (1.0, 10.0, 100.0, 1e3, 1e4, 1e5), 2, after)
    asleep.set(
        title="16 of 64 units fall asleep",
        xlabel="their activity over that of the others",
        ylabel="share of the units",
    )
    asleep.invert_xaxis()
    large.set(title="Two units outgrow the others", xlabel="their activity over that of the others")
    result.legend(*large.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return result


def lines(axes: Axes, factors: tuple[float, ...], units: int, after: Tensor) -> None:
    results = [dormant(scaled(after, units, factor)) for factor in factors]
    for place, (name, label) in enumerate(NAMES.items()):
        curve(axes, factors, [float(getattr(each, name)) for each in results], place, label)
    null(axes, 0.0)
    axes.set_xscale("log")
    axes.minorticks_off()
    axes.set_ylim(-0.05, 1.05)
