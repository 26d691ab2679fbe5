"""Labels of rows: a file beside the embeddings, or a column among them; whole numbers or names -> classes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli import class_labels
from collapse_cli.class_labels import COLUMNS, EXPECTED, HEADINGS
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.printable import quoted
from collapse_cli.runs import arrays, reader, row_order
from collapse_cli.walks import refuse_impossible

KINDS = (".npy", ".npz", ".pt", ".pth", ".csv", ".tsv", ".txt")
DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": ""}
ELSEWHERE = (";", "\t")  # between the cells of a .csv, where a comma means the decimals


@dataclass(frozen=True)
class LabelFile:
    """A file of labels beside embeddings; column: which of its columns or arrays they are, "" where it says so itself."""

    path: Path
    column: str = ""


def read(path: Path, count: int, what: str = "labels", column: str = "") -> tuple[Tensor, tuple[str, ...]]:
    """Labels (N,) int64 in [0, C) and the names of the C classes, of a file with one for each of N = `count` rows.

    what: labels, or groups, whose heading may be any word; column: the heading, or the name of the array, that they have.
    Raises CollapseError for what cannot be read, is no list of whole numbers or names, or of another length.
    """
    values = listed(path, what, column)
    if what != HEADINGS[1] and len(values) == count + 1 and isinstance(values, list):
        values = values[1:]
    if len(values) != count:
        raise _of_another_length(path, values, count, what)
    return numbered(values, str(path), what)


def _of_another_length(path: Path, values: Any, count: int, what: str) -> CollapseError:
    """The error; of a table, whose first line names several columns, with the columns and how one is named."""
    message = f"{path} contains {len(values):,} {what}, but there are {count:,} embeddings"
    hint = f"give one {what[:-1]} for each embedding"
    if what != HEADINGS[1]:
        return CollapseError(message, hint)
    heading: list[str] = []
    if path.suffix == ".csv" and len(values) == count + 1:
        first = str(values[0])
        heading = next(csv.reader([first], delimiter=delimiter(path, [first])), [])
    if len(heading) > 1:
        offered = class_labels.likely(heading) or heading
        return CollapseError(
            f"{path}: it is not clear which of the columns {', '.join(heading[:12])} has the labels",
            f"name it: --label-column {quoted(offered[0])}",
        )
    return CollapseError(message, f"{hint}; a heading must read `label`")


def delimiter(path: Path, lines: Sequence[str]) -> str:
    """What stands between the cells of a file, "" for none: by its ending, and of a .csv by its first line."""
    usual = DELIMITERS[path.suffix]
    first = next(iter(lines), "")
    if path.suffix == ".csv" and usual not in first:
        return next((other for other in ELSEWHERE if other in first), usual)
    return usual


def listed(path: Path, what: str = "labels", column: str = "") -> Any:
    """The values of a file, as it has them. Raises CollapseError for a file of another kind, and for an empty line."""
    refuse_impossible(str(path), f"--{what}")
    if path.suffix not in KINDS:
        raise CollapseError(
            f"--{what} {path}: {what} are not read from a file of this type",
            f"give a file of type {', '.join(KINDS)}",
        )
    return _lines(path, what, column) if path.suffix in DELIMITERS else _array(path, what, column)


def numbered(
    values: Sequence[Any] | numpy.ndarray | Tensor, name: str, what: str = "labels"
) -> tuple[Tensor, tuple[str, ...]]:
    """Whole numbers or names (N,) -> labels (N,) int64 in [0, C), and the C names in order. Raises CollapseError for others."""
    array = numpy.asarray(values)
    if array.ndim == 1 and array.dtype.kind == "O":
        listed_numbers, names = class_labels.numbered(array.tolist(), name, what)
        return torch.tensor(listed_numbers, dtype=torch.int64), names
    if array.ndim != 1 or array.dtype.kind not in "biufU":
        raise CollapseError(
            f"{name} is {array.dtype} of shape {array.shape}", f"{what} must be {EXPECTED} of shape (N,)"
        )
    distinct, places = numpy.unique(array, return_inverse=True, equal_nan=False)
    numbers, names = class_labels.numbered(distinct.tolist(), name, what)
    return torch.tensor(numbers, dtype=torch.int64)[torch.from_numpy(places)], names


def _names(what: str) -> tuple[str, ...]:
    """What a column or an array of them is called, in small letters."""
    return COLUMNS if what == HEADINGS[1] else (what, what[:-1])


def text_lines(path: Path) -> list[str]:
    """The lines of a text file. Raises CollapseError for what is none, and for what is larger than the memory."""
    try:
        reader.refuse_too_large(path, reader.size(path))
        return path.read_text("utf-8-sig").splitlines()
    except reader.Unreadable as error:
        raise error.wanted_as("text", "save the file as UTF-8") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CollapseError(f"{path} cannot be read as text ({error})", "save the file as UTF-8") from None


def _lines(path: Path, what: str, column: str) -> list[str]:
    """One label on each line, or one of several columns."""
    lines = text_lines(path)
    words = _column(lines, path, what, column) or [line.strip().strip('"') for line in lines]
    while words and not words[-1]:
        words.pop()
    if words and words[0].lower() in HEADINGS:
        del words[0]
    if "" in words:
        raise CollapseError(
            f"{path}: {what[:-1]} {words.index('') + 1} of {len(words)} is empty",
            f"give one {what[:-1]} on each line",
        )
    return words


def _column(lines: Sequence[str], path: Path, what: str, column: str) -> list[str]:
    """The labels among several columns, as a heading names them; nothing where there is one column.

    Raises CollapseError for columns between tabs, none of which is named as labels are, and for a column that is not there.
    """
    between = delimiter(path, lines)
    heading = next(csv.reader(lines[:1], delimiter=between or ","), []) if between or column else []
    words = [cell.strip() if column else cell.strip().lower() for cell in heading]
    if column and column not in words:
        raise without_column(path, column, words)
    names = (column,) if column else _names(what)
    place = next((words.index(name) for name in names if name in words), None)
    if not column and (len(words) < 2 or (place is None and path.suffix == ".csv")):  # a name may hold commas
        return []
    if place is None:
        raise CollapseError(
            f"{path}: none of the columns {', '.join(heading[:8])} is called {what[:-1]}",
            f"give the column of {what} that name, or save it alone{_offer(heading) if what == HEADINGS[1] else ''}",
        )
    rows = [row for row in csv.reader((f"{line}\n" for line in lines[1:]), delimiter=between or ",") if row]
    columns = {
        cell.strip(): [row[n].strip() if n < len(row) else "" for row in rows]
        for n, cell in enumerate(heading)
    }
    row_order.refuse_another_order(path, columns, heading[place].strip())
    return [row[place].strip() if place < len(row) else "" for row in rows]


def _offer(heading: Sequence[str]) -> str:
    """The option that names a column, for those of one file that may be labels."""
    offered = class_labels.likely(heading) or list(heading[-1:])
    return f"; or name it: --label-column {quoted(offered[0])}" if offered else ""


def without_column(path: Path, column: str, heading: Sequence[str]) -> CollapseError:
    """The error for a column that a file does not have."""
    return CollapseError(
        f"{path} has no column '{column}'; its columns are: {', '.join(heading[:12]) or 'none'}",
        nearest(column, class_labels.likely(heading) or list(heading[:12])),
    )


def _array(path: Path, what: str, column: str = "") -> Any:
    """The only array of a file, or the one that is called labels, or groups, or as `column` says."""
    if path.suffix == ".npy":
        try:
            return reader.array(path)
        except reader.Unreadable as error:
            raise error.wanted_as(what, "save them with numpy.save") from None
    entries = arrays.read(path)
    if column and column not in entries:
        raise without_column(path, column, list(entries))
    names = (column,) if column else _names(what)[:2]
    name = next((name for name in names if name in entries), "" if len(entries) != 1 else next(iter(entries)))
    if not name:
        offered = class_labels.likely(entries) or list(entries)
        option = f"; or name it: --label-column {quoted(offered[0])}" if what == HEADINGS[1] else ""
        raise CollapseError(
            f"{path} has no array '{what}', only {', '.join(entries)}",
            f"name the array {what}, or save it alone{option}",
        )
    return entries[name]
