"""Which layers of a network are measured in depth, and how their outputs become rows: read off two small forward passes.

Networks of two sizes of batch tell which axis of an output counts the images, whatever the layer is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from collapse_cli.models.depth_parts import chosen

Form = Literal["rows", "tokens", "maps"]
"""Of an output: (B,D); (B,T,D), the tokens of each image; or (B,C,H,W), of which the mean over the positions is measured."""

PROBED = (2, 3)  # images in each of the two passes


@dataclass(frozen=True)
class Tap:
    """One call of a layer in a forward pass.

    name: of the module; call: which call of it, from 0 on, of `calls`; kind: its class; form, images: what its output is, and
    which axis counts the images; last: whether the numbers of a token or position are the last axis.
    """

    name: str
    call: int
    calls: int
    kind: str
    form: Form
    images: int
    last: bool
    width: int
    places: int

    @property
    def label(self) -> str:
        """As tables call it."""
        name = self.name or self.kind
        return name if self.calls == 1 else f"{name} (call {self.call + 1})"

    def reduced(self, output: Any, mask: Tensor | None = None) -> Reduced:
        """Of what the layer gave, before it is overwritten. mask (B,T): which tokens of each image or text are there."""
        tensor = first_tensor(output)
        assert tensor is not None
        if self.images:
            tensor = tensor.transpose(0, self.images)
        exact = torch.float64 if tensor.dtype == torch.float64 else torch.float32
        eps = torch.finfo(tensor.dtype).eps
        if self.form == "rows":
            rows = tensor.to(exact, copy=True)
            return Reduced(rows, rows.abs(), eps)
        if self.form == "maps":
            places = [axis for axis in range(1, tensor.ndim) if axis != (tensor.ndim - 1 if self.last else 1)]
            return Reduced(tensor.mean(places, dtype=exact), tensor.abs().mean(places, dtype=exact), eps)
        tokens = (tensor if self.last else tensor.transpose(1, 2)).to(exact)  # (B,T,D)
        if mask is None or mask.shape != tokens.shape[:2]:
            return Reduced(tokens.mean(1), tokens.abs().mean(1), eps, tokens)
        weights = (mask / mask.sum(dim=1, keepdim=True).clamp_min(1)).to(exact).unsqueeze(1)  # (B,1,T)
        return Reduced((weights @ tokens).squeeze(1), (weights @ tokens.abs()).squeeze(1), eps, tokens, mask)


@dataclass(frozen=True)
class Reduced:
    """Of B images: rows (B,D), the mean over tokens or positions; active (B,D), that of the absolute values; tokens (B,T,D) with
    mask (B,T), None where all are there; eps of the type that the layer gave."""

    rows: Tensor
    active: Tensor
    eps: float
    tokens: Tensor | None = None
    mask: Tensor | None = None


def first_tensor(output: Any) -> Tensor | None:
    """The output of a layer: itself, the first in a tuple or list, or the hidden state in a dict; None where there is none."""
    if isinstance(output, Tensor):
        return output
    parts: Sequence[Any] = output if isinstance(output, tuple | list) else ()
    if isinstance(output, Mapping):
        parts = [output["last_hidden_state"]] if "last_hidden_state" in output else list(output.values())
    return first_tensor(parts[0]) if parts else None


@contextmanager
def heard(modules: Mapping[str, nn.Module], tell: Callable[[str, int, Any], None]) -> Iterator[Counter[str]]:
    """tell(name, call, output) at every call of these modules, before anything that follows can overwrite its output.

    The calls are counted from 0 on in what is handed out, which is to be cleared before each forward pass.
    """
    calls: Counter[str] = Counter()

    def hook(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
        calls[name] += 1
        tell(name, calls[name] - 1, output)

    hooks = [module.register_forward_hook(partial(hook, name)) for name, module in modules.items()]
    try:
        yield calls
    finally:
        for each in hooks:
            each.remove()


def taps(
    network: nn.Module, forward: Callable[[int], None], names: Sequence[str] = (), every: bool = False
) -> list[Tap]:
    """The layers that are measured, in the order in which they act. forward: runs the network on so many images.

    names: modules by name; every: all modules; else the network's blocks, as `chosen` finds them. What gives no tensor with an
    axis of images, two to five axes in all, cannot be measured, and is left out.
    """
    modules = {
        name: module for name, module in network.named_modules() if name or not list(network.children())
    }
    present = {name: modules[name] for name in names} if names else modules
    shapes: dict[tuple[str, int], list[tuple[int, ...]]] = {}

    def tell(name: str, call: int, output: Any) -> None:
        tensor = first_tensor(output)
        plain = tensor is not None and tensor.is_floating_point() and not tensor.is_nested
        shapes.setdefault((name, call), []).append(
            tuple(tensor.shape) if tensor is not None and plain else ()
        )

    with heard(present, tell) as calls:
        for count in PROBED:
            calls.clear()
            forward(count)
    counts = Counter(name for name, _ in shapes)
    order = sorted(shapes, key=list(shapes).index)
    if not (names or every):
        order = chosen(network, modules, order)
    return list(_formed(order, shapes, modules, counts))


def _formed(
    order: Sequence[tuple[str, int]],
    shapes: Mapping[tuple[str, int], list[tuple[int, ...]]],
    modules: Mapping[str, nn.Module],
    counts: Counter[str],
) -> Iterator[Tap]:
    """Those of which the output can be measured."""
    before: dict[tuple[int, ...], bool] = {}
    for name, call in order:
        small, *larger = shapes[name, call]
        axis = _images_axis(small, larger[0]) if larger else None
        if axis is None:
            continue
        module, rest = modules[name], (*small[:axis], *small[axis + 1 :])  # one image's axes
        last = _last(module, rest, before.get(rest))
        before[rest] = last
        width = rest[-1] if last else rest[0]
        places = 1
        for side in rest:
            places *= side
        form: Form = "rows" if len(rest) == 1 else "tokens" if last and len(rest) == 2 else "maps"
        yield Tap(
            name, call, counts[name], type(module).__name__, form, axis, last, width, places // max(width, 1)
        )


def _images_axis(small: tuple[int, ...], large: tuple[int, ...]) -> int | None:
    """The axis that grows with the images, among the first two; None where no single one does, or there are no numbers."""
    if len(small) != len(large) or not 2 <= len(small) <= 5 or 0 in small:
        return None
    grown = [axis for axis, (a, b) in enumerate(zip(small, large, strict=True)) if a != b]
    fits = len(grown) == 1 and (small[grown[0]], large[grown[0]]) == PROBED
    return grown[0] if fits and grown[0] <= (1 if len(small) == 3 else 0) else None


def _last(module: nn.Module, rest: tuple[int, ...], before: bool | None) -> bool:
    """Whether the last axis holds the numbers of a token or a position: the widths of its own layers tell."""
    if len(rest) == 1:
        return True
    parts = list(module.modules())
    channels = {part.out_channels for part in parts if isinstance(part, _ConvNd)}
    channels |= {part.num_features for part in parts if isinstance(part, _NormBase)}
    channels |= {part.num_channels for part in parts if isinstance(part, nn.GroupNorm)}
    features = {part.out_features for part in parts if isinstance(part, nn.Linear)}
    features |= {part.normalized_shape[-1] for part in parts if isinstance(part, nn.LayerNorm)}
    if (rest[-1] in features) != (rest[0] in channels):
        return rest[-1] in features
    return len(rest) == 2 if before is None else before


def probing(inputs: Any, network: Callable[[Any], Any]) -> Callable[[int], None]:
    """forward(count) on so many of the inputs, a tensor (B,…) or a dict of them, repeated where they are fewer."""

    def some(part: Tensor, count: int) -> Tensor:
        return part[torch.arange(count, device=part.device) % len(part)]

    @torch.no_grad()
    def forward(count: int) -> None:
        if isinstance(inputs, Tensor):
            network(some(inputs, count))
        else:
            network({name: some(part, count) for name, part in inputs.items()})

    return forward
