"""What was typed for `collapse linear` -> the networks that are trained, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_cli.errors import CollapseError
from collapse_cli.settings import Linear, knob

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.labs.linear import Lab
    from collapse_cli.labs.linear_networks import Sweep

DEEPEST = 8
ROUNDING = 1e-9  # of the largest entry: an eigenvalue that is less below 0 is 0
LARGEST = 1 << 27  # numbers in float64, 1 GB: similarities (S, B, B), or weights (S, L, d, d) of every frame


@dataclass(frozen=True)
class Swept:
    """What is varied, all of it trained at once."""

    noise: str = knob("0,0.5,1,1.5,2", "std of the noise of a view, k; several with commas")
    layers: str = knob("1", "linear layers, L; several with commas")
    seeds: int = knob(3, "runs of each, seeds 0, 1, 2 …", low=1, high=100)


@dataclass(frozen=True)
class Given:
    """Covariances other than the identity."""

    augment_covariance: str = knob(
        "", "of the noise in place of --augment, (d, d) as .npy; --noise scales its root"
    )
    data_covariance: str = knob("", "of the data, (d, d) as .npy")


def refuse(given: Mapping[str, Any]) -> None:
    """Raises CollapseError for an option that was typed and would do nothing."""
    if "temperature" in given and given.get("loss") != "dot":
        raise CollapseError("--temperature belongs to --loss dot", "leave it out, or ask for that")
    if given.get("augment_covariance") and "augment" in given:
        raise CollapseError("--augment-covariance stands in place of --augment", "leave one of them out")


def sweep(swept: Swept) -> Sweep:
    from collapse_cli.labs.linear_networks import Sweep

    noises = _numbers("--noise", swept.noise, float, 0, 1e3)
    layers = _numbers("--layers", swept.layers, int, 1, DEEPEST)
    return Sweep(tuple(noises), tuple(layers), tuple(range(swept.seeds)))


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


def lab(settings: Linear, sweep: Sweep, covariances: Given) -> Lab:
    from collapse_cli.labs.linear import FRAMES, Lab

    if settings.batch > settings.points:
        raise CollapseError(
            f"--batch {settings.batch} is more than --points {settings.points}",
            "a step draws without replacement",
        )
    kept = FRAMES * max(sweep.layers) * settings.width**2
    if len(sweep.members) * max(settings.batch**2, kept) > LARGEST:
        raise CollapseError(
            f"{len(sweep.members)} networks of this size need too much memory at once",
            "lower --batch or --width, or sweep less",
        )
    data, noise = (
        _covariance(option, path, settings.width)
        for option, path in (
            ("--data-covariance", covariances.data_covariance),
            ("--augment-covariance", covariances.augment_covariance),
        )
    )
    return Lab(settings, sweep, data, noise)


def _covariance(option: str, path: str, width: int) -> Tensor | None:
    """A symmetric (d, d) without negative eigenvalues, from a .npy file."""
    import numpy
    import torch

    from collapse_cli.runs import reader

    if not path:
        return None
    try:
        values = reader.array(Path(path)).astype(float, casting="same_kind")
    except (CollapseError, TypeError):
        raise CollapseError(f"{option}: {path} cannot be read", "give a (d, d) array as .npy") from None
    if values.shape != (width, width):
        square = values.ndim == 2 and len(values) == len(values.T)
        raise CollapseError(
            f"{option}: {path} is of shape {values.shape}, the network of --width {width}",
            f"--width {len(values)}" if square else "give a (d, d) array",
        )
    sound = numpy.isfinite(values).all() and numpy.allclose(values, values.T) and values.any()
    if not sound or numpy.linalg.eigvalsh(values)[0] < -ROUNDING * abs(values).max():
        raise CollapseError(
            f"{option}: {path} is no covariance",
            "it must be symmetric, finite, not 0, and without negative eigenvalues",
        )
    return torch.from_numpy(values)
