"""Planted cases of the modes of a generator, as `collapse gan` measures them."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.labs.gan_targets import ring
from collapse_cli.metrics.modes import Modes, captured, high_quality, modes, reverse_kl, shares, verdict
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

N, REAL, STD = 2500, 400, 0.05
COLUMNS = (
    "samples", "`held`", "`touched`", "`near`", "`high_quality`", "`reverse_kl`",
    "`precision`", "`recall`", "`coverage`", "`vendi`", "verdict",
)  # fmt: skip
RING = ring(8, STD)


def table() -> str:
    generator = seeded()
    real = RING.draw(REAL, generator)
    cases = {
        "a perfect sampler": sampled(8, STD, generator),
        "two of eight modes": sampled(2, STD, generator),
        "eight modes, three times as wide": sampled(8, 3 * STD, generator),
        "eight modes, each one point": sampled(8, 0.0, generator),
        "97 % in one mode, 0.4 % in each other": uneven(generator),
        "uniform over the square around the ring": 5 * torch.rand(N, 2, generator=generator) - 2.5,
    }
    rows = ((name, *numbers(modes(samples, real, RING.anchors))) for name, samples in cases.items())
    return table_of(COLUMNS, rows)


def sampled(count: int, std: float, generator: Generator) -> Tensor:
    """Samples (N,2) of the first modes of the ring, each equally often."""
    mode = torch.randint(count, (N,), generator=generator)
    return RING.anchors.rows[mode] + std * torch.randn(N, 2, generator=generator)


def uneven(generator: Generator, share: float = 0.97) -> Tensor:
    """Samples (N,2), this share of them of one mode, the rest of the others in equal parts."""
    each = torch.full((8,), (1 - share) / 7)
    each[0] = share
    mode = torch.multinomial(each, N, True, generator=generator)
    return RING.anchors.rows[mode] + STD * torch.randn(N, 2, generator=generator)


def numbers(result: Modes) -> list[str | int]:
    return [
        int(result.held),
        int(result.touched),
        int(result.near),
        f"{100 * result.high_quality:.1f} %",
        f"{result.reverse_kl:.3f}",
        *(f"{value:.2f}" for value in (result.precision, result.recall, result.coverage)),
        f"{result.vendi:.1f}",
        verdict(result, 8, RING.perfect).status,
    ]


def figure() -> Figure:
    """Modes and quality as modes are lost and as samples blur; the reverse KL as one mode takes over."""
    result, (missing, blurred, taken) = panels(3)
    generator = seeded()
    counts, widths, parts = (
        (1, 2, 4, 6, 8),
        (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0),
        (0.125, 0.3, 0.5, 0.7, 0.9, 0.96, 0.99),
    )
    of_counts = [sampled(count, STD, generator) for count in counts]
    of_widths = [sampled(8, width * STD, generator) for width in widths]
    for axes, x, cases in ((missing, counts, of_counts), (blurred, widths, of_widths)):
        curve(axes, x, [captured(each, RING.anchors, 0.01) / 8 for each in cases], 0, "modes held")
        curve(axes, x, [high_quality(each, RING.anchors) for each in cases], 1, "high quality")
        near = [float((shares(each, RING.anchors) >= 0.01).double().mean()) for each in cases]
        curve(axes, x, near, 3, "modes near")
        null(axes, RING.perfect, "perfect sampler")
        axes.set_ylim(0, 1.08)
    missing.set(title="Modes are lost", xlabel="modes of 8", ylabel="share")
    blurred.set(title="Samples blur", xlabel="width over that of a mode")
    uneven_ones = [uneven(generator, share) for share in parts]
    curve(taken, parts, [reverse_kl(each, RING.anchors) for each in uneven_ones], 2, "reverse KL")
    held = [captured(each, RING.anchors, 0.01) / 8 for each in uneven_ones]
    curve(taken, parts, held, 0, "modes held")
    taken.set(title="One mode takes over", xlabel="share of the samples in it", ylim=(0, 2.2))
    handles = {}
    for axes in (missing, taken):
        handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    result.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    return result
