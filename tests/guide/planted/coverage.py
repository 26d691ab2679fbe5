"""Planted cases of `coverage`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.coverage import Coverage, coverage
from collapse_cli.metrics.coverage_balls import expected_coverage
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

N, D, MODES, K = 300, 16, 10, 5
COLUMNS = (
    "generated embeddings",
    "`precision`",
    "`recall`",
    "`density`",
    "`coverage`",
    "its null",
    "`vendi_ratio`",
    "`shared`",
)


class Scene:
    """Ten modes far from each other, and rows about them."""

    def __init__(self) -> None:
        self.generator = seeded()
        self.centres = 4 * self.noise(MODES)

    def noise(self, n: int) -> Tensor:
        return torch.randn(n, D, generator=self.generator, dtype=torch.float64)

    def rows(self, n: int = N, modes: int = MODES, spread: float = 1.0) -> Tensor:
        return self.centres[torch.arange(n) % modes] + spread * self.noise(n)


def table() -> str:
    scene = Scene()
    real = scene.rows()
    outliers = real.clone()
    outliers[:10] = 10 * scene.noise(10)
    wrong, few = 5 * scene.noise(N), scene.rows(modes=5)
    astray = few.clone()
    astray[:10] = 10 * scene.noise(10)
    cases = {
        "of the same distribution": (real, scene.rows()),
        "of 5 of the 10 modes": (real, few),
        "the same, and 10 outliers": (real, astray),
        "of all modes, half as wide": (real, scene.rows(spread=0.5)),
        "of all modes, twice as wide": (real, scene.rows(spread=2.0)),
        "all at one point": (real, scene.rows(modes=1, spread=0.001)),
        "copies of the real ones": (real, real.clone()),
        "of the same distribution, 30 of them": (real, scene.rows(30)),
        "noise around everything": (real, wrong),
        "the same, beside real ones with 10 outliers": (outliers, wrong),
    }
    rows = ((name, *numbers(coverage(*sets, scene.generator))) for name, sets in cases.items())
    return table_of(COLUMNS, rows)


def numbers(result: Coverage) -> list[str]:
    values = (
        result.precision,
        result.recall,
        result.density,
        result.coverage,
        result.coverage.null,
        result.vendi_ratio,
    )  # type: ignore[attr-defined]
    return [*(f"{float(value):.2f}" for value in values), str(result.shared)]


def figure() -> Figure:
    """As modes are dropped, as the generated rows are narrower or wider, and as fewer of them are given."""
    result, (modes, widths, counts) = panels(3)
    scene = Scene()
    real = scene.rows()
    kept, spreads, sizes = (
        (10, 8, 6, 4, 2, 1),
        (0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
        (3000, 1000, 300, 100, 30, 10),
    )
    for panel, x, results in (
        (modes, kept, [measured(real, scene.rows(modes=each), scene.generator) for each in kept]),
        (widths, spreads, [measured(real, scene.rows(spread=each), scene.generator) for each in spreads]),
        (counts, sizes, [measured(real, scene.rows(each), scene.generator) for each in sizes]),
    ):
        for place, name in enumerate(("precision", "recall", "coverage")):
            curve(panel, x, [float(getattr(each, name)) for each in results], place, name)
        panel.set_ylim(-0.05, 1.05)
        panel.set_yticks((0, 0.5, 1))
    for panel in (modes, widths):
        null(panel, expected_coverage(N, N, K), "coverage, same distribution")
    counts.plot(
        sizes,
        [expected_coverage(N, each, K) for each in sizes],
        color="#6b7280",
        linestyle=(0, (4, 2.5)),
        linewidth=1.2,
    )
    modes.set(title="Modes are dropped", xlabel="modes generated, of 10", ylabel="share")
    modes.invert_xaxis()
    widths.set(title="Narrower or wider", xlabel="spread about the modes, real: 1")
    counts.set(title="Fewer are given", xlabel=f"generated, beside {N} real")
    counts.set_xscale("log")
    counts.invert_xaxis()
    counts.minorticks_off()
    result.legend(*modes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return result


def measured(real: Tensor, generated: Tensor, generator: Generator) -> Coverage:
    return coverage(real, generated, generator)
