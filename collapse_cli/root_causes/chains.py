"""Linear layers of a network that follow on each other with nothing between them."""

from __future__ import annotations

from torch import Tensor, nn

from collapse_cli.metrics.weights import flat
from collapse_cli.models.layers import layers


def in_a_row(projector: nn.Module) -> list[Tensor]:
    """The longest run of linear layers, (out, in) each, with nothing between them; empty where no two follow on each other."""
    structure = layers(projector)
    runs: list[list[str]] = []
    for link in (link for link in structure.links if not link.between):
        if runs and runs[-1][-1] == link.first:
            runs[-1].append(link.second)
        else:
            runs.append([link.first, link.second])
    return [flat(structure.weights[name]) for name in max(runs, key=len, default=[])]
