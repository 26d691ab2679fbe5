"""What stands beside an encoder and its embedding may go through all the same: a pooling, a norm of its width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from collapse_cli.runs.others.candidates import Candidate, is_pooling
from collapse_cli.runs.others.heads import NUMBERED, OTHER_HEAD, PROJECTION, head_at, heads
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.leftovers import unused, used_by_encoder
from collapse_cli.runs.others.slow_copies import is_slow
from collapse_cli.runs.others.tensors import FileTensors

NORM = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
"""What a norm may have; all but the last are vectors."""

OF_TEXT = re.compile(r"(^|_)(text|txt|language|caption|word)|^ln_final$")
"""Names of what belongs to a text tower; open_clip's last norm of it stands beside the tower of images."""

COUNTED = re.compile(r"\d+|" + NUMBERED.pattern)
"""Names of the layers of a head whose place in it a number tells."""


@dataclass(frozen=True)
class Beside:
    """Names of weights beside an encoder, by those of the modules that they are of, each as --ignore takes it."""

    poolings: Mapping[str, tuple[str, ...]]
    norms: Mapping[str, tuple[str, ...]]


def beside(held: FileTensors, best: Candidate, choices: Choices) -> Beside:
    """The poolings and lone norms that stand beside the encoder, or beside what it lies in."""
    poolings: dict[str, tuple[str, ...]] = {}
    norms: dict[str, tuple[str, ...]] = {}
    for above in _above(best.branch.encoder):
        modules = _modules(held, best, above, tuple(filter(None, choices.ignore.split(","))))
        for module, names in modules.items():
            pooling = tuple(name for name in names if is_pooling(name.removeprefix(above)))
            if pooling and not OF_TEXT.search(module):
                poolings[module] = pooling
        for module in _norms(held, best, above, modules):
            norms[module] = modules[module]
    return Beside(poolings, norms)


def _above(encoder: str) -> Iterator[str]:
    """The prefixes that an encoder's lies in, the nearest first: `net.trunk.` lies in `net.`, and that in none."""
    parts = encoder.split(".")[:-1]
    yield from (".".join([*parts[:count], ""]) for count in reversed(range(len(parts))))


def _modules(
    held: FileTensors, best: Candidate, above: str, ignored: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """The names of the other weights under a prefix, by the module right below it."""
    modules: dict[str, tuple[str, ...]] = {}
    for name in held.tensors:
        inside = name.removeprefix(above)
        taken = name.startswith((best.branch.encoder, *best.branch.projectors))
        said = any(each.startswith(ignored) for each in (inside, name, held.written[name]))
        if taken or said or not name.startswith(above):
            continue
        module = inside.partition(".")[0] + ("." if "." in inside else "")
        modules[module] = (*modules.get(module, ()), name)
    return modules


def _norms(
    held: FileTensors, best: Candidate, above: str, modules: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """The modules that are a norm of as many dimensions as h has, and belong to no head, by their place or their name."""
    if best.layout.name == "Barlow Twins" and _is_as_wide(held, best):  # its `bn.` norms z
        modules = {module: names for module, names in modules.items() if module != "bn."}
    layers = [module[:-1] for module in modules if COUNTED.fullmatch(module[:-1])]
    counted = any(_is_matrix(held, modules[f"{layer}."]) for layer in layers)
    lone = [
        module
        for module, names in modules.items()
        if _is_norm({name.removeprefix(above + module): held.tensors[name] for name in names}, best)
        and not (counted and module[:-1] in layers)
        and not any(pattern.search(module[:-1]) for pattern in (OF_TEXT, OTHER_HEAD, PROJECTION))
        and is_slow(module) == is_slow(best.branch.encoder)
    ]
    taken = _of_heads(held, best) if lone else ()
    yield from (module for module in lone if not f"{above}{module}".startswith(taken))


def _is_as_wide(held: FileTensors, best: Candidate) -> bool:
    """Whether z of the layout's projector has as many dimensions as h."""
    layers = head_at(held.tensors, best.branch.projectors, best.width).layers
    return layers is not None and layers.gives == best.width


def _is_matrix(held: FileTensors, names: tuple[str, ...]) -> bool:
    return any(held.tensors[name].ndim > 1 for name in names)


def _is_norm(weights: Mapping[str, Tensor], best: Candidate) -> bool:
    """Whether these are the weights of one norm of h: vectors of its width under the names that a norm has."""
    vectors = [weight for name, weight in weights.items() if name != "num_batches_tracked"]
    flat = weights.keys() <= NORM and bool(vectors) and all(vector.ndim == 1 for vector in vectors)
    return flat and all(len(vector) == best.width for vector in vectors)


def _of_heads(held: FileTensors, best: Candidate) -> tuple[str, ...]:
    """The prefixes of the heads that take h."""
    used, encoder = used_by_encoder(held, best), best.branch.encoder
    own = frozenset(name.removeprefix(encoder).split(".")[0] for name in used)
    there = heads(unused(held, used), best.width, encoder, own)
    return tuple(prefix for head in there if head.layers is not None for prefix in head.prefixes)
