"""Embeddings in HDF5: one data set of two dimensions, read in parts. Needs the package h5py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from collapse_cli.class_labels import COLUMNS
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs import blocks, reader
from collapse_cli.runs.columns import TELLS
from collapse_cli.runs.families import COUNTS, ByName, brief
from collapse_cli.runs.shards import fits, float_of
from collapse_cli.runs.table import Table, labelled

PART = 64 << 20  # bytes that are read at once, at most


def read(path: Path, selector: str = "") -> Table:
    """selector: --column, the name of a data set. Data sets that lie in other files are not followed.

    Raises CollapseError without h5py, for what is no HDF5, and where it is not clear which data set are the rows.
    """
    return _table(path, _opened(path), selector)


def by_name(path: Path) -> ByName:
    """Every data set of one dimension, by its path."""
    sets = {name: item for name, item in _opened(path).items() if item.shape and len(item.shape) == 1}
    return ByName(list(sets), lambda name: _cells(path, sets[name]))


def _opened(path: Path) -> dict[str, Any]:
    """Every data set of a file by its path."""
    try:
        import h5py
    except ImportError:
        raise CollapseError(
            f"{path}: HDF5 is read by the package h5py", "pip install 'collapse-cli[hdf5]'"
        ) from None
    try:
        reader.size(path)
        file = h5py.File(path, "r")
        return _sets(file, h5py.Dataset)
    except reader.Unreadable as error:
        raise error.wanted_as("HDF5", "write the file again") from None
    except Exception as error:  # a damaged file may fail in any way
        raise CollapseError(
            f"{path} cannot be read as HDF5 ({next(iter(str(error).splitlines()), '')[:120]})",
            "write the file again",
        ) from None


def _sets(file: Any, kind: Any) -> dict[str, Any]:
    """Every data set of this file by its path, without those whose numbers lie in other files."""
    sets: dict[str, Any] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, kind) and not item.external and not item.is_virtual:
            sets[name] = item

    file.visititems(keep)
    return sets


def _table(path: Path, sets: Mapping[str, Any], selector: str) -> Table:
    name = _chosen(path, sets, selector)
    rows = sets[name]
    count, width = rows.shape
    line = width * rows.dtype.itemsize
    reader.refuse_too_large(path, max(line, _chunk(rows)))
    _refuse_unwritten(path, rows)
    step = max(1, PART // line)
    lengths = [min(step, count - start) for start in range(0, count, step)]

    def part(number: int) -> numpy.ndarray[Any, Any]:
        try:
            values: numpy.ndarray[Any, Any] = rows[number * step : (number + 1) * step]
        except Exception as error:  # so may a damaged chunk
            raise _unreadable(path, name, error) from None
        return values

    held = blocks.rows(path, lengths, width, float_of(rows.dtype), part)
    label = next(
        (other for word in COLUMNS for other in sets if other.lower() == word and other != name), None
    )
    labels, classes = _labels(path, sets[label], label, count) if label else (None, ())
    aside = tuple(other for other in sets if other not in (name, label if labels is not None else None))
    description = f"the data set {name}" if len(sets) > 1 or selector else ""
    return Table({"rows": held}, labels, classes, aside, description)


def _chosen(path: Path, sets: Mapping[str, Any], selector: str) -> str:
    """The only data set of rows, or the only one of several whose name says that it is an embedding."""
    shapes = {name: f"{name} {tuple(item.shape)}" for name, item in sets.items() if item.shape is not None}
    candidates = [
        name for name in shapes if fits(sets[name].dtype, sets[name].shape) and not COUNTS.fullmatch(name)
    ]
    if selector and selector.strip("/") in candidates:
        return selector.strip("/")
    if selector:
        raise CollapseError(
            f"{path} has no data set '{selector}' of shape (N, D)",
            nearest(selector, candidates) if candidates else "leave out --column",
        )
    telling = [name for name in candidates if TELLS.search(name)]
    candidates = telling if len(telling) == 1 else candidates
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise CollapseError(
            f"{path} contains several data sets of embeddings: {brief([shapes[name] for name in candidates])}",
            "add " + " or ".join(f"--column {name}" for name in candidates[:4]),
        )
    raise CollapseError(
        f"{path} contains no data set of shape (N, D): {brief(list(shapes.values())) or 'no data set'}",
        "save the embeddings as a data set: file.create_dataset('embeddings', data=rows)",
    )


def _chunk(rows: Any) -> int:
    """Bytes of one chunk, which is unpacked as a whole."""
    values = 1
    for length in rows.chunks or ():
        values *= int(length)
    return values * int(rows.dtype.itemsize)


def _refuse_unwritten(path: Path, rows: Any) -> None:
    """Raises CollapseError for a data set, part of which was never written: HDF5 reads zeros there."""
    chunks = rows.chunks
    if rows.size and chunks is None and not rows.id.get_storage_size():
        written, expected = 0, 1
    elif chunks is None:
        return
    else:
        written = rows.id.get_num_chunks()
        expected = math.prod(-(-size // chunk) for size, chunk in zip(rows.shape, chunks, strict=True))
    if written < expected:
        raise CollapseError(
            f"{path}, {rows.name.strip('/')} has the shape {rows.shape}, but only {written:,} of its {expected:,} parts were "
            "written",
            "write the file again, with all of its embeddings",
        )


def _unreadable(path: Path, name: str, error: Exception) -> CollapseError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)[:120]
    return CollapseError(f"{path}, {name} cannot be read ({reason})", "write the file again")


def _labels(path: Path, column: Any, name: str, count: int) -> tuple[Any, tuple[str, ...]]:
    """Labels, where there is one for each row."""
    if column.shape != (count,) or column.dtype.kind not in "iuOS":
        return None, ()
    return labelled(_cells(path, column), path, name)


def _cells(path: Path, column: Any) -> list[Any]:
    """A data set (N,) in memory, its words as text."""
    reader.refuse_too_large(path, 8 * len(column))
    _refuse_unwritten(path, column)
    try:
        values = column[:].tolist()
    except Exception as error:  # text lies elsewhere in the file, and where is damaged
        raise _unreadable(path, column.name.strip("/"), error) from None
    return [cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in values]
