"""Codes in a file: an array of whole numbers, columns of a table, or lists of them, one for each row, of any length."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.printable import quoted
from collapse_cli.runs import arrays, label_columns, labels, packed, reader
from collapse_cli.runs.cells import is_number
from collapse_cli.runs.file_names import Names

ARRAYS, TEXTS = (".npz", ".pt", ".pth", ".safetensors"), (".txt", ".km")
SHEETS, LINES, PARQUET = (".csv", ".tsv"), (".jsonl", ".ndjson"), (".parquet", ".pq")
KINDS = (".npy", *ARRAYS, *SHEETS, *TEXTS, *LINES, *PARQUET)
USUAL = ("codes", "code", "indices", "encoding_indices", "tokens", "token_ids", "units", "ids")
"""What codes are called where others stand beside them, the likeliest first."""


def read(path: Path, column: str = "") -> Any:
    """A numpy array or tensor of any type and shape, mapped where it can be, or a list of lists of unequal lengths.

    column: the array or the column that is meant, or several with commas between them. Raises CollapseError for what cannot be
    read, and where it is not clear which are the codes.
    """
    kind = packed.suffix(path)
    if kind not in KINDS or packed.packed(path):
        raise CollapseError(
            f"{path}: codes are not read from a file of this type", f"give a file of type {', '.join(KINDS)}"
        )
    if kind == ".npy":
        return _alone(path, column, lambda: _mapped(path))
    if kind in TEXTS:
        return _alone(path, column, lambda: [_numbers(line, path, n) for n, line in _filled(path)])
    if kind in ARRAYS:
        return _chosen(path, arrays.read(path), column)
    if kind in SHEETS:
        return _sheet(path, column)
    if kind in LINES:
        return _lines(path, column)
    return _columns(path, label_columns.columns(path, Names([]), ""), column)


def _alone(path: Path, column: str, content: Any) -> Any:
    if column:
        raise CollapseError(
            f"{path} has no columns, so --column {column} names nothing", "leave out --column"
        )
    return content()


def _mapped(path: Path) -> numpy.ndarray:
    try:
        return reader.mapped(path)
    except reader.Unreadable as error:
        raise error.wanted_as("codes", "save them with numpy.save") from None


def _chosen(path: Path, entries: Mapping[str, Any], column: str) -> Any:
    """The one that is named, the only one, or the one that is called as codes are. Several names are columns side by side."""
    names = [name.strip() for name in column.split(",")] if column else []
    for name in names:
        if name not in entries:
            raise CollapseError(
                f"{path} has no '{name}', only {_listed(entries)}", nearest(name, list(entries))
            )
    if len(names) > 1:
        return _together(path, {name: entries[name] for name in names})
    usual = [name for name in USUAL if name in {other.lower() for other in entries}]
    by_small = {name.lower(): name for name in reversed(list(entries))}
    name = (
        names[0]
        if names
        else by_small[usual[0]]
        if usual
        else next(iter(entries))
        if len(entries) == 1
        else ""
    )
    if not name:
        offered, several = quoted(next(iter(entries), "NAME")), quoted(",".join(list(entries)[:12]))
        raise CollapseError(
            f"{path}: it is not clear which of {_listed(entries)} are the codes",
            f"name the column: --column {offered}; of columns that are levels, all: --column {several} --levels",
        )
    return entries[name]


def _listed(entries: Mapping[str, Any]) -> str:
    return ", ".join(list(entries)[:12]) or "nothing"


def _together(path: Path, parts: Mapping[str, Any]) -> numpy.ndarray:
    """Columns (N,) as one array (N,Q)."""
    values = [numpy.asarray(part) for part in parts.values()]
    if any(part.ndim != 1 for part in values) or len({len(part) for part in values}) != 1:
        raise CollapseError(f"{path}: {_listed(parts)} are not columns of one length", "name one of them")
    return numpy.stack(values, axis=1)


def _filled(path: Path) -> list[tuple[int, str]]:
    """Number and text of the lines that are not empty."""
    return [(n, line) for n, line in enumerate(labels.text_lines(path), 1) if line.strip()]


def _numbers(line: str, path: Path, n: int) -> numpy.ndarray:
    """Whole or other numbers between blanks or commas, in brackets or not."""
    words = re.split(r"[\s,]+", line.strip().strip("[]()").strip())
    wrong = next((word for word in words if not is_number(word)), None)
    if wrong is not None:
        raise CollapseError(
            f"{path}, line {n}: '{wrong[:40]}' is not a code",
            "codes are whole numbers with blanks between them",
        )
    return _array(words)


def _array(words: Sequence[str]) -> numpy.ndarray:
    """Words that are numbers; whole ones without a detour through fractions, which are exact below 2^53 alone."""
    try:
        return numpy.array([int(word) for word in words], dtype=numpy.int64)
    except (ValueError, OverflowError):
        return numpy.array([float(word) for word in words])


def _sheet(path: Path, column: str) -> Any:
    """A .csv or .tsv, with a heading if its first line has words: columns by name, else all its cells."""
    lines = _filled(path)
    if not lines:
        return []
    between = labels.delimiter(path, [text for _, text in lines])
    rows = [row for row in csv.reader((f"{text}\n" for _, text in lines), delimiter=between or ",") if row]
    first = [cell.strip() for cell in rows[0]]
    if all(is_number(cell) or not cell for cell in first) or any(cell.startswith("[") for cell in first):
        return _alone(
            path, column, lambda: [_numbers(" ".join(row), path, n) for n, row in enumerate(rows, 1)]
        )
    table = {
        name: [row[place] if place < len(row) else "" for row in rows[1:]] for place, name in enumerate(first)
    }
    return _columns(path, table, column)


def _lines(path: Path, column: str) -> Any:
    """A .jsonl of objects, of lists, or of numbers."""
    rows: list[Any] = []
    for n, line in _filled(path):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            raise CollapseError(
                f"{path}, line {n} is not JSON", 'write {"codes": [1, 2]} or [1, 2] on each line'
            ) from None
    if rows and all(isinstance(row, dict) for row in rows):
        heading = dict.fromkeys(name for row in rows for name in row)
        return _columns(path, {name: [row.get(name) for row in rows] for name in heading}, column)
    return _alone(path, column, lambda: rows)


def _columns(path: Path, table: Mapping[str, Sequence[Any]], column: str) -> Any:
    """The chosen columns of a table; cells of text are read as numbers or as lists of them."""
    names = [name.strip() for name in column.split(",")] if column else list(table)
    read = {name: _cells(path, name, table[name]) if name in table else None for name in names}
    known = {name: cells for name, cells in read.items() if cells is not None}
    return _chosen(path, known if not column else {**table, **known}, column)


def _cells(path: Path, name: str, cells: Sequence[Any]) -> Any:
    """Numbers, or lists of them, in the cells of a column; None where its first cell is neither."""
    first = next((cell for cell in cells if cell is not None and cell != ""), None)
    if not isinstance(first, str):
        return (
            None
            if first is None
            else cells
            if isinstance(first, list | tuple)
            else _values(path, name, cells)
        )
    if not first.startswith("[") and not is_number(first.split()[0]):
        return None
    rows = [_numbers(cell, path, n) for n, cell in enumerate(cells, 2)]
    return rows if first.startswith("[") or any(len(row) > 1 for row in rows) else numpy.concatenate(rows)


def _values(path: Path, name: str, cells: Sequence[Any]) -> numpy.ndarray:
    if any(cell is None for cell in cells):
        raise CollapseError(
            f"{path}: column {name} has an empty cell", "leave out the row, or give it a code for --ignore"
        )
    return numpy.asarray(cells)
