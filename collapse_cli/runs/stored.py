"""A set of embeddings as a file holds it, by the names of our own files, whatever the file calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs import arrays, labels, shards
from collapse_cli.runs.arrays import BARE, ROWS
from collapse_cli.runs.blocks import Blocks
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings, Rows

WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Stored:
    """A set of embeddings as a file holds it: rows (N,D) by space, labels (N,) or None, index (N,).

    classes: what the classes are called, by label; where the file has no names for them, the labels as text.
    """

    spaces: Mapping[str, Rows]
    labels: Tensor | None
    index: Tensor
    classes: tuple[str, ...]
    source: str

    def numbered_as(self, other: Stored) -> Stored:
        """The same, with the labels that another set of the same file has for the same names; new names come last."""
        if self.labels is None or self.classes == other.classes:
            return self
        classes = tuple(dict.fromkeys((*other.classes, *self.classes)))
        places = {name: number for number, name in enumerate(classes)}
        numbers = torch.tensor([places[name] for name in self.classes], dtype=torch.int64)  # (C,)
        return replace(self, labels=numbers[self.labels], classes=classes)

    def held(self, chosen: Tensor) -> Embeddings:
        """The chosen (n,) rows in memory, float64 where the file has that, else float32."""
        rows = {name: _float(rows[chosen]) for name, rows in self.spaces.items()}
        labels = None if self.labels is None else self.labels[chosen]
        return Embeddings(rows["h"], rows.get("z"), labels, self.index[chosen], self.classes, self.source)


def content(source: Source) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What a file holds by the names of our own files, and what was assumed of it."""
    path = source.path
    if source.is_table:
        table = source.content
        rows = {ROWS if name == BARE else name: values for name, values in table.rows.items()}
        own = {} if table.labels is None else {"labels": table.labels, "classes": table.classes}
        return {**rows, **own}, table.assumed
    if path.is_dir() or path.suffix == ".npy":
        return {ROWS: source.content}, ()
    return _named(_only(arrays.read(source), source.column, path), path)


def _only(found: Mapping[str, Any], wanted: str, path: Path) -> dict[str, Any]:
    """Without the other arrays of rows (N,D) where --column names one."""
    rows = [name for name, array in found.items() if len(getattr(array, "shape", ())) == 2]
    if wanted and wanted not in rows:
        raise CollapseError(f"{path} has no array '{wanted}' of shape (N, D)", nearest(wanted, rows))
    return {name: array for name, array in found.items() if not wanted or name == wanted or name not in rows}


def _named(found: Mapping[str, Any], path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The same, with the only array of rows called as our own files call it. Raises CollapseError where it is not the only."""
    if ROWS in found:
        return dict(found), ()
    shapes = {name: tuple(array.shape) for name, array in found.items() if hasattr(array, "shape")}
    rows = [name for name, shape in shapes.items() if len(shape) == 2]
    if len(rows) == 1 or (len(found) == 1 and shapes):
        (name,) = rows or found
        return {ROWS if other == name else other: array for other, array in found.items()}, (
            () if name == BARE else (f"rows: the array {name}",)
        )
    said = ", ".join(f"{name} {shape}" for name, shape in shapes.items()) or "no array"
    if rows:
        raise CollapseError(
            f"{path} holds several arrays of rows: {said}",
            f"add {' or '.join(f'--column {name}' for name in rows[:4])}; or call the one to measure {ROWS}",
        )
    raise CollapseError(
        f"{path} holds no rows of shape (N, D): {said}", f"save them as an array called {ROWS}"
    )


def stored(found: Mapping[str, Any], prefix: str, path: Path, beside: Path | None = None) -> Stored:
    """One set: the clean one, or that of a view by its prefix."""
    named = {"h": f"{prefix}{ROWS}", "z": f"{prefix}projections"}
    spaces = {space: _rows(found[name], name, path) for space, name in named.items() if name in found}
    count = spaces["h"].shape[0]
    if "z" in spaces and spaces["z"].shape[0] != count:
        raise CollapseError(
            f"{path}: {named['z']} has {spaces['z'].shape[0]} rows, not {count}", "one for each image"
        )
    index = _column(found, f"{prefix}index", count, path)
    own, classes = labels.read(beside, count) if beside else _labels(found, f"{prefix}labels", count, path)
    source = str(found.get("source", "")) or path.absolute().name
    return Stored(spaces, own, torch.arange(count) if index is None else index, classes, source)


def _labels(
    found: Mapping[str, Any], name: str, count: int, path: Path
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels (N,), and the names of the classes, which may stand in their place.

    Labels of a file without names are names themselves: they are numbered 0 to C-1 in their order.
    """
    if name not in found:
        return None, ()
    classes = tuple(str(label) for label in numpy.asarray(found.get("classes", ())).tolist())
    if isinstance(found[name], Tensor) and classes:
        return _column(found, name, count, path), classes
    if isinstance(found[name], Tensor):
        _column(found, name, count, path)  # refused as what it is
    numbers, classes = labels.numbered(found[name], f"{name} of {path}")
    return _column({name: numbers}, name, count, path), classes


def _column(found: Mapping[str, Any], name: str, count: int, path: Path) -> Tensor | None:
    """Whole numbers (N,), or None where there is no such array."""
    if name not in found:
        return None
    array = found[name]
    if not isinstance(array, Tensor) or array.dtype not in WHOLE or array.shape != (count,):
        raise CollapseError(
            f"{name} of {path} is {_kind(array)}", f"whole numbers of shape ({count},) are needed"
        )
    return array.long()


def _rows(array: Any, name: str, path: Path) -> Rows:
    """Rows (N,D) of a float type."""
    if isinstance(array, shards.Shards | Blocks):
        return array
    if (
        not isinstance(array, Tensor)
        or array.ndim != 2
        or not array.shape[1]
        or array.dtype not in (*WHOLE, *FLOATS)
    ):
        raise CollapseError(f"{name} of {path} is {_kind(array)}", "embeddings are numbers of shape (N, D)")
    return array if array.is_floating_point() else array.float()


def _float(rows: Tensor) -> Tensor:
    return rows if rows.dtype == torch.float64 else rows.float()


def _kind(array: Any) -> str:
    if not hasattr(array, "shape"):
        return f"a {type(array).__name__}"
    return f"{str(array.dtype).removeprefix('torch.')} of shape {tuple(array.shape)}"
