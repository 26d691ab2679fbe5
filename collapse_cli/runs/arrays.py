"""Arrays by name in one file, .npz, .pt or .safetensors: read without running code, numbers as tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.inert import Inert
from collapse_cli.runs.others.array_names import are_rows
from collapse_cli.runs.plain import plain
from collapse_cli.runs.reader import Unreadable
from collapse_cli.runs.source import Source

ROWS, BARE = "representations", "rows"
"""The name of our own files, and what a lone tensor is called."""

ARRAY = Tensor | numpy.ndarray


def read(place: Path | Source) -> dict[str, Any]:
    """What stands in the file, by name, numbers as plain tensors. Raises CollapseError for what cannot be read."""
    source = Source.at(place)
    try:
        content = source.content
    except Unreadable as error:
        raise _as_embeddings(source.path, error) from None
    return _plain(content, source.path)


def _plain(content: Any, path: Path) -> dict[str, Any]:
    return {name: plain(value, path) for name, value in _named(content).items()}


def are_embeddings(place: Path | Source) -> bool:
    """Whether a torch or safetensors file holds rows and not weights: anything but a dict does, a dict as its content tells.

    Raises CollapseError for numbers that take more than this machine's memory.
    """
    source = Source.at(place)
    try:
        content = source.content
    except CollapseError:  # said by whoever reads it
        return False
    entries = _plain(content, source.path)
    if BARE in entries:
        return isinstance(entries[BARE], ARRAY) or _are_arrays(entries[BARE])
    return ROWS in entries or are_rows(entries)


def _named(content: Any) -> dict[str, Any]:
    """The content of a file as a dict by name; a list of records, or of pairs of a vector and its label, by columns."""
    if isinstance(content, Mapping):
        return _opened({str(name): value for name, value in content.items() if value is not None})
    if isinstance(content, list | tuple) and content:
        return _records(content) or _together(content) or _pairs(content) or {BARE: content}
    return {BARE: content}


def _opened(entries: dict[str, Any]) -> dict[str, Any]:
    """Of a dict that only wraps one with rows, as {"results": {"features": …}}, both together."""
    inner = {
        name: value
        for name, value in entries.items()
        if isinstance(value, Mapping) and not (isinstance(value, Inert) and not value)
    }
    if len(inner) != 1 or any(isinstance(value, Tensor) for value in entries.values()) or not are_rows(inner):
        return entries
    (name,) = inner
    return {other: value for other, value in entries.items() if other != name} | {
        str(k): v for k, v in inner[name].items()
    }


def _records(content: Sequence[Any]) -> dict[str, Any]:
    """[{"path": …, "embedding": tensor (D,)}, …] by column; empty for what is none."""
    if not all(isinstance(record, Mapping) and record.keys() == content[0].keys() for record in content):
        return {}
    return {str(name): [record[name] for record in content] for name in content[0]}


def _together(content: Sequence[Any]) -> dict[str, Any]:
    """(tensor (N,D), labels (N,) …) by what they are; empty for what is none."""
    rows = [part for part in content if isinstance(part, ARRAY) and part.ndim > 1]
    others = [part for part in content if not (isinstance(part, ARRAY) and part.ndim > 1)]
    if len(rows) != 1 or not others or any(_length(part) != len(rows[0]) for part in others):
        return {}
    return {BARE: rows[0], **_beside(others)}


def _pairs(content: Sequence[Any]) -> dict[str, Any]:
    """[("cat.png", tensor (D,)), …] by column; empty for what is none."""
    if not all(isinstance(pair, tuple | list) and 1 < len(pair) == len(content[0]) for pair in content):
        return {}
    columns = [list(column) for column in zip(*content, strict=True)]
    vectors = [_are_arrays(column) and column[0].ndim > 0 for column in columns]
    if vectors.count(True) != 1 or len(columns) < 2:
        return {}
    others = [column for column, is_vectors in zip(columns, vectors, strict=True) if not is_vectors]
    return {BARE: columns[vectors.index(True)], **_beside(others)}


def _beside(others: Sequence[Any]) -> dict[str, Any]:
    """Names for what stands beside rows without one: whole numbers are labels, as a data set has them; words may be anything."""
    whole = [_are_whole(part) for part in others]
    return {
        "label" if is_label and whole.count(True) == 1 else f"part {number}": part
        for number, (part, is_label) in enumerate(zip(others, whole, strict=True), 2)
    }


def _are_whole(part: Any) -> bool:
    if isinstance(part, Tensor):
        return not part.is_floating_point() and not part.is_complex()
    if isinstance(part, numpy.ndarray):
        return part.dtype.kind in "iu"
    return all(
        isinstance(value, int) or (_are_arrays([value]) and value.ndim == 0 and _are_whole(value))
        for value in part
    )


def _are_arrays(values: Any) -> bool:
    return (
        isinstance(values, list | tuple)
        and bool(values)
        and all(isinstance(value, ARRAY) for value in values)
    )


def _length(part: Any) -> int:
    """Of a tensor, an array or a list; -1 for what has none."""
    if isinstance(part, ARRAY):
        return len(part) if part.ndim else -1
    return len(part) if isinstance(part, list | tuple) else -1


def _as_embeddings(path: Path, error: Unreadable) -> CollapseError:
    """The same error, with the remedy for embeddings."""
    if path.suffix == ".npz":
        return error.wanted_as("numpy embeddings", "save them with numpy.savez")
    hint = "only tensors and plain types are read; save them with torch.save"
    return error.wanted_as("torch embeddings", hint, error.reason.splitlines()[0][:120])
