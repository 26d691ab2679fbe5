"""Into which parts a network is divided that make its depth: its blocks, by a rule that reads its structure alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from torch import nn
from torch.nn.modules import pooling
from torch.nn.modules.dropout import _DropoutNd

FEWEST = 3  # layers; a network that is divided into fewer is divided further
LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
PASSING = (
    nn.Identity,
    nn.Flatten,
    nn.Unflatten,
    _DropoutNd,
    pooling._AvgPoolNd,
    pooling._MaxPoolNd,
    pooling._AdaptiveAvgPoolNd,
    pooling._AdaptiveMaxPoolNd,
)
"""Layers that only pool, reshape or hand on what the layer before them gives."""


def chosen(
    network: nn.Module, modules: Mapping[str, nn.Module], order: Sequence[tuple[str, int]]
) -> list[tuple[str, int]]:
    """Of all calls those that make the depth of a network.

    A list of modules, and a module in which blocks repeat (two or more of one class in a list, each with a forward of its own,
    or one that is called several times), is divided into its parts; every other part is a layer. Of a convolution or linear
    layer and the norms and activations behind it only the last is measured; what pools, reshapes or has no weights is not.
    """
    counts = Counter(name for name, _ in order)
    again = {modules[name] for name, count in counts.items() if count > 1 and _is_block(modules[name])}
    parts = set(divided(network, again))
    calls = [(name, call) for name, call in order if name in parts]
    measured: list[tuple[str, int]] = []
    joining = False  # whether the last of them is a linear layer, which norms and activations may follow
    for name, call in calls:
        module = modules[name]
        whole = bool(list(module.children()))
        weighted = any(parameter.ndim > 1 for parameter in module.parameters())
        if isinstance(module, PASSING) or (whole and not any(True for _ in module.parameters())):
            continue
        if weighted:
            measured.append((name, call))
            joining = not whole
        elif joining:
            measured[-1] = (name, call)
        elif measured and any(True for _ in module.parameters()):  # a norm behind a block
            measured.append((name, call))
    return measured


def divided(network: nn.Module, again: Collection[nn.Module] = ()) -> list[str]:
    """Names of the parts that a network is divided into. again: blocks that are called several times."""
    parts = list(_parts(network, "", {""}, again))
    further = {""}
    while len(parts) < FEWEST:
        whole = {name for name in parts if list(network.get_submodule(name).children())}
        if not whole - further:
            break
        further |= whole
        parts = list(_parts(network, "", further, again))
    return parts


def _parts(module: nn.Module, name: str, opened: set[str], again: Collection[nn.Module]) -> Iterator[str]:
    """opened: names of modules that are divided though no block repeats in them."""
    children = list(module.named_children())
    if children and (name in opened or isinstance(module, LISTS) or _repeats(module, again)):
        for child, part in children:
            yield from _parts(part, f"{name}.{child}" if name else child, opened, again)
    else:
        yield name


def _repeats(module: nn.Module, again: Collection[nn.Module]) -> bool:
    """Whether it holds a list with two or more blocks of one class, or is called once and holds a block that is called again."""
    if module not in again and any(part in again for part in module.modules()):
        return True
    return any(
        max(Counter(type(child) for child in part.children() if _is_block(child)).values(), default=0) > 1
        for part in module.modules()
        if isinstance(part, LISTS)
    )


def _is_block(module: nn.Module) -> bool:
    return not isinstance(module, LISTS) and any(True for _ in module.children())
