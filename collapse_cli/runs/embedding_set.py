"""A set of embeddings as a file holds it, by the names of our own files, whatever the file calls them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli import class_labels
from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrays, codes, label_table, labels, plain, reader, shards
from collapse_cli.runs.arrays import BARE, ROWS
from collapse_cli.runs.blocks import Blocks
from collapse_cli.runs.labels import LabelFile
from collapse_cli.runs.members import Part
from collapse_cli.runs.naming import named
from collapse_cli.runs.others.array_names import NAMED
from collapse_cli.runs.remedies import refuse_shape, wanted
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings, Rows, Unpacking

WHOLE = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
QUANTISED = "type of a quantised tensor"  # the name of a fact about the file, beside its arrays
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Stored:
    """A set of embeddings as a file holds it: rows (N,D) by space, labels (N,) or None, index (N,).

    classes: what the classes are called, by label; where the file has no names for them, the labels as text; stored: the type
    of h in the file.
    """

    spaces: Mapping[str, Rows]
    labels: Tensor | None
    index: Tensor
    classes: tuple[str, ...]
    source: str
    stored: str

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
        label_entries = {} if table.labels is None else {"labels": table.labels, "classes": table.classes}
        return {**rows, **label_entries}, table.assumed
    if source.part or path.suffix == ".npy":
        return {ROWS: source.content} | _labels_of(source.part), source.content.assumed
    entries, assumed = named(arrays.read(source), path, source.column)
    written = _as_written(source.content)
    if isinstance(written, Tensor) and written.is_quantized:
        entries[QUANTISED] = _type(written)
    return entries, (*assumed, *plain.sentences(written))


def _labels_of(part: Part | None) -> dict[str, Any]:
    """The labels in the files that stand beside the rows of a folder; empty where there are none."""
    if part is None or not part.labels:
        return {}
    return {"labels": numpy.concatenate([reader.array(file) for file in part.labels])}


def _as_written(content: Any) -> Any:
    """The rows of a file before they were made plain, as far as they stand in one place; else nothing."""
    if not isinstance(content, Mapping):
        return content
    rows = [value for name, value in content.items() if name == ROWS or NAMED.search(str(name))]
    return rows[0] if len(rows) == 1 else None


def stored(
    entries: Mapping[str, Any],
    prefix: str,
    path: Path,
    beside: LabelFile | None = None,
    unpack: Unpacking = "none",
) -> Stored:
    """One set: the clean one, or that of a view by its prefix."""
    names = {"h": f"{prefix}{ROWS}", "z": f"{prefix}projections"}
    spaces = {space: _rows(entries[name], name, path) for space, name in names.items() if name in entries}
    count = spaces["h"].shape[0]
    if "z" in spaces and spaces["z"].shape[0] != count:
        raise CollapseError(
            f"{path}: {names['z']} has {spaces['z'].shape[0]} rows, not {count}",
            "it needs one row for each image",
        )
    index = _column(entries, f"{prefix}index", count, path)
    label_numbers, classes = (
        _labels_beside(beside, count) if beside else _labels(entries, f"{prefix}labels", count, path)
    )
    source = text(entries.get("source", "")) or path.absolute().name
    numbers = {space: _numbers(rows, entries, path, unpack) for space, rows in spaces.items()}
    return Stored(
        numbers,
        label_numbers,
        torch.arange(count) if index is None else index,
        classes,
        source,
        entries.get(QUANTISED) or _type(spaces["h"]),
    )


def text(value: Any) -> str:
    """What a file holds as text, alone or as an array of one word; empty for all else."""
    word = value.item() if isinstance(value, numpy.ndarray) and value.size == 1 else value
    return word if isinstance(word, str) else ""


def _labels_beside(beside: LabelFile, count: int) -> tuple[Tensor, tuple[str, ...]]:
    """Labels of a file of any kind that images have them in, too."""
    path = beside.path.expanduser()
    if path.suffix in labels.KINDS:
        return labels.read(path, count, column=beside.column)
    values = label_table.joined(path, beside.column, (), count, "the input", "embeddings").values
    numbers, classes = class_labels.numbered(values, str(path))
    return torch.tensor(numbers, dtype=torch.int64), classes


def _labels(
    entries: Mapping[str, Any], name: str, count: int, path: Path
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels (N,), and the names of the classes, which may stand in their place.

    Labels of a file without names are names themselves: they are numbered 0 to C-1 in their order.
    """
    if name not in entries:
        return None, ()
    classes = tuple(str(label) for label in numpy.asarray(entries.get("classes", ())).tolist())
    if isinstance(entries[name], Tensor) and classes:
        return _column(entries, name, count, path), classes
    if isinstance(entries[name], Tensor):
        _column(entries, name, count, path)  # refused as what it is
    numbers, classes = labels.numbered(entries[name], f"{name} of {path}")
    return _column({name: numbers}, name, count, path), classes


def _column(entries: Mapping[str, Any], name: str, count: int, path: Path) -> Tensor | None:
    """Whole numbers (N,), or None where there is no such array."""
    if name not in entries:
        return None
    array = entries[name]
    if not isinstance(array, Tensor) or array.dtype not in WHOLE or array.shape != (count,):
        raise CollapseError(
            f"{name} of {path} is {_kind(array)}", f"it must be whole numbers of shape ({count},)"
        )
    return array.long()


def _rows(array: Any, name: str, path: Path) -> Rows:
    """Rows (N,D) of real numbers, as the file has them."""
    if isinstance(array, shards.Shards | Blocks):
        return array
    if isinstance(array, Tensor):
        refuse_shape(array.shape, _type(array), f"{name} of {path}", path, name)
    if (
        not isinstance(array, Tensor)
        or array.ndim != 2
        or not array.shape[1]
        or array.dtype not in (*WHOLE, *FLOATS, torch.bool)
    ):
        raise CollapseError(
            f"{name} of {path} is {_kind(array)}",
            wanted(_type(array) if isinstance(array, Tensor) else "", path),
        )
    return array


def _numbers(rows: Rows, entries: Mapping[str, Any], path: Path, unpack: Unpacking) -> Rows:
    """The same of a float type; whole numbers unpacked, where that is asked for."""
    kind = _type(rows)
    if unpack != "none" and codes.is_whole(kind):
        return codes.unpacked(rows, kind, unpack, entries, path)
    return rows.float() if isinstance(rows, Tensor) and not rows.is_floating_point() else rows


def _type(rows: Any) -> str:
    """The name of the type that numbers have in the file."""
    return rows.stored.name if isinstance(rows, shards.Shards) else str(rows.dtype).removeprefix("torch.")


def _float(rows: Tensor) -> Tensor:
    return rows if rows.dtype == torch.float64 else rows.float()


def _kind(array: Any) -> str:
    if not hasattr(array, "shape"):
        return f"a {type(array).__name__}"
    return f"{str(array.dtype).removeprefix('torch.')} of shape {tuple(array.shape)}"
