"""Planted cases of `spectrum`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.spectrum import Spectrum, spectrum
from collapse_cli.views import style
from tests.guide.planted_cases import (
    curve,
    direction,
    equal_shares,
    gaussian,
    panels,
    power_law,
    seeded,
    table_of,
)

N, D = 1000, 32
RANKS = (
    "total_variance",
    "active",
    "dimensions_90",
    "effective_rank",
    "participation_ratio",
    "stable_rank",
    "rankme",
)
OTHERS = (
    "mean_cosine",
    "std_sqrt_d",
    "effective_rank_raw",
    "wasserstein",
    "alpha",
    "row_participation",
    "ray_share",
    "effective_samples",
)


def table() -> str:
    """Twice the same cases: what the verdict and the ranks say, and what the other numbers say."""
    generator = seeded()
    results = [(name, spectrum(rows, generator)) for name, rows in cases(generator)]
    tables = [
        table_of(("embeddings", *(f"`{name}`" for name in names)), lines(results, names))
        for names in (RANKS, OTHERS)
    ]
    return "\n".join(tables)


def lines(results: Sequence[tuple[str, Spectrum]], names: Sequence[str]) -> Iterator[Sequence[str]]:
    for case, result in results:
        yield (case, *(short(getattr(result, name)) for name in names))


def short(value: float | None) -> str:
    """Three digits, or a whole number."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{float(value):.3g}"


def cases(generator: Generator) -> Iterator[tuple[str, Tensor]]:
    flat, axis = gaussian(equal_shares(D, D), N, generator), direction(D, generator)
    few = gaussian(equal_shares(D, 4), N, generator)
    yield "isotropic", flat
    yield "4 of 32 dimensions", few
    yield "4 of 32, and 1 % of noise in the rest", gaussian(equal_shares(D, 4, rest=0.01), N, generator)
    yield "power law λ = 1/j", gaussian(power_law(D), N, generator)
    yield "80 % of the variance in one dimension", gaussian(equal_shares(D, 1, rest=0.2), N, generator)
    yield "ten tight clusters", clusters(generator)
    yield "isotropic, and an offset 3 times as long", flat + 3 * axis
    yield "4 of 32, and an offset 3 times as long", few + 3 * axis
    yield "isotropic, and 10 in one coordinate", flat + 10 * torch.eye(D, dtype=torch.float64)[0]
    yield "one point, and noise of 0.1 %", axis + 0.001 * flat
    yield "one ray: lengths vary, and noise of 0.1 %", (axis + 0.001 * flat) * lengths(0.3, generator)
    yield "isotropic, lengths that vary much", flat * lengths(1.5, generator)
    yield "a point, and 5 % isotropic outliers", outliers(axis, flat, 0.05)
    yield "isotropic, every embedding twice", flat[: N // 2].repeat(2, 1)
    yield "isotropic, N = 2 D", flat[: 2 * D]


def lengths(width: float, generator: Generator) -> Tensor:
    """(N,1): lognormal."""
    return (width * torch.randn(N, 1, generator=generator, dtype=torch.float64)).exp()


def clusters(generator: Generator) -> Tensor:
    centres = gaussian(equal_shares(D, D), 10, generator)
    return centres[torch.arange(N) % 10] + 0.03 * gaussian(equal_shares(D, D), N, generator)


def outliers(axis: Tensor, flat: Tensor, share: float) -> Tensor:
    rows = axis + 0.03 * flat
    some = round(share * N)
    rows[:some] = flat[:some]
    return rows


def figure() -> Figure:
    """What answers, and what does not, as one thing grows: lost dimensions, an offset, too few embeddings, unequal lengths."""
    result, (rank, offset, size, tails) = panels(4, width=8.4, height=3.0)
    generator = seeded()
    flat, axis = gaussian(equal_shares(D, D), N, generator), direction(D, generator)
    ranks, lengths_of, sizes = (
        (1, 2, 4, 8, 16, 32),
        (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
        (16, 32, 64, 128, 320, 1000),
    )
    widths = (0.0, 0.5, 1.0, 1.5, 2.0)
    draw(rank, ranks, [gaussian(equal_shares(D, each), N, generator) for each in ranks], generator)
    draw(offset, lengths_of, [flat + each * axis for each in lengths_of], generator)
    draw(size, sizes, [flat[:each] for each in sizes], generator)
    draw(tails, widths, [flat * lengths(each, generator) for each in widths], generator)
    rank.set(title="Lost dimensions", xlabel=f"rank, of {D}")
    offset.set(title="An offset", xlabel="relative length")
    size.set(title="Few embeddings", xlabel=f"N, isotropic, D = {D}")
    tails.set(title="Unequal lengths", xlabel="spread of their log")
    for axes, ticks in ((rank, (1, 4, 16, 32)), (size, (16, 64, 320, 1000))):
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{each}" for each in ticks])
        axes.minorticks_off()
    for axes in (rank, offset, size, tails):
        axes.set_ylim(0, 1.1)
        axes.set_yticks([0, 0.5, 1])
        axes.label_outer()
    tails.set_xticks([0, 1, 2])
    rank.set_ylabel(f"share of {D}, or of 1")
    result.legend(*rank.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return result


LINES = (
    ("std·√D", lambda result: result.std_sqrt_d),
    ("effective rank", lambda result: result.effective_rank / D),
    ("RankMe", lambda result: result.rankme / D),
    ("effective rank, raw", lambda result: result.effective_rank_raw / D),
)


def draw(axes: Axes, x: Sequence[float], samples: Sequence[Tensor], generator: Generator) -> None:
    results = [spectrum(rows, generator) for rows in samples]
    for place, (label, of) in enumerate(LINES):
        curve(axes, x, [of(result) for result in results], place, label)
    ideal = [each.effective_rank.null / D for each in results]
    axes.plot(x, ideal, label="null of the effective rank", **style.line("null", 0) | {"linewidth": 1.2})
