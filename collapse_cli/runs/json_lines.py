"""Embeddings in lines of JSON, .jsonl or .ndjson: on each line an object with a list of numbers, or one for each dimension."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import torch
from pyarrow import json as arrow_json

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_columns, packed, reader
from collapse_cli.runs.arrow_columns import Matrix, Uneven
from collapse_cli.runs.cells import brief
from collapse_cli.runs.columns import Choice, choose
from collapse_cli.runs.families import ByName, Column
from collapse_cli.runs.table import Table, table

LOOKED_AT = 100  # lines by which it is told what a column holds
BLOCK = 4 << 20  # bytes that are read at once; a longer line needs more
HINT = 'a line must read {"id": 7, "embedding": [0.1, 0.2]}'
DOUBLES = pyarrow.list_(pyarrow.float64())


@dataclass(frozen=True)
class LinesLayout:
    """What the first lines tell: the columns, the type of a label in each, the letters of the longest line."""

    path: Path
    columns: tuple[Column, ...]
    labels: tuple[pyarrow.DataType, ...]
    longest: int

    def batches(self, places: Sequence[int], label: int | None = None) -> Iterator[pyarrow.RecordBatch]:
        """Some columns; dimensions are doubles, also where the first lines hold whole numbers only."""
        types = {"number": pyarrow.float64(), "list": DOUBLES, "other": pyarrow.string()}
        kinds = [self.labels[p] if p == label else types[self.columns[p].kind] for p in places]
        names = [self.columns[place].name for place in places]
        schema = pyarrow.schema(list(zip(names, kinds, strict=True)))
        with packed.content(self.path) as opened:
            batches = arrow_json.open_json(
                opened,
                arrow_json.ReadOptions(block_size=max(BLOCK, 4 * self.longest)),
                arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
            )
            with batches:  # it reads ahead, and is to stop where the rows are not wanted any more
                yield from batches

    def ragged(self, place: int) -> bool:
        """Whether the lists of a column are of several lengths, or a line has none."""
        name = self.columns[place].name
        try:
            return len({arrow_columns.width(part.column(0), name) for part in self.batches([place])}) > 1
        except (pyarrow.ArrowException, Uneven):
            return True


def read(path: Path, selector: str = "") -> Table:
    """Rows (N,D) float64. selector: --column. Raises CollapseError, with the line, for what is no JSON or has another length."""
    layout = _laid_out(path)
    choice = choose(layout.columns, selector, path, layout.ragged)
    parts: dict[str, list[Matrix]] = {space: [] for space in choice.spaces}
    labels: list[Any] = []
    try:
        _read(layout, choice, parts, labels)
    except (pyarrow.ArrowException, Uneven) as error:
        raise _unreadable(layout, choice, error) from None
    rows = {space: torch.from_numpy(numpy.concatenate(matrices)) for space, matrices in parts.items()}
    name = "" if choice.label is None else layout.columns[choice.label].name
    return table(path, choice, rows, name, labels)


def by_name(path: Path) -> ByName:
    """Every field. Raises CollapseError for values of several types."""
    layout = _laid_out(path)
    names = [column.name for column in layout.columns]

    def read_column(name: str) -> list[Any]:
        place = names.index(name)
        try:
            return [
                cell for batch in layout.batches([place], place) for cell in batch.column(name).to_pylist()
            ]
        except pyarrow.ArrowException as error:
            raise _unreadable(layout, Choice({}, place, "", ()), error) from None

    return ByName(names, read_column)


def _unreadable(layout: LinesLayout, choice: Choice, error: Exception) -> CollapseError:
    """The first mistake by its line, or what the reader says."""
    reason = str(error).splitlines()[0][:120]
    unread = CollapseError(f"{layout.path} cannot be read as lines of JSON ({reason})", HINT)
    return _mistake(layout, choice) or unread


def _read(layout: LinesLayout, choice: Choice, parts: dict[str, list[Matrix]], labels: list[Any]) -> None:
    """All rows, by space, and all labels, block by block."""
    held, widths, columns = 0, dict.fromkeys(parts, 0), layout.columns
    for batch in layout.batches(choice.taken, choice.label):
        for space, places in choice.spaces.items():
            batch_columns = [batch.column(columns[place].name) for place in places]
            if columns[places[0]].kind == "list":
                widths[space] = widths[space] or arrow_columns.width(batch_columns[0], space)
                parts[space].append(arrow_columns.lists(batch_columns[0], space, widths[space]))
            else:
                parts[space].append(arrow_columns.side_by_side(batch_columns, numpy.dtype("float64")))
            held += parts[space][-1].nbytes
        reader.refuse_too_large(layout.path, held)
        if choice.label is not None:
            labels += batch.column(columns[choice.label].name).to_pylist()


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Where every line stands that is not empty, and its text."""
    with packed.lines(path) as text:
        yield from ((f"{path}, line {number}", line) for number, line in enumerate(text, 1) if line.strip())


def _laid_out(path: Path) -> LinesLayout:
    lines = list(islice(_lines(path), LOOKED_AT))
    if not lines:
        raise CollapseError(f"{path} is empty", HINT)
    first = [_object(line, where) for where, line in lines]
    names = list(dict.fromkeys(name for line in first for name in line))
    seen = [[line[name] for line in first if line.get(name) is not None] for name in names]
    columns = tuple(_column(name, values) for name, values in zip(names, seen, strict=True))
    return LinesLayout(
        path, columns, tuple(_label(values) for values in seen), max(len(line) for _, line in lines)
    )


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise CollapseError(f"{where} is not JSON: {brief(line.strip())!r}", HINT) from None
    if not isinstance(record, dict):
        raise CollapseError(f"{where} is not an object but a {type(record).__name__}", HINT)
    return record


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _column(name: str, seen: Sequence[Any]) -> Column:
    """By its first value that is not null: a later one of another kind is an error."""
    value = seen[0] if seen else None
    if _is_number(value):
        whole = all(isinstance(number, int) for number in seen)
        return Column(name, "number", whole, classes=whole)
    if isinstance(value, list) and value and all(number is None or _is_number(number) for number in value):
        return Column(name, "list", whole=all(isinstance(number, int) for number in value))
    return Column(name, "other", classes=isinstance(value, str | bool))


def _label(seen: Sequence[Any]) -> pyarrow.DataType:
    value = seen[0] if seen else None
    if isinstance(value, bool):
        return pyarrow.bool_()
    if _is_number(value):
        return pyarrow.int64() if all(isinstance(number, int) for number in seen) else pyarrow.float64()
    return pyarrow.string()


def _mistake(layout: LinesLayout, choice: Choice) -> CollapseError | None:
    """The first line that is no object or lacks its numbers, by its number; None where all are as they should be."""
    widths: dict[str, int] = {}
    columns = [layout.columns[place] for places in choice.spaces.values() for place in places]
    for where, line in _lines(layout.path):
        try:
            _check(_object(line, where), columns, widths, where)
        except CollapseError as error:
            return error
    return None


def _check(record: dict[str, Any], columns: Sequence[Column], widths: dict[str, int], where: str) -> None:
    """One line. widths: length of the first list of each column, filled here."""
    for column in columns:
        value = record.get(column.name)
        if column.kind == "number":
            if not (value is None or _is_number(value)):
                raise CollapseError(f"{where}: {column.name} is {brief(repr(value))}, not a number", HINT)
            continue
        if not isinstance(value, list) or not all(number is None or _is_number(number) for number in value):
            problem = (
                "has no list" if value is None else f"contains {brief(repr(value))} and no list of numbers"
            )
            raise CollapseError(f"{where} {problem} in {column.name}", HINT)
        if len(value) != widths.setdefault(column.name, len(value)):
            first = widths[column.name]
            raise CollapseError(
                f"{where}: {column.name} contains {len(value)} numbers, but that of the first line {first}",
                "every row needs the same number D of them",
            )
