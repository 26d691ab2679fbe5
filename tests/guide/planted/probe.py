"""Planted cases of `probe`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.probe import Probe, few_labels, probe
from collapse_cli.values import null_of
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

N, M, D, C = 400, 400, 16, 5
APART = 3.0  # length of a class mean; a class has a standard deviation of 1 in each dimension
COLUMNS = ("embeddings", "`knn`", "`linear`", "`few_labels`", "guessing")


@dataclass(frozen=True)
class Case:
    """Rows (N + M,D) and labels (N + M,), of which the first N are fitted on and the others judged."""

    rows: Tensor
    labels: Tensor


def table() -> str:
    generator = seeded()
    usual = classes(APART, generator)
    axis = torch.zeros(D, dtype=torch.float64).index_fill_(0, torch.tensor([0]), 1.0)
    along = (1 + usual.labels.double())[:, None]  # (N + M, 1)
    noise = torch.randn(N + M, D, generator=generator, dtype=torch.float64)
    rare = (torch.rand(N + M, generator=generator) < 0.1).long()
    cases = {
        "five classes, three standard deviations from the centre": usual,
        "the same, almost one point: 1 millionth as wide, about an offset": Case(
            1e-6 * usual.rows + axis.flip(0), usual.labels
        ),
        "the same, one of 16 dimensions left": Case(usual.rows * axis, usual.labels),
        "one direction, classes differ in length": Case(along * (axis + 0.03 * noise), usual.labels),
        "no structure": Case(noise, usual.labels),
        "no structure, each embedding on both sides": copied(1.0, generator),
        "no structure, 90 % in one of two classes": Case(noise, rare),
    }
    return table_of(COLUMNS, ((name, *numbers(case, generator)) for name, case in cases.items()))


def classes(apart: float, generator: Generator) -> Case:
    """Five classes of standard deviation 1, whose means are at right angles and have this length."""
    labels = torch.randint(C, (N + M,), generator=generator)
    noise = torch.randn(N + M, D, generator=generator, dtype=torch.float64)
    return Case(apart * torch.eye(D, dtype=torch.float64)[labels] + noise, labels)


def copied(share: float, generator: Generator) -> Case:
    """Rows without structure, of which this share of those that are judged are copies of some that are fitted on."""
    noise = torch.randn(N + M, D, generator=generator, dtype=torch.float64)
    labels = torch.randint(C, (N + M,), generator=generator)
    count = round(share * M)
    noise[N : N + count], labels[N : N + count] = noise[:count], labels[:count]
    return Case(noise, labels)


def parts(case: Case) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return case.rows[:N], case.labels[:N], case.rows[N:], case.labels[N:]


def measured(case: Case, generator: Generator) -> Probe:
    return probe(*parts(case), generator)


def numbers(case: Case, generator: Generator) -> list[str]:
    result = measured(case, generator)
    values = (result.knn, result.linear, result.few_labels or 0.0, null_of(result.linear))
    return [f"{100 * value:.1f} %" for value in values]


def figure() -> Figure:
    """Accuracies as classes move apart, as more judged embeddings are copies, and as more labels are given."""
    result, (apart, copies, few) = panels(3)
    generator = seeded()
    lengths = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
    every = [classes(length, generator) for length in lengths]
    accuracies(apart, lengths, every, generator)
    null(apart, 1 / C, "guessing")
    apart.set(title="Classes move apart", xlabel="distance / std", ylabel="accuracy")
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    accuracies(copies, shares, [copied(share, generator) for share in shares], generator)
    null(copies, 1 / C)
    copies.set(title="Copies, no structure", xlabel="judged embeddings that are copies")
    counts, case = (1, 2, 5, 10, 20, 50), classes(2.0, generator)
    with_few(few, counts, case, generator)
    null(few, 1 / C)
    few.set(title="Few labels", xlabel="labels of each class")
    for axes in (apart, copies, few):
        axes.set_ylim(0, 1.05)
    few.set_xscale("log")
    few.set_xticks(counts, list(map(str, counts)))
    few.minorticks_off()
    result.legend(*apart.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return result


def accuracies(axes: Axes, x: Sequence[float], cases: Sequence[Case], generator: Generator) -> None:
    results = [measured(case, generator) for case in cases]
    for place, (label, name) in enumerate(
        (("kNN", "knn"), ("linear, all labels", "linear"), ("linear, 10 of each class", "few_labels"))
    ):
        curve(axes, x, [float(getattr(each, name)) for each in results], place, label)


def with_few(axes: Axes, counts: Sequence[int], case: Case, generator: Generator) -> None:
    accuracies = [float(few_labels(*parts(case), generator, count)) for count in counts]
    curve(axes, counts, accuracies, 2, "linear, 10 of each class")
