"""Planted cases of `layers`: networks of five linear layers whose weights are set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from collapse_cli.analysis.layer_api import layers
from collapse_cli.analysis.result import Result
from collapse_cli.metrics.layer_words import BOUNDS
from collapse_cli.views import style
from tests.guide.planted_cases import curve, null, panels, seeded, table_of

Change = Callable[[nn.Sequential], None]
N, D, DEPTH = 300, 32, 5
COLUMNS = (
    "network of 5 layers", "`rank_fall`", "`rank_kept`",
    "smallest `effective_rank`", "largest `mean_cosine`", "largest `dormant`", "verdict",
)  # fmt: skip


def table() -> str:
    cases: dict[str, Change] = {
        "rotations": lambda network: None,
        "2 of 32 directions left behind layer 3": lambda network: narrow(network[2], 2),
        "8 of 32 directions left behind layer 3": lambda network: narrow(network[2], 8),
        "each layer keeps 60 % of the directions": wear,
        "24 of 32 units of layer 3 are 0": lambda network: silence(network[2], 24),
        "an offset, 100 times as long, in layer 4": lambda network: offset(network[3]),
        "layer 5 gives one direction, in different lengths": lambda network: ray(network[4]),
    }
    return table_of(COLUMNS, ((name, *numbers(measured(change))) for name, change in cases.items()))


def measured(change: Change) -> Result:
    """Of a network that a change has been made to, on Gaussian inputs."""
    generator = seeded()
    network = nn.Sequential(*(nn.Linear(D, D) for _ in range(DEPTH)))
    with torch.no_grad():
        for layer in network:
            assert isinstance(layer, nn.Linear)
            layer.weight.copy_(torch.linalg.qr(torch.randn(D, D, generator=generator)).Q)
            layer.bias.copy_(0.1 * torch.randn(D, generator=generator))
        change(network)
    return layers(network, torch.randn(N, D, generator=generator))


def narrow(layer: Any, rank: int) -> None:
    """So many of its directions are left, which are none of its units."""
    frame = torch.linalg.qr(torch.randn(D, D, generator=seeded(1))).Q[:rank]
    layer.weight.copy_(frame.T @ frame @ layer.weight)


def wear(network: nn.Sequential) -> None:
    for place, layer in enumerate(network):
        narrow(layer, round(D * 0.6 ** (place + 1)))


def silence(layer: Any, count: int) -> None:
    layer.weight[:count] = 0.0
    layer.bias[:count] = 0.0


def offset(layer: Any) -> None:
    layer.bias[0] = 100.0 * D**0.5


def ray(layer: Any) -> None:
    layer.weight[1:] = 0.0
    layer.bias.copy_(torch.nn.functional.one_hot(torch.tensor(0), D) * 10.0)


def numbers(result: Result) -> list[str]:
    whole, *each = result.entries
    assert whole.verdict is not None

    def extreme(name: str, pick: Callable[[list[float]], float]) -> float:
        return pick([float(entry.metrics[name]["value"]) for entry in each])

    return [
        f"{float(whole.rank_fall):.2f}",
        f"{float(whole.rank_kept):.2f}",
        f"{extreme('effective_rank', min):.1f}",
        f"{abs(extreme('mean_cosine', max)):.3f}",
        f"{100 * extreme('dormant', max):.0f} %",
        whole.verdict.status,
    ]


def figure() -> Figure:
    """The rank by layer of three networks, and the fall as fewer directions are left at one layer."""
    result, (by_layer, fall) = panels(2)
    depth = range(1, DEPTH + 1)
    three: dict[str, Change] = {
        "rotations": lambda network: None,
        "2 left behind layer 3": lambda network: narrow(network[2], 2),
        "each keeps 60 %": wear,
    }
    for place, (name, change) in enumerate(three.items()):
        answer = measured(change)
        curve(by_layer, depth, list(answer.ranks), place, name)
    untrained = [float(entry.rank_untrained) for entry in answer.entries[1:]]
    by_layer.plot(depth, untrained, label="re-initialised", **style.line("null", 0))
    by_layer.minorticks_off()
    by_layer.set(title="Effective rank by layer", xlabel="layer", yscale="log", xticks=depth, ylim=(1, 40))
    by_layer.legend(fontsize=7)
    ranks = (1, 2, 4, 6, 8, 12, 16, 32)
    falls = [float(measured(lambda network, rank=rank: narrow(network[2], rank)).rank_fall) for rank in ranks]  # type: ignore[misc]
    curve(fall, ranks, falls, 0, "largest fall")
    null(fall, BOUNDS.fall, f"{BOUNDS.fall:g}: rank is lost")
    fall.axhline(
        BOUNDS.unsure, label=f"{BOUNDS.unsure:g}: inconclusive from here on", **style.line("initial", 1)
    )
    fall.set(
        title="Fall at layer 3",
        xlabel="directions left of 32",
        xscale="log",
        yscale="log",
        ylabel="times as far as untrained",
    )
    fall.set_xticks(ranks, list(map(str, ranks)))
    fall.minorticks_off()
    fall.legend(fontsize=7.5)
    return result
