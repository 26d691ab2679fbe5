"""Planted cases of `collapse linear`: small networks, trained for a moment."""

from __future__ import annotations

from functools import cache

from matplotlib.figure import Figure

from collapse_cli.labs.linear import LinearLab, train
from collapse_cli.labs.linear_dynamics import dynamics
from collapse_cli.labs.linear_networks import Sweep
from collapse_cli.labs.linear_results import Dynamics, verdict
from collapse_cli.settings import Linear
from tests.guide.planted_cases import curve, null, panels, table_of

WIDTH = 8
SHORT = {"width": WIDTH, "points": 500, "batch": 32}
COLUMNS = (
    "network of 8 dimensions", "`alive`", "`negative`", "`gap`", "`participation_ratio`", "`block_energy`", "`drift`", "verdict",
)  # fmt: skip


def table() -> str:
    half = trained(Linear(**SHORT, steps=200, init="orthogonal"), (0.5, 2.0), (1,))
    every = trained(Linear(**SHORT, steps=200, init="orthogonal", augment="isotropic"), (2.0,), (1,))
    deep = trained(
        Linear(**SHORT, steps=300, init="decaying", loss="dot", lr=0.01, augment="isotropic"),
        (0.001,),
        (1, 3),
    )
    cases = {
        "1 layer, noise of .5 on 4 dimensions": (half[0.5, 1], 1),
        "1 layer, noise of 2 on 4 dimensions": (half[2.0, 1], 1),
        "1 layer, noise of 2 on all dimensions": (every[2.0, 1], 1),
        "1 layer, no noise, initial σ from 1 to .09": (deep[0.001, 1], 1),
        "3 layers, no noise, initial σ from 1 to .09": (deep[0.001, 3], 3),
    }
    return table_of(COLUMNS, ((name, *numbers(result, layers)) for name, (result, layers) in cases.items()))


@cache
def trained(
    settings: Linear, noises: tuple[float, ...], layers: tuple[int, ...]
) -> dict[tuple[float, int], Dynamics]:
    """Every network of one seed, trained."""
    lab = LinearLab(settings, Sweep(noises, layers, (0,)))
    frames = list(train(lab))
    return {
        (noise, depth): dynamics(lab, frames, place)
        for place, (noise, depth, _) in enumerate(lab.sweep.members)
    }


def numbers(result: Dynamics, layers: int) -> list[str | int]:
    def shown(value: float | None) -> str:
        return "none" if value is None else f"{value:.2f}"

    return [
        f"{result.alive:.0f}",
        f"{result.negative:.0f}",
        f"{result.gap:.2f}",
        f"{result.participation_ratio:.2f}",
        shown(result.block_energy),
        shown(result.drift),
        verdict(result, WIDTH, layers).status,
    ]


def figure() -> Figure:
    """Surviving dimensions as the noise grows, the eigenvalues of X beside them, and as the network gets deeper."""
    result, (noisy, forces, deep) = panels(3)
    noises = (0.0, 0.5, 1.0, 1.25, 1.5, 2.0)
    half = trained(Linear(**SHORT, steps=1000, init="orthogonal"), noises, (1,))
    curve(noisy, noises, [float(half[noise, 1].alive) for noise in noises], 0, "surviving")
    curve(
        noisy,
        noises,
        [WIDTH - float(half[noise, 1].negative or 0) for noise in noises],
        1,
        "8 − negative of X",
    )
    noisy.set(
        title="Strong augmentation", xlabel="noise on 4 of 8 dimensions", ylabel="dimensions", ylim=(0, 8.6)
    )
    noisy.legend(fontsize=7.5, loc="lower left")
    for place, noise in enumerate((0.5, 1.0, 2.0)):
        values = half[noise, 1].forces
        assert values is not None
        curve(forces, range(1, WIDTH + 1), list(values), place, f"noise {noise:g}")
    null(forces, 0.0, "below 0 it vanishes")
    forces.set(title="X at initialisation", xlabel="eigenvalue, by size")
    forces.legend(fontsize=7, loc="lower left")
    depths = (1, 2, 3, 4)
    settings = Linear(**SHORT, steps=1500, init="decaying", loss="dot", lr=0.01, augment="isotropic")
    of_depth = trained(settings, (0.001,), depths)
    curve(deep, depths, [float(of_depth[0.001, depth].alive) for depth in depths], 0, "surviving")
    deep.set(title="Depth", xlabel="layers", xticks=depths, ylim=(0, 8.6))
    return result
