"""Reads and writes the .npz of a state: everything in it is checked before it is used, for a file may be damaged or made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.metrics.distinct import HELD, Distinct
from collapse_cli.metrics.longest import LONGEST
from collapse_cli.metrics.moments import Moments
from collapse_cli.metrics.row_sample import limit
from collapse_cli.metrics.state import State
from collapse_cli.printable import quoted
from collapse_cli.runs import npz
from collapse_cli.runs.states import AGAIN, FORMAT, MARK, Labelled, Part, SavedState, Settings, is_at, plain

TYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
}
MOST_POWER = 1100  # of two, by which rows are ever multiplied


def save(path: Path, saved: SavedState) -> None:
    """Whole or not at all."""
    facts, arrays = plain(saved)
    named: dict[str, Any] = {MARK: numpy.frombuffer(json.dumps(facts).encode(), dtype=numpy.uint8), **arrays}
    with whole(path) as draft, draft.open("wb") as file:
        numpy.savez(file, **named)


def load(path: Path) -> SavedState:
    """Raises CollapseError for what is no state, for one of another version of the tool, and for a damaged one."""
    if not path.exists():
        raise CollapseError(f"there is no file {path}", "check the path")
    if not is_at(path):
        raise CollapseError(
            f"{path} is not a state of embeddings",
            f"collapse spectrum {quoted(path)} --save-state part.npz makes one",
        )
    arrays = npz.arrays(path)
    try:
        facts = json.loads(bytes(_array(arrays, MARK, numpy.uint8, 1)))
        if facts["format"] != FORMAT:
            raise CollapseError(
                f"{path} is a state of format {facts['format']}, and this version reads format {FORMAT}",
                "make all states with one version of collapse",
            )
        return _saved(facts, arrays)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise CollapseError(f"{path} is a damaged state: {reason}", AGAIN) from None


def _saved(facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> SavedState:
    settings, spaces, tool = Settings(**facts["settings"]), facts["spaces"], facts["tool"]
    kinds = (settings.seed, int), (settings.unpack, str), (settings.column, str), (spaces, dict), (tool, str)
    _must(all(type(value) is kind for value, kind in kinds), "its settings are of another type")
    _must(list(spaces) in (["h"], ["h", "z"]), "it has other spaces than h and z")
    parts = tuple(_part(each) for each in facts["parts"])
    widths = tuple(_array(arrays, f"{name}.raw.mean", numpy.float64, 1).shape[0] for name in spaces)
    _must(min(widths) > 0, "it has no dimensions")
    states = {name: _state(facts["spaces"][name], name, arrays, limit(widths)) for name in spaces}
    count = sum(part.count for part in parts)
    _must(all(state.count == count for state in states.values()), "its files have another number of rows")
    keys = [state.keys for state in states.values()]
    _must(all(torch.equal(keys[0], other) for other in keys), "its spaces are of different rows")
    kind, unpacked = facts["codes"]
    _must(type(kind) is str and type(unpacked) is str, "the kind of its numbers is no text")
    labels = _labels(facts, arrays, len(keys[0]), count)
    return SavedState(states, parts, settings, labels, (kind, unpacked), tool)


def _part(facts: Mapping[str, Any]) -> Part:
    part = Part(**facts)
    _must(type(part.name) is str and type(part.sha256) is str, "the name of a file is no text")
    _must(type(part.first) is int and part.first >= 0, "the first row of a file is no number")
    _must(type(part.count) is int and part.count >= 1, "the number of rows of a file is no number above 0")
    return part


def _labels(facts: Mapping[str, Any], arrays: Mapping[str, Any], sampled: int, count: int) -> Labelled | None:
    if "classes" not in facts:
        return None
    counts, labels = facts["classes"], _tensor(arrays, "labels", numpy.int64, (sampled,))
    whole_numbers = isinstance(counts, dict) and all(
        type(each) is int and each >= 0 for each in counts.values()
    )
    _must(whole_numbers and sum(counts.values()) <= count, "its labels do not fit its rows")
    _must(bool(((labels >= -1) & (labels < len(counts))).all()), "a label has no class")
    return Labelled(tuple(counts), counts, labels)


def _state(values: Mapping[str, Any], space: str, arrays: Mapping[str, Any], most: int) -> State:
    inside = {
        name.removeprefix(f"{space}."): array
        for name, array in arrays.items()
        if name.startswith(f"{space}.")
    }
    n, d, kind = values["count"], inside["raw.mean"].shape[0], TYPES.get(values["type"])
    _must(
        kind is not None and values["limit"] == most,
        "its rows are of another type, or its sample of another size",
    )
    power, largest, zeros = values["power"], values["largest"], values["zeros"]
    _must(all(type(each) is int for each in (n, power, zeros)) and n >= 1, "a count in it is no whole number")
    _must(abs(power) <= MOST_POWER and 0 <= zeros <= n, "a number in it is out of its range")
    _must(
        type(largest) is float and 0 <= largest < float("inf"), "its largest number is negative or not finite"
    )
    _must(
        type(values["never_negative"]) is type(values["more"]) is bool,
        "a value that must be true or false is neither",
    )
    raw, on_sphere = (_moments(inside, name, n, d) for name in ("raw", "on_sphere"))
    held, long = min(n, most), min(n, LONGEST)
    lengths = _tensor(inside, "lengths", numpy.float32, (long,))
    _must(bool((lengths.diff() <= 0).all() and (lengths >= 0).all()), "its longest rows are out of order")
    return State(
        raw, on_sphere, power, largest, values["never_negative"], zeros, _distinct(inside, n, values["more"]), most,
        _keys(inside, "keys", held), _rows(inside, "rows", held, d, kind),
        lengths, _tensor(inside, "longest_keys", numpy.int64, (long,)), _rows(inside, "longest", long, d, kind),
    )  # fmt: skip


def _moments(inside: Mapping[str, Any], name: str, n: int, d: int) -> Moments:
    mean, scatter = (
        _tensor(inside, f"{name}.{part}", numpy.float64, shape)
        for part, shape in (("mean", (d,)), ("scatter", (d, d)))
    )
    finite = bool(mean.isfinite().all() and scatter.isfinite().all())
    _must(finite and torch.equal(scatter, scatter.T), f"{name} is not finite, or not symmetric")
    _must(bool((scatter.diagonal() >= 0).all()), f"{name} has a variance below 0")
    return Moments(n, mean, scatter)


def _distinct(inside: Mapping[str, Any], n: int, more: bool) -> Distinct:
    size = min(len(_array(inside, "distinct.keys", numpy.int64, 1)), HELD)
    keys, counts = (
        _keys(inside, "distinct.keys", size),
        _tensor(inside, "distinct.counts", numpy.int64, (size,)),
    )
    total = sum(counts.tolist())
    _must(size >= 1 and bool((counts >= 1).all()), "the counts of different rows are not above 0")
    _must(
        (total < n and size == HELD) if more else total == n,
        "the counts of different rows are not those of its rows",
    )
    return Distinct(keys, counts, more)


def _keys(inside: Mapping[str, Any], name: str, size: int) -> Tensor:
    keys = _tensor(inside, name, numpy.int64, (size,))
    _must(bool((keys >= 0).all() and (keys.diff() >= 0).all()), f"{name} are out of order")
    return keys


def _rows(inside: Mapping[str, Any], name: str, size: int, d: int, kind: torch.dtype | None) -> Tensor:
    assert kind is not None
    bits = torch.int16 if kind == torch.bfloat16 else kind
    rows = _tensor(inside, name, torch.empty(0, dtype=bits).numpy().dtype, (size, d)).view(kind)
    _must(bool(rows.isfinite().all()), f"{name} contain nan or infinity")
    return rows


def _tensor(arrays: Mapping[str, Any], name: str, kind: Any, shape: tuple[int, ...]) -> Tensor:
    array = _array(arrays, name, kind, len(shape))
    _must(array.shape == shape, f"{name} has shape {array.shape}, not {shape}")
    return torch.from_numpy(numpy.ascontiguousarray(array))


def _array(arrays: Mapping[str, Any], name: str, kind: Any, axes: int) -> numpy.ndarray:
    array: numpy.ndarray = arrays[name]
    fits = isinstance(array, numpy.ndarray) and array.dtype == kind and array.ndim == axes
    _must(fits, f"{name} is of another type or shape")
    return array


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
