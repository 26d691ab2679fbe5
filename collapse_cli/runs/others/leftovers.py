"""What a file holds that is not used: every weight is, or it is told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from torch import Tensor

from collapse_cli.runs.others import branches
from collapse_cli.runs.others.candidates import Candidate
from collapse_cli.runs.others.tensors import FileTensors


def used_by_encoder(held: FileTensors, best: Candidate) -> frozenset[str]:
    """The names of the file's weights that the encoder uses."""
    if best.reading.uses is not None:
        return best.reading.uses
    ours, encoder = best.reading.network.state_dict().keys(), best.branch.encoder
    others = {name: weight for name, weight in best.reading.weights.items() if name not in ours}
    idle = {id(weight) for weight in others.values()}
    inside = (
        name
        for name in held.tensors
        if name.startswith(encoder) and not name.startswith(best.branch.projectors) and name not in held.aside
    )
    return frozenset(
        name
        for name in inside
        if id(held.tensors[name]) not in idle and name.removeprefix(encoder) not in others
    )


def unused(held: FileTensors, used: Iterable[str]) -> dict[str, Tensor]:
    """The file's other weights, without whole numbers, and without those that are used under another name too."""
    used = frozenset(used)
    places = {_place(held.tensors[name]) for name in used if held.tensors[name].numel()}
    return {
        name: weight
        for name, weight in held.tensors.items()
        if name not in used and weight.is_floating_point() and _place(weight) not in places
    }


def _place(weight: Tensor) -> tuple[int, tuple[int, ...]]:
    """Where a weight lies in memory: the same weight under two names lies there once."""
    return weight.data_ptr(), tuple(weight.shape)


def in_words(held: FileTensors, best: Candidate, used: Iterable[str]) -> Iterator[str]:
    """The weights that are not used, by the shortest prefix that no weight in use has: `module.predictor. (6 weights)`."""
    used = frozenset(used)
    taken = {prefix for name in used for prefix in _prefixes(held.written[name])}
    groups: dict[str, list[str]] = {}
    for name in unused(held, used):
        written = held.written[name]
        shortest = next((prefix for prefix in _prefixes(written) if prefix not in taken), written)
        groups.setdefault(shortest, []).append(name)
    for prefix, names in groups.items():
        count = f"{len(names)} weight{'s' if len(names) > 1 else ''}"
        yield f"{prefix} ({'; '.join((count, *_encoder(held, best, names)))})"
    yield from (f"{name} (another dict of weights)" for name in held.unopened if not held.averaged)
    yield from (f"{name} (state of the training, by its name)" for name in held.dropped)


def _prefixes(name: str) -> Iterator[str]:
    """Every prefix of a name that ends in a full stop, the shortest first."""
    parts = name.split(".")
    yield from (".".join(parts[:count]) + "." for count in range(1, len(parts)))


def _encoder(held: FileTensors, best: Candidate, names: list[str]) -> Iterator[str]:
    """That there is another encoder among these weights, and the option that takes it."""
    inside = branches.prefixes(replace(held, tensors={name: held.tensors[name] for name in names}))
    for prefix, option in branches.others(
        held, best.layout, best.branch, used_by_encoder(held, best)
    ).items():
        if prefix in inside:
            yield f"another encoder: {option}"
