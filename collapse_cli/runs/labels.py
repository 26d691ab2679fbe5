"""Labels of rows: a file beside the embeddings, or a column among them; whole numbers or names -> classes."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrays, reader

HEADINGS = ("label", "labels")
COLUMNS = (*HEADINGS, "class", "class_name", "class_label", "class_id", "target", "targets", "category")
"""Names, in small letters, of a column of a table that may hold labels; the first two always do."""

KINDS = (".npy", ".npz", ".pt", ".pth", ".csv", ".tsv", ".txt")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": ""}
WHOLE = re.compile(r"[+-]?\d+")


def read(path: Path, count: int, what: str = "labels") -> tuple[Tensor, tuple[str, ...]]:
    """Labels (N,) int64 in [0, C) and the names of the C classes, of a file with one for each of N = `count` rows.

    what: labels, or groups, whose heading may be any word.
    Raises CollapseError for what cannot be read, is no list of whole numbers or names, or of another length.
    """
    if path.suffix not in KINDS:
        raise CollapseError(
            f"--{what} {path}: {what} are not read from a file of this type",
            f"give a file of type {', '.join(KINDS)}",
        )
    values = _lines(path, what) if path.suffix in DELIMITERS else _array(path, what)
    if what != HEADINGS[1] and len(values) == count + 1 and isinstance(values, list):
        values = values[1:]
    if len(values) != count:
        heading = "; a heading must read `label`" if what == HEADINGS[1] else ""
        raise CollapseError(
            f"{path} contains {len(values):,} {what}, but there are {count:,} embeddings",
            f"give one {what[:-1]} for each embedding{heading}",
        )
    return numbered(values, str(path), what)


def numbered(
    values: Sequence[Any] | numpy.ndarray | Tensor, name: str, what: str = "labels"
) -> tuple[Tensor, tuple[str, ...]]:
    """Whole numbers or names (N,) -> labels (N,) int64 in [0, C), and the C names in order. Raises CollapseError for others."""
    array = numpy.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iuU":
        raise CollapseError(
            f"{name} is {array.dtype} of shape {array.shape}",
            f"{what} must be whole numbers or names of shape (N,)",
        )
    names, labels = numpy.unique(array, return_inverse=True)
    return torch.from_numpy(labels.astype("int64")), tuple(str(class_name) for class_name in names)


def _names(what: str) -> tuple[str, ...]:
    """What a column or an array of them is called, in small letters."""
    return COLUMNS if what == HEADINGS[1] else (what, what[:-1])


def _lines(path: Path, what: str) -> list[str] | list[int]:
    """One label on each line; whole numbers where all are."""
    try:
        reader.refuse_too_large(path, reader.size(path))
        lines = path.read_text("utf-8-sig").splitlines()
    except reader.Unreadable as error:
        raise error.wanted_as("text", "save the file as UTF-8") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CollapseError(f"{path} cannot be read as text ({error})", "save the file as UTF-8") from None
    words = _column(lines, path, what) or [line.strip().strip('"') for line in lines]
    while words and not words[-1]:
        words.pop()
    if words and words[0].lower() in HEADINGS:
        del words[0]
    if "" in words:
        raise CollapseError(
            f"{path}: {what[:-1]} {words.index('') + 1} of {len(words)} is empty",
            f"give one {what[:-1]} on each line",
        )
    return [int(word) for word in words] if all(WHOLE.fullmatch(word) for word in words) else words


def _column(lines: Sequence[str], path: Path, what: str) -> list[str]:
    """The labels among several columns, as a heading names them; nothing where there is one column.

    Raises CollapseError for columns between tabs, none of which is named as labels are.
    """
    delimiter = DELIMITERS[path.suffix]
    heading = next(csv.reader(lines[:1], delimiter=delimiter), []) if delimiter else []
    words = [cell.strip().lower() for cell in heading]
    place = next((words.index(name) for name in _names(what) if name in words), None)
    if len(words) < 2 or (place is None and path.suffix == ".csv"):  # a name may hold commas
        return []
    if place is None:
        raise CollapseError(
            f"{path}: none of the columns {', '.join(heading[:8])} is called {what[:-1]}",
            f"give the column of {what} that name, or save it alone",
        )
    rows = [row for row in csv.reader(lines[1:], delimiter=delimiter) if row]
    return [row[place].strip() if place < len(row) else "" for row in rows]


def _array(path: Path, what: str) -> Any:
    """The only array of a file, or the one that is called labels, or groups."""
    if path.suffix == ".npy":
        try:
            return reader.array(path)
        except reader.Unreadable as error:
            raise error.wanted_as(what, "save them with numpy.save") from None
    entries = arrays.read(path)
    name = next(
        (name for name in _names(what)[:2] if name in entries),
        "" if len(entries) != 1 else next(iter(entries)),
    )
    if not name:
        raise CollapseError(
            f"{path} has no array '{what}', only {', '.join(entries)}",
            f"name the array {what}, or save it alone",
        )
    return entries[name]
