"""The linear layers of a network in the order in which they act, and which of them follow on each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import torch
from torch import Tensor, nn
from torch.fx import Node, Tracer
from torch.nn.modules.batchnorm import _BatchNorm

UNKNOWN = "not known"


@dataclass(frozen=True)
class Link:
    """The output of `first` is the input of `second`, but for what stands `between` them (empty: nothing).

    scale (out,): what a batch norm between them multiplies each channel of `first` by; None without one.
    """

    first: str
    second: str
    between: tuple[str, ...] = ()
    scale: Tensor | None = None

    @property
    def name(self) -> str:
        """`layer1.0.conv1 → conv2`: of layers side by side the second needs its own name alone."""
        home, _, leaf = self.second.rpartition(".")
        beside = self.first.rpartition(".")[0] == home and not leaf.isdigit()
        return f"{self.first} → {leaf if beside else self.second}"

    @property
    def linear(self) -> bool:
        """Whether both compose to one linear map, once the scale of a batch norm is folded in."""
        return set(self.between) <= {"batch norm"}

    @property
    def description(self) -> str:
        return ", ".join(self.between) or "nothing"


@dataclass(frozen=True)
class Layers:
    """Weights (out, in, …) by name, and the links between them."""

    weights: Mapping[str, Tensor]
    links: tuple[Link, ...] = ()


class _Graph(Tracer):
    """A pooling is one operation, also one that looks at its input to choose how."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.AdaptiveAvgPool2d) or super().is_leaf_module(m, module_qualified_name)


def layers(network: nn.Module) -> Layers:
    """The linear layers and convolutions of a network in evaluation mode, and their links, read off its graph.

    A sum, a pooling or a reshaping between two layers leaves them without a link, as do grouped convolutions.
    """
    modules = dict(network.named_modules())
    weights, links = {}, []
    for node in _Graph().trace(network.eval()).nodes:
        if not _linear(node, modules):
            continue
        name = str(node.target)
        weights[name] = modules[name].weight.detach()
        link = _link(node, modules)
        links += [link] if link else []
    return Layers(weights, tuple(links))


def _linear(node: Node, modules: Mapping[str, nn.Module]) -> bool:
    return node.op == "call_module" and isinstance(modules[str(node.target)], nn.Linear | nn.Conv2d)


def _link(node: Node, modules: Mapping[str, nn.Module]) -> Link | None:
    """From a layer back to the one before it, through batch norm and ReLU alone."""
    between: list[str] = []
    scale = None
    before = node.args[0]
    while isinstance(before, Node) and before.op == "call_module" and not _linear(before, modules):
        module = modules[str(before.target)]
        if isinstance(module, _BatchNorm):
            between.insert(0, "batch norm")
            scale = _scale(module)
        elif isinstance(module, nn.ReLU):
            between.insert(0, "ReLU")
        elif not isinstance(module, nn.Identity):
            return None
        before = before.args[0]
    if not isinstance(before, Node) or not _linear(before, modules):
        return None
    first, second = str(before.target), str(node.target)
    layer = modules[second]
    grouped = isinstance(layer, nn.Conv2d) and layer.groups > 1
    return None if grouped else Link(first, second, tuple(between), scale)


def _scale(norm: _BatchNorm) -> Tensor:
    """gamma / sqrt(running variance + eps), (C,)."""
    assert norm.running_var is not None
    scale = (norm.running_var + norm.eps).rsqrt()
    return (scale if norm.weight is None else scale * norm.weight).detach()


def named(weights: Mapping[str, Tensor]) -> Layers:
    """Weights (out, in, …) whose network is not at hand: layers that are numbered on (`conv1`, `conv2`; `0`, `2`) are linked.

    What stands between them is not known. Of names without numbers (`q_proj`, `k_proj`) none follows on another, and
    neither do layers that do not fit; a convolution may be flat, (out, in·kh·kw), and is then folded out to (out, in, kh·kw).
    """
    unfolded, links = dict(weights), []
    for first, second in pairwise(weights):
        weight = _taking(len(weights[first]), weights[second])
        if weight is not None and _next(first, second):
            unfolded[second] = weight
            links.append(Link(first, second, (UNKNOWN,)))
    return Layers(unfolded, tuple(links))


def _taking(channels: int, weight: Tensor) -> Tensor | None:
    """The weight as (out, channels, …), or None where it takes another number of them. Kernels are square, of an odd side."""
    if weight.shape[1] == channels:
        return weight
    places, rest = divmod(weight.shape[1], channels)
    odd_square = places % 2 == 1 and isqrt(places) ** 2 == places
    return (
        torch.unflatten(weight, 1, (channels, places))
        if weight.ndim == 2 and not rest and odd_square
        else None
    )


def _next(first: str, second: str) -> bool:
    first_match, second_match = (re.fullmatch(r"(.*?)(\d+)", name) for name in (first, second))
    return bool(
        first_match
        and second_match
        and first_match[1] == second_match[1]
        and int(first_match[2]) < int(second_match[2])
    )
