"""A head of linear layers and norms, rebuilt from the names and shapes of its weights: (B,D) -> (B,d)."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise, permutations, zip_longest
from typing import Literal

import torch
from torch import Tensor, nn

from collapse_cli.models.rebuilt import filled

Weights = Mapping[str, Tensor]

MOST = 3  # layers whose order no number tells


class NoChainError(ValueError):
    """Why weights are not those of such a head."""


@dataclass(frozen=True)
class Layer:
    """A layer by its name in the head, `layer1.0`; index: its place among the layers of the file."""

    name: str
    kind: Literal["linear", "norm"]
    takes: int
    gives: int
    module: nn.Module
    parameters: Weights
    index: int

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.name.split(".")) if self.name else ()

    @property
    def place(self) -> tuple[int, ...]:
        """The numbers of its name, also those glued to a word."""
        return tuple(number for part in self.parts if (number := _number(part)) is not None)


@dataclass(frozen=True)
class Chain:
    """Layers in the order in which they are applied: each takes what the one before it gives."""

    layers: tuple[Layer, ...]

    @property
    def takes(self) -> int:
        return self.layers[0].takes

    @property
    def gives(self) -> int:
        return self.layers[-1].gives

    @property
    def linear(self) -> int:
        """How many of the layers are linear."""
        return sum(layer.kind == "linear" for layer in self.layers)

    def built(self, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
        """The head with copies of its weights. The activation, which has no weights, is where `_active` says."""
        parts: list[nn.Module] = [_filled(self.layers[0])]
        for position in range(1, len(self.layers)):
            layer = _filled(self.layers[position])
            parts += [activation(), layer] if self._active(position) else [layer]
        return nn.Sequential(*parts).eval()

    def assumed(self, activation: str) -> Iterator[str]:
        """What names and shapes leave open, and how it was taken."""
        steps = range(1, len(self.layers))
        active = [position for position in steps if self._active(position)]
        if any(self._counted(position) for position in active):
            yield f"{activation} where the layer numbers of the projector have a gap"
        if not all(self._counted(position) for position in active):
            yield f"{activation} before each further linear layer of the projector, which its names do not tell"
        for before, after in self._unbroken():
            yield f"no activation between the linear layers {before} and {after} of the projector, whose numbers have no gap"
        first = self.layers[0].parts[-1:]
        if first and first[0].isdigit() and int(first[0]):
            yield f"nothing before layer {self.layers[0].name} of the projector, although its numbers begin above 0"
        layer_norms = [layer for layer in self.layers if type(layer.module) is nn.LayerNorm]
        if any("bias" in layer.parameters for layer in layer_norms):
            yield "layer norm in the projector where a norm has no running statistics, as some group and batch norms have none"
        if any("bias" not in layer.parameters for layer in layer_norms):
            yield "layer norm in the projector where a norm has a weight alone, as an RMS norm has too"

    def _active(self, position: int) -> bool:
        """Whether there is an activation before a layer: where a number is left out, or before a further linear layer."""
        if self._counted(position):
            before, after = (int(self.layers[at].parts[-1]) for at in (position - 1, position))
            return after - before > 1
        earlier = any(layer.kind == "linear" for layer in self.layers[:position])
        return earlier and self.layers[position].kind == "linear"

    def _counted(self, position: int) -> bool:
        """Whether a layer and the one before it are counted in the same place, as children of a Sequential are."""
        before, after = self.layers[position - 1].parts, self.layers[position].parts
        return before[:-1] == after[:-1] and all(
            parts[-1:] and parts[-1].isdigit() for parts in (before, after)
        )

    def _unbroken(self) -> Iterator[tuple[str, str]]:
        """Linear layers that follow on each other with no activation between them."""
        linear = [position for position, layer in enumerate(self.layers) if layer.kind == "linear"]
        for before, after in pairwise(linear):
            if not any(self._active(position) for position in range(before + 1, after + 1)):
                yield self.layers[before].name, self.layers[after].name


def chain(weights: Weights) -> Chain:
    """The layers of these weights, in order. Raises NoChainError with the reason where they are no such head.

    The numbers of the names tell the order, also those glued to a word (`0`, `2`; `layer1.0`, `layer2.0`); a norm stands after
    the linear layer of its number (`fc1`, `bn1`, `fc2`). Layers without a number stand where their widths allow one order alone.
    """
    layers = tuple(_layers(weights))
    linear = [layer for layer in layers if layer.kind == "linear"]
    if not linear:
        raise NoChainError("it has no linear layer")
    loose = [layer for layer in layers if not layer.place]
    fixed = [layer for layer in layers if layer.place]
    if any(layer in linear for layer in loose) and any(layer in linear for layer in fixed):
        raise NoChainError("the names of its layers do not tell their order")
    if not all(_told(left, right) for left, right in combinations(fixed, 2)):
        raise NoChainError("the names of its layers do not tell their order")
    return Chain(_ordered(fixed, loose, in_file_order=list(weights) != sorted(weights)))


def _layers(weights: Weights) -> Iterator[Layer]:
    grouped: dict[str, dict[str, Tensor]] = {}
    for name, weight in weights.items():
        path, _, leaf = name.rpartition(".")
        grouped.setdefault(path, {})[leaf] = weight
    for index, (name, parameters) in enumerate(grouped.items()):
        module = _module(parameters)
        if module is None:
            raise NoChainError(
                f"'{name}' is {_in_words(parameters)}" if name else f"it is {_in_words(parameters)}"
            )
        if isinstance(module, nn.Linear):
            yield Layer(name, "linear", module.in_features, module.out_features, module, parameters, index)
        else:
            width = len(parameters.get("running_mean", parameters.get("weight", ())))
            yield Layer(name, "norm", width, width, module, parameters, index)


def _module(parameters: Weights) -> nn.Module | None:
    """The layer whose parameters these are, on the meta device."""
    weight, mean = parameters.get("weight"), parameters.get("running_mean")
    layer: nn.Module | None = None
    if not all(tensor.numel() for tensor in parameters.values()):
        return None
    with torch.device("meta"):
        if mean is not None and mean.ndim == 1:
            layer = nn.BatchNorm1d(len(mean), affine=weight is not None)
        elif weight is not None and weight.ndim == 2:
            layer = nn.Linear(weight.shape[1], weight.shape[0], bias="bias" in parameters)
        elif weight is not None and weight.ndim == 1:
            layer = nn.LayerNorm(len(weight), bias="bias" in parameters)
    if layer is None or not parameters.keys() <= layer.state_dict().keys():
        return None
    shapes = {
        name: tensor.shape for name, tensor in layer.state_dict().items() if name != "num_batches_tracked"
    }
    fits = (
        parameters[n].is_floating_point() and parameters[n].shape == shapes[n]
        for n in shapes
        if n in parameters
    )
    return layer if shapes.keys() <= parameters.keys() and all(fits) else None


def _in_words(parameters: Weights) -> str:
    """What a layer is that is neither linear nor a norm, as far as it tells."""
    weight = parameters.get("weight")
    if any("weight_g" in name or "original0" in name for name in parameters):
        return "a weight-normed layer"
    if weight is not None and weight.ndim > 2:
        return "a convolution"
    return "neither a linear layer nor a norm"


def _number(part: str) -> int | None:
    match = re.search(r"\d+$", part)
    return int(match[0]) if match else None


def _told(first: Layer, second: Layer) -> bool:
    """Whether names tell which of two layers comes first; a norm and a linear layer may have the same number."""
    pairs = zip_longest(first.parts, second.parts, fillvalue="")
    left, right = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    numbers = _number(left), _number(right)
    return None not in numbers and (numbers[0] != numbers[1] or first.kind != second.kind)


def _ordered(fixed: list[Layer], loose: list[Layer], in_file_order: bool) -> tuple[Layer, ...]:
    """The one order in which each layer takes what the one before it gives."""
    linear = [layer for layer in loose if layer.kind == "linear"]
    side_by_side = len({layer.takes for layer in linear}) < len(
        linear
    )  # as the queries and keys of an attention
    if len(loose) > MOST or side_by_side:
        raise NoChainError("the names of its layers do not tell their order")
    for after in (True, False):  # norms behind linear layers of their number, else before them
        inner = sorted(fixed, key=lambda layer: (layer.place, (layer.kind == "norm") == after))
        orders = [order for order in _placed(inner, loose) if _follows(order)]
        if len(orders) > 1 and in_file_order and sum(layer.kind == "linear" for layer in orders[0]) == 1:
            orders = [
                order for order in orders if [layer.index for layer in order] == list(range(len(order)))
            ]
        if len(orders) > 1:
            raise NoChainError("the names of its layers do not tell their order")
        if orders:
            return orders[0]
    raise NoChainError("its layers do not follow on each other")


def _placed(inner: list[Layer], loose: list[Layer]) -> Iterator[tuple[Layer, ...]]:
    """Every way to put layers without a number before and behind the others."""
    for order in permutations(loose):
        for cut in range(len(order) + 1 if inner else 1):
            yield (*order[:cut], *inner, *order[cut:])


def _follows(layers: tuple[Layer, ...]) -> bool:
    return all(before.gives == after.takes for before, after in pairwise(layers))


def _filled(layer: Layer) -> nn.Module:
    learnt = {name: weight for name, weight in layer.parameters.items() if name != "num_batches_tracked"}
    return filled(copy.deepcopy(layer.module), learnt)  # a copy: a chain can be built more than once
