"""Planted cases of `oracle`."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure
from torch import Generator, Tensor
from torch.nn.functional import normalize

from collapse_cli.metrics.oracle import Oracle, oracle
from collapse_cli.views import style
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

QUERIES, KEYS, D, CLASSES, T = 200, 1000, 64, 10, 0.2
COLUMNS = (
    "embeddings of ten classes",
    "`share`",
    "`rank_1`",
    "`top_64`",
    "`bottom_half`",
    "`mass`",
    "`half_mass`",
    "`proxy_accuracy`",
)


def table() -> str:
    generator = seeded()
    even, most = torch.arange(QUERIES + KEYS) % CLASSES, unequal(generator)
    cases = {
        "images show no class": scene(0.0, 1.0, even, generator),
        "classes overlap": scene(0.3, 1.0, even, generator),
        "classes are apart": scene(1.0, 1.0, even, generator),
        "the same, at T = 0.05": scene(1.0, 1.0, even, generator, temperature=0.05),
        "the same, at T = 1": scene(1.0, 1.0, even, generator, temperature=1.0),
        "each class is nearly one point": scene(1.0, 0.2, even, generator),
        "classes are apart, views forget much of the image": scene(1.0, 1.0, even, generator, views=3.0),
        "classes are apart, 91 % of the images are of one": scene(1.0, 1.0, most, generator),
        "all at one point": scene(0.0, 0.0, even, generator, views=0.0),
    }
    return table_of(COLUMNS, ((name, *numbers(result)) for name, result in cases.items()))


def unequal(generator: Generator) -> Tensor:
    """(QUERIES + KEYS,): labels, of which 91 % are the first."""
    shares = torch.tensor([0.91] + [0.01] * (CLASSES - 1))
    return torch.multinomial(shares, QUERIES + KEYS, True, generator=generator)


def scene(
    apart: float,
    spread: float,
    labels: Tensor,
    generator: Generator,
    views: float = 0.3,
    temperature: float = T,
) -> Oracle:
    """Queries against keys: class means so far apart, images so far from them, views so far from the images."""

    def noise(n: int) -> Tensor:
        return torch.randn(n, D, generator=generator, dtype=torch.float64)

    images = 1e-9 + apart * noise(CLASSES)[labels] + spread * noise(len(labels))
    first, positives, keys = (
        normalize(part + views * noise(len(part)), dim=1).float()
        for part in (images[:QUERIES], images[:QUERIES], images[QUERIES:])
    )
    index = torch.arange(len(labels))
    there, others = slice(0, QUERIES), slice(QUERIES, None)
    return oracle(
        first, keys, labels[there], labels[others], index[there], index[others], temperature, positives
    )


def numbers(result: Oracle) -> list[str]:
    values = (result.share, result.rank_1, result.top_64, result.bottom_half, result.mass)
    assert result.proxy_accuracy is not None
    written = [f"{float(value or 0):.2f}" for value in values]
    return [*written, f"{float(result.half_mass):.0f}", f"{float(result.proxy_accuracy):.2f}"]


def figure() -> Figure:
    """False negatives by rank, as classes move apart, and their mass as the temperature falls."""
    result, (ranks, moving, cold) = panels(3)
    generator = seeded()
    even = torch.arange(QUERIES + KEYS) % CLASSES
    for place, (apart, label) in enumerate(((0.0, "no class"), (0.3, "overlap"), (1.0, "apart"))):
        shares = scene(apart, 1.0, even, generator).false_by_rank
        assert shares.x is not None
        ranks.plot(shares.x, list(shares), label=label, **style.line("result", place) | {"marker": ""})
    distances, temperatures = (0.0, 0.2, 0.4, 0.7, 1.0, 1.5), (1.0, 0.5, 0.2, 0.1, 0.05)
    results = [scene(each, 1.0, even, generator) for each in distances]
    for place, name in enumerate(("rank_1", "top_64", "mass")):
        curve(moving, distances, [float(getattr(each, name)) for each in results], place, name)
    for place, (apart, label) in enumerate(((0.0, "no class"), (0.3, "overlap"), (1.0, "apart"))):
        values = [float(scene(apart, 1.0, even, generator, temperature=each).mass) for each in temperatures]
        curve(cold, temperatures, values, place, label)
    ranks.set(title="False negatives by rank", xlabel="similarity rank of the key", ylabel="share")
    moving.set(title="Classes move apart", xlabel="distance of class means")
    cold.set(title="Mass on false negatives", xlabel="temperature T")
    ranks.set_xscale("log")
    cold.set_xscale("log")
    cold.invert_xaxis()
    for axes in (ranks, moving, cold):
        null(axes, 0.1, "all keys")
        axes.set_ylim(-0.05, 1.05)
        axes.set_yticks((0, 0.5, 1))
        axes.minorticks_off()
    ranks.legend()
    moving.legend()
    return result
