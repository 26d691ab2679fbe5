"""What our checkpoint says of itself, held against what it may say before any of it is used."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from collapse_cli.settings import Run, flat, resolve
from collapse_cli.shapes import DataShape

if TYPE_CHECKING:
    from torch import Tensor

LARGEST = 1 << 31  # of every count and size
MOMENTUM = "momentum_buffer"  # None where it was never used
OPTIMIZER_STATE = {"sgd": (MOMENTUM,), "lars": (MOMENTUM,), "adam": ("step", "exp_avg", "exp_avg_sq")}
"""What each optimizer keeps for a parameter."""


def read(text: Any) -> dict[str, Any]:
    """The metadata by name. Raises ValueError for what no checkpoint of ours says."""
    if not isinstance(text, str):
        raise ValueError("it has no metadata")
    metadata = json.loads(text)
    if not isinstance(metadata, dict):
        raise ValueError("its metadata is no object")
    shape, classes = metadata.get("shape"), metadata.get("classes")
    if not isinstance(shape, list) or len(shape) != 3 or not _are_counts(shape, 1):
        raise ValueError("the shape of its images is not three sizes")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError("its classes are no list of names")
    counts = [
        metadata.get("epoch"),
        *(metadata.get(name, 0) for name in ("images", "class_count", "step", "steps", "taken")),
    ]
    if not _are_counts(counts, 0):
        raise ValueError("its epoch, its step, its number of images, or its number of classes is no count")
    _refuse_normalisation(metadata.get("normalisation"))
    if not isinstance(metadata.get("settings"), dict):
        raise ValueError("it has no settings")
    return metadata


def run(metadata: Mapping[str, Any]) -> Run:
    """The settings. Raises LookupError, TypeError or CollapseError for those of no run."""
    settings = metadata["settings"]
    return resolve(settings["method"]["name"], flat(settings))


def largest(run: Run, data: DataShape) -> int:
    """Bytes that a weight of a run's network may take, in float32: the product of the two largest of all sizes that it has."""
    sizes = [math.prod(data.image), data.images, data.classes or 0]
    sizes += [
        size for part in (run.settings, run.model) for size in asdict(part).values() if type(size) is int
    ]
    return 4 * math.prod(sorted(sizes)[-2:])


def refuse_unlike(there: Any, wanted: Mapping[str, Tensor]) -> None:
    """Raises ValueError where the weights of a file are not those of its settings, before a large network is made of these.

    wanted: the state of that network, which need not have any memory.
    """
    from torch import Tensor

    if not isinstance(there, Mapping) or there.keys() != wanted.keys():
        raise ValueError("the names of its weights are not those of its settings")
    for name, weight in wanted.items():
        tensor = there[name]
        if not isinstance(tensor, Tensor) or tensor.shape != weight.shape or tensor.dtype != weight.dtype:
            raise ValueError(f"{name} is not as its settings have it")
        if tensor.is_meta or tensor.layout != weight.layout:
            raise ValueError(f"{name} has no plain numbers")


def refuse_odd_part(
    part: Any, metadata: Mapping[str, Any], steps: int, statistics: Mapping[str, Tensor]
) -> None:
    """Raises ValueError for a part of an epoch that no training was stopped in.

    part: None where the file has none; steps: of an epoch of its images; statistics: those that its network keeps of batches.
    """
    if part is None:
        if "step" in metadata or "steps" in metadata:
            raise ValueError("the epoch that it was saved within is missing")
        return
    if metadata.get("steps") != steps or not 0 < metadata.get("step", 0) < steps:
        raise ValueError("it was saved within an epoch, but at none of its steps")
    if not isinstance(part, Mapping) or not isinstance(of_batches := part.get("statistics"), Mapping):
        raise ValueError("the epoch that it was saved within is not as a training writes it")
    if not (_is_plain(part.get("opening"), 1, floating=False) and _is_plain(part.get("total"), 0)):
        raise ValueError("its losses, or what it drew the order of its images from, are missing")
    seconds: Any = part.get("seconds")
    if type(seconds) not in (int, float) or not 0 <= seconds < LARGEST:
        raise ValueError("the seconds of its epoch are no number")
    shapes = (
        {name: (len(next(iter(of_batches.values()))), *of_one.shape) for name, of_one in statistics.items()}
        if of_batches
        else {}
    )
    if of_batches.keys() != shapes.keys() or not all(
        _is_plain(of_batches[name], len(shape)) and of_batches[name].shape == shape
        for name, shape in shapes.items()
    ):
        raise ValueError("the statistics of its batches are not those of its network")


def refuse_odd_optimizer(saved: Any, parameters: Sequence[Tensor], kind: str) -> None:
    """Raises ValueError where the state of an optimizer is not that of `parameters`; it has none of those never changed."""
    states = saved.get("state") if isinstance(saved, Mapping) else None
    if not isinstance(states, Mapping):
        raise ValueError("the state of its optimizer is missing")
    for place, state in states.items():
        if type(place) is not int or not 0 <= place < len(parameters) or not isinstance(state, Mapping):
            raise ValueError("the state of its optimizer is not that of its parameters")
        shapes = {name: () if name == "step" else parameters[place].shape for name in OPTIMIZER_STATE[kind]}
        if state.keys() != shapes.keys() or not all(
            (state[name] is None and name == MOMENTUM)
            or (_is_plain(state[name], len(shape)) and state[name].shape == shape)
            for name, shape in shapes.items()
        ):
            raise ValueError(f"the state of its optimizer for parameter {place} is not of its shape")


def _is_plain(value: Any, axes: int, floating: bool = True) -> bool:
    """A tensor of so many axes with numbers that are there, fractions or bytes."""
    from torch import Tensor, strided, uint8

    plain = isinstance(value, Tensor) and value.ndim == axes and value.layout == strided and not value.is_meta
    return plain and (value.is_floating_point() if floating else value.dtype == uint8)


def _are_counts(values: Any, least: int) -> bool:
    """Whole numbers of a size that a training has."""
    return isinstance(values, list) and all(
        type(value) is int and least <= value < LARGEST for value in values
    )


def _refuse_normalisation(values: Any) -> None:
    for part in ("mean", "std"):
        numbers = values.get(part) if isinstance(values, dict) else None
        if not isinstance(numbers, list) or not numbers:
            raise ValueError(f"the {part} of its images is missing")
        if not all(type(n) in (int, float) and abs(n) < LARGEST and math.isfinite(n) for n in numbers):
            raise ValueError(f"the {part} of its images is no list of numbers")
