"""What is varied in a sweep of linear networks, and what their data are, as a person writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collapse_cli.errors import CollapseError
from collapse_cli.settings import knob

if TYPE_CHECKING:
    from collapse_cli.labs.linear_networks import Sweep

DEEPEST = 8  # layers


@dataclass(frozen=True)
class Swept:
    """What is varied, all of it trained at once."""

    noise: str = knob(
        "0,0.5,1,1.5,2", "standard deviation of the noise that makes a view, k; several values with commas"
    )
    layers: str = knob("1", "number of linear layers, L; several values with commas")
    seeds: int = knob(3, "runs of each network, with seeds 0, 1, 2 and so on", low=1, high=100)

    def sweep(self) -> Sweep:
        """Its numbers, each once. Raises CollapseError for what is no number, or out of range."""
        from collapse_cli.labs.linear_networks import Sweep

        noises = _numbers("--noise", self.noise, float, 0, 1e3)
        layers = _numbers("--layers", self.layers, int, 1, DEEPEST)
        return Sweep(tuple(noises), tuple(layers), tuple(range(self.seeds)))


@dataclass(frozen=True)
class Covariances:
    """Covariances other than the identity."""

    augment_covariance: str = knob(
        "",
        "covariance of the noise, in place of --augment: a (d, d) array as .npy; --noise "
        "scales its square root",
    )
    data_covariance: str = knob("", "covariance of the data: a (d, d) array as .npy")


def _numbers(option: str, text: str, kind: type, low: float, high: float) -> list[Any]:
    """`1,2,3` as numbers of that kind, each once."""
    try:
        values = [kind(part) for part in text.split(",")]
    except ValueError:
        values = [-1]
    if not all(low <= value <= high for value in values):
        what = "whole numbers" if kind is int else "numbers"
        raise CollapseError(
            f"{option} cannot be '{text}'",
            f"it takes {what} between {low} and {high:g}, for example {option} 1,2,3",
        )
    return list(dict.fromkeys(values))
