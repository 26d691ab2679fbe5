"""Planted cases of `clusters`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor

from collapse_cli.metrics.clusters import Clusters, clusters
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

N, C = 1000, 10
COLUMNS = ("clusters", "`accuracy`", "`nmi`", "`ari`", "`used`", "`largest`", "`entropy`")


def table() -> str:
    generator = seeded()
    labels = torch.arange(N) % C
    halves = torch.randint(2, (N,), generator=generator)
    rare = (torch.rand(N, generator=generator) < 0.1).long()
    cases = {
        "the classes": clusters(labels, C, labels),
        "each class in two clusters, M = 20": clusters(2 * labels + halves, 2 * C, labels),
        "two classes in each cluster, M = 10": clusters(labels // 2, C, labels),
        "one cluster holds all, M = 10": clusters(torch.zeros_like(labels), C, labels),
        "random, M = 10": at_random(10, labels, generator),
        "random, M = 100": at_random(100, labels, generator),
        "a cluster for each embedding, M = 1,000": clusters(torch.arange(N), N, labels),
        "one cluster holds all; 90 % are of one of two classes": clusters(torch.zeros_like(rare), 2, rare),
    }
    return table_of(COLUMNS, ((name, *numbers(result)) for name, result in cases.items()))


def at_random(count: int, labels: Tensor, generator: Generator) -> Clusters:
    return clusters(torch.randint(count, (len(labels),), generator=generator), count, labels)


def numbers(result: Clusters) -> list[str | int]:
    agreement = (
        f"{value or 0.0:.3f}".replace("-0.000", "0.000")
        for value in (result.accuracy, result.nmi, result.ari)
    )
    return [*agreement, int(result.used), f"{100 * result.largest:.1f} %", f"{result.entropy:.3f}"]


def figure() -> Figure:
    """Agreement of random clusters as there are more of them, and of the classes as one cluster takes over."""
    result, (many, taken) = panels(2)
    generator, labels = seeded(), torch.arange(N) % C
    counts = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
    by_chance = [at_random(count, labels, generator) for count in counts]
    shares = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
    swallowed = [
        clusters(torch.where(torch.rand(N, generator=generator) < share, 0, labels), C, labels)
        for share in shares
    ]
    for place, (label, name) in enumerate((("ACC", "accuracy"), ("NMI", "nmi"), ("ARI", "ari"))):
        curve(many, counts, [float(getattr(each, name)) for each in by_chance], place, label)
        curve(taken, shares, [float(getattr(each, name)) for each in swallowed], place, label)
    curve(taken, shares, [float(each.entropy) for each in swallowed], 3, "entropy of sizes")
    many.set(title="Random clusters, 1,000 embeddings", xlabel="clusters", xscale="log", ylim=(-0.05, 1.05))
    taken.set(title="One cluster takes over", xlabel="share that it takes", ylim=(-0.05, 1.05))
    many.minorticks_off()
    null(many, 0.0)
    null(taken, 1 / C, "one cluster, ACC")
    result.legend(*taken.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return result
