"""Batches through a network, and through the same network re-initialised, while hooks gather what every layer gives."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.layer_profile import TOKEN_IMAGES, LayerOutputs, first_broken
from collapse_cli.models import rebuilt
from collapse_cli.models.batch_norm import norms_of, settle
from collapse_cli.models.depth import Reduced, Tap, heard
from collapse_cli.models.modes import evaluated
from collapse_cli.models.rebuilt import Initialised

MOST_KEPT = 0.5
"""Of the weights: where re-initialising leaves more as they are, the network is no untrained one."""
NETWORKS = 4  # random initialisations
HELD = 2**30  # bytes of their weights, about

Forward = Callable[[nn.Module, Any], object]
"""Runs a network on one batch."""


class OfBatches(nn.Module):
    """The network as a function of a batch, which is a tensor, or several by name."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Any) -> Any:
        return self.network(**inputs) if isinstance(inputs, dict) else self.network(inputs)


@contextmanager
def tapped(
    network: nn.Module, taps: Sequence[Tap], tell: Callable[[Tap, Reduced], None]
) -> Iterator[Callable[[Any], None]]:
    """A function that runs the network on a batch, during which `tell` gets every tapped output."""
    by_call = {(tap.name, tap.call): tap for tap in taps}
    modules = dict(network.named_modules())
    mask: list[Tensor | None] = [None]

    def take(name: str, call: int, output: Any) -> None:
        tap = by_call.get((name, call))
        if tap is not None:
            tell(tap, tap.reduced(output, mask[0]))

    whole = OfBatches(network)
    calls: Counter[str]
    with heard({name: modules[name] for name, _ in by_call}, take) as calls:

        def run(inputs: Any) -> None:
            calls.clear()
            mask[0] = inputs.get("attention_mask") if isinstance(inputs, dict) else None
            whole(inputs)

        yield run


def gathered(
    networks: Sequence[nn.Module], taps: Sequence[Tap], batches: Iterable[Any], count: int
) -> list[dict[Tap, LayerOutputs]]:
    """What every layer of each network gives, in one pass over the batches. count: images that are expected.

    Raises CollapseError for a layer of the first network that gives nan or infinity, and with code 3 for fewer than 2 images.
    """
    stride = max(count // TOKEN_IMAGES, 1)
    seen = [{tap: LayerOutputs(tap.width, stride) for tap in taps} for _ in networks]

    def into(states: dict[Tap, LayerOutputs]) -> Callable[[Tap, Reduced], None]:
        return lambda tap, part: states[tap].add(part.rows, part.active, part.eps, part.tokens, part.mask)

    odd = False
    for inputs in batches:
        odd = odd or _is_odd(inputs)
        for network, states in zip(networks, seen, strict=True):
            with evaluated(network), tapped(network, taps, into(states)) as run:
                run(inputs)
    fault = first_broken([(tap.label, state) for tap, state in seen[0].items()])
    if fault and odd:
        raise CollapseError("there are images that contain nan or infinity", "leave them out")
    if fault:
        raise CollapseError(
            f"the layer {fault[0]} gives nan or infinity for {fault[1]:,} of {seen[0][taps[0]].count:,} images",
            "layers before it are finite: look at its weights, or measure in float32",
        )
    if any(state.count < 2 for state in seen[0].values()):
        raise CollapseError("at least 2 images are needed", "give more images", code=3)
    return seen


def _is_odd(inputs: Any) -> bool:
    """Whether a batch, a tensor or several by name, holds nan or infinity."""
    parts = inputs.values() if isinstance(inputs, dict) else [inputs]
    floats = [part for part in parts if isinstance(part, Tensor) and part.is_floating_point()]
    return not all(bool(torch.isfinite(part).all()) for part in floats)


def viewed(network: nn.Module, taps: Sequence[Tap], views: Iterable[Iterable[Any]]) -> dict[Tap, Tensor]:
    """Rows (q n,D) of every layer: those of the first views of n images, then of the second …"""
    rows: dict[Tap, list[Tensor]] = {tap: [] for tap in taps}
    with (
        evaluated(network),
        tapped(network, taps, lambda tap, part: rows[tap].append(part.rows.cpu())) as run,
    ):
        for view in views:
            for inputs in view:
                run(inputs)
    return {tap: torch.cat(parts) for tap, parts in rows.items()}


def how_many(network: nn.Module) -> int:
    """Untrained networks that it is compared with: ranks at initialisation differ from seed to seed. One where it is large."""
    held = sum(weight.nbytes for weight in network.parameters())
    return max(min(NETWORKS, HELD // max(held, 1)), 1)


def untrained(network: nn.Module, batches: Sequence[Any], seed: int) -> tuple[list[nn.Module], str]:
    """The network at several initialisations, its batch norm settled on these batches, and what could not be re-initialised.

    None where it cannot be copied, or where most of its weights are of no layer that knows how it is initialised.
    """
    enough, note = reinitialisable(network)
    if not enough:
        return [], note
    try:
        every = [rebuilt.reinitialised(network, seed + k) for k in range(how_many(network))]
    except (RuntimeError, TypeError, AttributeError, copy.Error) as error:
        return [], f"the network cannot be copied ({' '.join(str(error).split())[:120]})"
    several = [inputs for inputs in batches if size(inputs) > 1]
    for fresh in every:
        fresh.to(next((parameter.device for parameter in network.parameters()), torch.device("cpu")))
        if norms_of(fresh) and several:
            settle(OfBatches(fresh), several, like=OfBatches(network))
    return every, note


def reinitialisable(network: nn.Module) -> tuple[bool, str]:
    """Whether re-initialising changes most of the weights, and which it leaves as they are, in words; empty for none."""
    reset = {
        id(parameter)
        for part in network.modules()
        if isinstance(part, Initialised | nn.MultiheadAttention)
        for parameter in part.parameters(recurse=isinstance(part, nn.MultiheadAttention))
    }
    sizes = {name: (id(weight) in reset, weight.numel()) for name, weight in network.named_parameters()}
    kept = {name: size for name, (again, size) in sizes.items() if not again}
    total, count = sum(size for _, size in sizes.values()), sum(kept.values())
    if not total:
        return False, "it has no weights"
    if not kept:
        return True, ""
    names = ", ".join(list(kept)[:3]) + (f" and {len(kept) - 3} more" if len(kept) > 3 else "")
    if count > MOST_KEPT * total:
        return False, f"{count:,} of its {total:,} weights are of modules without reset_parameters ({names})"
    return (
        True,
        f"weights of modules without reset_parameters stay as they are in the untrained network: {names}",
    )


def size(inputs: Any) -> int:
    """Images in a batch."""
    return len(inputs if isinstance(inputs, Tensor) else next(iter(inputs.values())))
