"""Planted cases of `classes`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.classes import Classes, classes
from collapse_cli.values import null_of
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

C, D, EACH = 10, 32, 50
COLUMNS = (
    "classes", "`cdnv`", "null", "`nc1`", "`equinorm`", "`equiangular`", "`nearest_mean`", "`least_variance`", "`least_rank`",
)  # fmt: skip


def table() -> str:
    generator = seeded()
    labels = torch.arange(C).repeat_interleave(EACH)
    simplex, noise = far(labels), normal(len(labels), generator)
    one_point, one_line = noise.clone(), noise.clone()
    one_point[labels == 3] *= 0.01
    one_line[labels == 3, 1:] = 0.0
    few = torch.arange(C).repeat_interleave(2)
    cases = {
        "far apart: a simplex, 5 % within": (20 * simplex + noise, labels),
        "apart: means at a distance of 5 standard deviations": (3.5 * simplex + noise, labels),
        "no structure": (noise, labels),
        "no structure, 2 embeddings of each class": (noise[: len(few)], few),
        "apart, about an offset 100 times as long": (
            3.5 * simplex + noise + 350 * torch.eye(D).double()[-1],
            labels,
        ),
        "apart, one class is one point": (3.5 * simplex + one_point, labels),
        "apart, one class lies on a line": (3.5 * simplex + one_line, labels),
        "far apart, two classes at the same place": (20 * far(labels.clamp_min(1)) + noise, labels),
    }
    rows = ((name, *numbers(measured(*case, generator))) for name, case in cases.items())
    return table_of(COLUMNS, rows)


def far(labels: Tensor) -> Tensor:
    """(N,D): each row at one of C axes, which are all equally far from one another."""
    return torch.eye(D, dtype=torch.float64)[labels]


def normal(count: int, generator: Generator) -> Tensor:
    return torch.randn(count, D, generator=generator, dtype=torch.float64)


def measured(rows: Tensor, labels: Tensor, generator: Generator) -> Classes:
    return classes(rows, labels, [], generator)


def numbers(result: Classes) -> list[str]:
    return [
        f"{result.cdnv:.3g}",
        f"{null_of(result.cdnv or 0.0):.3g}",
        f"{result.nc1:.3g}",
        f"{result.equinorm:.2f}",
        f"{result.equiangular:.2f}",
        f"{100 * result.nearest_mean:.1f} %",
        f"{result.least_variance:.3g}",
        f"{result.least_rank:.1f}",
    ]


def figure() -> Figure:
    """CDNV as classes move apart, and of no structure with few embeddings; one class that shrinks."""
    result, (apart, few, one) = panels(3)
    generator, labels = seeded(), torch.arange(C).repeat_interleave(EACH)
    noise, lengths = normal(len(labels), generator), (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    moved = [measured(length * far(labels) + noise, labels, generator) for length in lengths]
    curve(apart, lengths, [float(each.cdnv or 0) for each in moved], 0, "CDNV")
    curve(apart, lengths, [float(each.nc1 or 0) for each in moved], 1, "NC1")
    apart.plot(
        lengths,
        [null_of(each.cdnv or 0.0) for each in moved],
        linestyle="--",
        color="#6b7280",
        label="shuffled labels",
    )
    apart.set(title="Classes move apart", xlabel="distance from the centre / std", xscale="log", yscale="log")
    apart.legend(fontsize=7.5)
    counts = (2, 5, 10, 20, 50)
    none = [
        measured(normal(C * n, generator), torch.arange(C).repeat_interleave(n), generator) for n in counts
    ]
    curve(few, counts, [float(each.cdnv or 0) for each in none], 0, "CDNV")
    few.plot(counts, [(n - 1) / 2 for n in counts], linestyle="--", color="#6b7280", label="(n − 1) / 2")
    few.set(title="No structure", xlabel="embeddings of each class, n", xscale="log", yscale="log")
    few.set_xticks(counts, list(map(str, counts)))
    few.legend(fontsize=7.5)
    widths, shrunk = (1.0, 0.5, 0.2, 0.1, 0.05), []
    for width in widths:
        rows = noise.clone()
        rows[labels == 3] *= width
        shrunk.append(measured(4 * far(labels) + rows, labels, generator))
    curve(one, widths, [float(each.least_variance or 0) for each in shrunk], 0, "least variance")
    curve(one, widths, [float(each.cdnv or 0) for each in shrunk], 1, "CDNV")
    null(one, 1.0, "all equally wide")
    one.set(title="One class shrinks", xlabel="its width over that of the others", xscale="log", yscale="log")
    one.invert_xaxis()
    one.legend(fontsize=7.5)
    for axes in (apart, few, one):
        axes.minorticks_off()
    return result
