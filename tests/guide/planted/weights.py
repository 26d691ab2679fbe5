"""Planted cases of `weights`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.layer_alignment import pair
from collapse_cli.metrics.weights import Layer, layer, lost
from collapse_cli.values import null_of
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

OUT, IN = 64, 128
COLUMNS = (
    "weights", "`alive`", "lost", "`effective_rank`", "`stable_rank`", "`above`", "`below`", "`log_condition`", "`change`",
)  # fmt: skip


def table() -> str:
    generator = seeded()
    initial = normal(generator)
    cases: dict[str, tuple[Tensor, Tensor | None]] = {
        "as at initialisation": (initial, initial),
        "other random weights of the same size": (normal(generator), initial),
        "a learned direction added": (initial + spike(3.0, generator), initial),
        "a huge direction added": (initial + spike(30.0, generator), initial),
        "8 of 64 directions left": (narrowed(initial, 8), initial),
        "a tenth as large": (0.1 * initial, initial),
        "8 of 64 directions left, initial weights not known": (narrowed(initial, 8), None),
        "a huge direction added, initial weights not known": (initial + spike(30.0, generator), None),
    }
    rows = ((name, *numbers(layer(weight, generator, before))) for name, (weight, before) in cases.items())
    return table_of(COLUMNS, rows)


def normal(generator: Generator, outputs: int = OUT, inputs: int = IN) -> Tensor:
    """(out, in), of entries with a mean square of 1/in."""
    return torch.randn(outputs, inputs, generator=generator, dtype=torch.float64) / inputs**0.5


def spike(size: float, generator: Generator) -> Tensor:
    """A matrix of rank 1, whose singular value is so large."""
    left, right = normal(generator)[:, :1], normal(generator)[:1]
    return size * (left / left.norm()) @ (right / right.norm())


def narrowed(weight: Tensor, rank: int, left: float = 0.0) -> Tensor:
    """With the singular values from that rank on times what is left of them."""
    u, sigma, vh = torch.linalg.svd(weight, full_matrices=False)
    sigma[rank:] *= left
    return u * sigma @ vh


def numbers(result: Layer) -> list[str | int]:
    return [
        f"{100 * result.alive:.0f} %",
        "yes" if lost(result.alive, null_of(result.alive)) else "no",
        f"{result.effective_rank:.1f}",
        f"{result.stable_rank:.1f}",
        result.above,
        result.below,
        f"{result.log_condition:.2f}",
        "none" if result.change is None else f"{result.change:.2f}",
    ]


def figure() -> Figure:
    """Weights as directions fade, as one direction grows, and pairs of layers as they align."""
    result, (fading, growing, aligning) = panels(3)
    generator = seeded()
    initial = normal(generator)
    left = (1.0, 0.5, 0.2, 0.1, 0.05)
    faded = [layer(narrowed(initial, 8, share), generator, initial) for share in left]
    curve(fading, left, [64 * float(each.alive) for each in faded], 0, "above 1 %")
    curve(fading, left, [float(each.effective_rank) for each in faded], 1, "effective rank")
    curve(fading, left, [float(each.below) for each in faded], 2, "below the bulk")
    fading.set(
        title="56 of 64 directions fade", xlabel="what is left of their σ", xscale="log", ylabel="directions"
    )
    fading.set_xticks(left, list(map(str, left)))
    fading.invert_xaxis()
    sizes = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
    grown = [layer(initial + spike(size, generator), generator, initial) for size in sizes]
    curve(growing, sizes, [64 * float(each.alive) for each in grown], 0, "above 1 %")
    curve(growing, sizes, [float(each.effective_rank) for each in grown], 1, "effective rank")
    curve(growing, sizes, [float(each.stable_rank) for each in grown], 3, "stable rank")
    growing.set(title="One direction grows", xlabel="its singular value", xscale="log")
    angles = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    aligned = [float(pair(*adjacent(angle, generator)).block_energy or 0) for angle in angles]
    curve(aligning, angles, aligned, 4, "block energy")
    null(aligning, 8 / OUT, "random, k/d")
    aligning.set(title="Adjacent layers align", xlabel="share of the alignment", ylim=(0, 1.05))
    aligning.legend(fontsize=7.5)
    for axes in (fading, growing):
        axes.minorticks_off()
    result.legend(*_labels(fading, growing), loc="outside lower center", ncols=4)
    return result


def adjacent(share: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two layers of 8 strong directions: those that the second takes up are turned from random ones to the first's."""
    first, second = normal(generator, OUT, OUT), normal(generator, OUT, OUT)
    u = torch.linalg.svd(narrowed(first, 8, 0.01)).U
    frame = torch.linalg.qr(share * u + (1 - share) * normal(generator, OUT, OUT)).Q
    sigma = torch.linalg.svdvals(narrowed(second, 8, 0.01))
    return narrowed(first, 8, 0.01), sigma[:, None] * frame.T


def _labels(*every: object) -> tuple[list[object], list[str]]:
    """Handles and labels of several panels, each once."""
    together: dict[str, object] = {}
    for axes in every:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):  # type: ignore[attr-defined]
            together.setdefault(label, handle)
    return list(together.values()), list(together)
