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

    noise: str = knob("0,0.5,1,1.5,2", "std of the noise of a view, k; several with commas")
    layers: str = knob("1", "linear layers, L; several with commas")
    seeds: int = knob(3, "runs of each, seeds 0, 1, 2 …", low=1, high=100)

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
        "", "of the noise in place of --augment, (d, d) as .npy; --noise scales its root"
    )
    data_covariance: str = knob("", "of the data, (d, d) as .npy")


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
            f"it takes {what} between {low} and {high:g}, as in {option} 1,2,3",
        )
    return list(dict.fromkeys(values))
