"""A table whose columns Arrow reads in parts, a parquet or a file of Arrow, -> rows, labels, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_columns, blocks, reader
from collapse_cli.runs.arrow_columns import Cells
from collapse_cli.runs.columns import Choice, choose
from collapse_cli.runs.families import ByName
from collapse_cli.runs.table import Table, table
from collapse_cli.shapes import Rows


@dataclass(frozen=True)
class Parts:
    """schema: of every part; lengths: rows of each part, none of them 0; load: number of a part, names of columns -> these.

    `load` raises CollapseError where a part does not fit into memory or is damaged.
    """

    path: Path
    schema: pyarrow.Schema
    lengths: Sequence[int]
    load: Callable[[int, list[str]], pyarrow.Table | pyarrow.RecordBatch]

    def column(self, part: int, name: str) -> Cells:
        return self.load(part, [name]).column(name)

    def cells(self, name: str) -> list[Any]:
        """A column of all parts, in memory."""
        reader.refuse_too_large(self.path, 8 * sum(self.lengths))
        return [cell for part in range(len(self.lengths)) for cell in self.column(part, name).to_pylist()]


def read(parts: Parts, selector: str) -> Table:
    """selector: --column. Raises CollapseError where it is not clear which columns are the rows, or they do not fit together."""
    with _text(parts.path):
        return _read(parts, selector)


def by_name(parts: Parts) -> ByName:
    """Raises CollapseError where the names, or the cells of a column that is read, are no text."""

    def read_column(name: str) -> list[Any]:
        with _text(parts.path):
            return parts.cells(name)

    with _text(parts.path):
        return ByName(parts.schema.names, read_column)


@contextmanager
def _text(path: Path) -> Iterator[None]:
    """Raises CollapseError for names of columns, and cells, that are no text."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise CollapseError(
            f"{path} contains text that is not UTF-8 ({error})", "write the file again as UTF-8"
        ) from None


def _read(parts: Parts, selector: str) -> Table:
    choice, names = _chosen(parts, selector), parts.schema.names
    rows = {
        space: _rows(parts, [names[place] for place in places]) for space, places in choice.spaces.items()
    }
    if choice.label is None:
        return table(parts.path, choice, rows)
    label = names[choice.label]
    return table(parts.path, choice, rows, label, parts.cells(label))


def _chosen(parts: Parts, selector: str) -> Choice:
    columns = arrow_columns.described(parts.schema)
    try:
        return choose(columns, selector, parts.path, lambda place: _ragged(parts, columns[place].name))
    except CollapseError as error:
        raise error if selector else _no_rows(parts, error) from None


def _no_rows(parts: Parts, error: CollapseError) -> CollapseError:
    """Of images, and of lists of lists, that is what is said."""
    if arrow_columns.holds_images(parts.schema):
        return CollapseError(
            f"{parts.path} contains images, not embeddings",
            f"give it as the images of a run or a checkpoint: --dataset parquet:{parts.path}",
        )
    nested = arrow_columns.holds_lists_of_lists(parts.schema)
    if nested and all(column.kind != "list" for column in arrow_columns.described(parts.schema)):
        return CollapseError(
            f"{parts.path}: the column {nested} contains lists of lists, such as one vector for each token",
            "pool them to one vector for each row, for example by their mean, and save that",
        )
    return error


def _ragged(parts: Parts, name: str) -> bool:
    """Whether lists differ in length, or a row has none."""
    try:
        return len({arrow_columns.width(parts.column(n, name), name) for n in range(len(parts.lengths))}) > 1
    except CollapseError:
        return True


def _rows(parts: Parts, names: list[str]) -> Rows:
    """Rows (N,D) of one column of lists, or of D columns of numbers."""
    kind, where = arrow_columns.dtype(parts.schema, names), f"{parts.path}, column {names[0]}"
    if not arrow_columns.is_list(arrow_columns.plain(parts.schema.field(names[0]).type)):

        def numbers(part: int) -> arrow_columns.Matrix:
            loaded = parts.load(part, names)
            return arrow_columns.side_by_side([loaded.column(name) for name in names], kind)

        return blocks.rows(parts.path, parts.lengths, len(names), kind, numbers)
    width = arrow_columns.width(parts.column(0, names[0]), where) if parts.lengths else 1

    def lists(part: int) -> arrow_columns.Matrix:
        return arrow_columns.lists(parts.column(part, names[0]), where, width)

    return blocks.rows(parts.path, parts.lengths, width, kind, lists)
