"""A batch as people's loaders give it -> what a network takes, and labels, if there are any."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor, nn

from collapse_cli.analysis.array_inputs import tensor
from collapse_cli.errors import CollapseError

CHUNK = 256  # images through the network at once, where they come as one array
BY_NAME = (
    "pixel_values",
    "input_ids",
    "input_values",
    "input_features",
)  # as the models of transformers take them
INPUTS = (*BY_NAME, "image", "images", "img", "x", "input", "inputs", "data")
LABELS = ("labels", "label", "targets", "target", "y", "fine_label", "class")


@dataclass(frozen=True)
class LoadedBatch:
    """inputs: a tensor (B,…) for the network's first argument, or several by name; labels (B,) int64, None where unknown."""

    inputs: Tensor | dict[str, Tensor]
    labels: Tensor | None

    def __len__(self) -> int:
        return len(self.inputs if isinstance(self.inputs, Tensor) else next(iter(self.inputs.values())))


def batches(images: Iterable[Any]) -> Iterable[Any]:
    """An array or tensor of images in parts; anything else that can be iterated over is taken as it is."""
    if isinstance(images, numpy.ndarray):
        images = tensor(images, "images")
    if isinstance(images, Tensor):
        return (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
    if isinstance(images, Mapping | str) or not isinstance(images, Iterable):
        raise CollapseError(
            f"images cannot be read from a {type(images).__name__}",
            "give a torch DataLoader, or a tensor of images (N, C, H, W)",
        )
    return images


def read(batch: Any, model: nn.Module) -> LoadedBatch:
    """What `model` takes of a batch: a tensor, a sequence that begins with one, or a dict of them.

    Of several views, [[first, second], labels], the first is taken. Labels are a tensor (B,) of whole numbers, second in a
    sequence or named in a dict; all else, floats too, is no label. Raises CollapseError for a batch without a tensor.
    """
    if isinstance(batch, Tensor):
        return LoadedBatch(batch, None)
    if isinstance(batch, Mapping):
        return _by_name(batch, model)
    if isinstance(batch, Sequence) and not isinstance(batch, str) and len(batch):
        first = read(batch[0], model)
        beside = _labels(batch[1] if len(batch) > 1 else None, len(first))
        return LoadedBatch(first.inputs, beside if first.labels is None else first.labels)
    raise CollapseError(
        f"a batch is a {type(batch).__name__} that does not begin with a tensor of images",
        "give batches as a tensor, as (images, labels), or as a dict with `image` or `pixel_values`",
    )


def _by_name(batch: Mapping[str, Any], model: nn.Module) -> LoadedBatch:
    """By name what the network's `forward` takes by name, else the images as its first argument."""
    tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
    target = next((tensors[name] for name in LABELS if name in tensors), None)
    taken = _taken(model)
    named = {k: v for k, v in tensors.items() if k in taken and k not in LABELS}
    name = next((name for name in INPUTS if name in tensors), "")
    if not named and not name:
        raise CollapseError(
            f"a batch contains no images; its keys are {', '.join(map(str, batch)) or 'none'}",
            f"name the images with one of {', '.join(INPUTS)}",
        )
    whole = LoadedBatch(named or tensors[name], None)
    return LoadedBatch(whole.inputs, _labels(target, len(whole)))


def _taken(model: nn.Module) -> set[str]:
    """Names of the arguments of `forward`; a wrapper that takes any name takes those of transformers."""
    parameters = inspect.signature(model.forward).parameters
    anything = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return {*parameters, *((*BY_NAME, "attention_mask") if anything else ())}


def _labels(target: Any, count: int) -> Tensor | None:
    """Labels (B,) int64 of a batch of B, where that is what `target` is."""
    if not isinstance(target, Tensor) or target.shape != (count,):
        return None
    whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
    return target.cpu().long() if whole else None


def moved(inputs: Tensor | dict[str, Tensor], like: Tensor | None) -> Any:
    """On the device of the network, images in its precision: of 0 … 255 in [0, 1]. like: one of its parameters."""
    if isinstance(inputs, dict):
        return {name: moved(value, like) for name, value in inputs.items()}
    if inputs.dtype == torch.uint8:
        inputs = inputs.float() / 255
    if like is None:
        return inputs
    exact = like.dtype if inputs.is_floating_point() and like.is_floating_point() else inputs.dtype
    return inputs.to(like.device, exact)
