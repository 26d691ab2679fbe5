"""Embeddings as text in columns, .csv or .tsv, with or without a heading: numbers, or lists in cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy
import pyarrow
import torch
from pyarrow import csv

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_columns, cells, packed, reader
from collapse_cli.runs.arrow_columns import Matrix, Uneven
from collapse_cli.runs.columns import Choice, choose
from collapse_cli.runs.families import ByName
from collapse_cli.runs.sheet import Sheet, laid_out, mistake
from collapse_cli.runs.table import Table, table

BLOCK = 4 << 20  # bytes that are read at once; a longer line needs more


def read(path: Path, selector: str = "", delimiter: str = "") -> Table:
    """Rows (N,D) float64, for text keeps all digits of a double. selector: --column; delimiter: where empty, as the name says.

    Raises CollapseError, with the line, for cells that are missing, too many, or no numbers, and where it is not clear which
    columns are the rows.
    """
    sheet = laid_out(path, delimiter)
    choice = choose(sheet.columns, selector, path, lambda place: _ragged(sheet, place), sheet.headed)
    parts: dict[str, list[Matrix]] = {space: [] for space in choice.spaces}
    labels: list[str] = []
    try:
        _read(sheet, choice, parts, labels)
    except (pyarrow.ArrowException, Uneven) as error:
        raise _unreadable(sheet, choice, error) from None
    rows = {space: torch.from_numpy(numpy.concatenate(matrices)) for space, matrices in parts.items()}
    name = "" if choice.label is None else sheet.columns[choice.label].name
    return table(path, choice, rows, name, labels)


def by_name(path: Path, delimiter: str = "") -> ByName:
    """Every column of a table with a heading, as text. Raises CollapseError, with the line, for cells that are missing."""
    sheet = laid_out(path, delimiter)
    names = [column.name for column in sheet.columns] if sheet.headed else []

    def read_column(name: str) -> list[str]:
        place = names.index(name)
        try:
            batches = _batches(sheet, [place], place)
            return [cell.strip() for batch in batches for cell in batch.column(0).to_pylist()]
        except pyarrow.ArrowException as error:
            raise _unreadable(sheet, Choice({}, place, "", ()), error) from None

    return ByName(names, read_column)


def _unreadable(sheet: Sheet, choice: Choice, error: Exception) -> CollapseError:
    """The first mistake by its line, or what the reader says."""
    reason = str(error).splitlines()[0][:120]
    unread = CollapseError(f"{sheet.path} cannot be read as text ({reason})", "save the file as UTF-8")
    return mistake(sheet, choice) or unread


def _read(sheet: Sheet, choice: Choice, parts: dict[str, list[Matrix]], labels: list[str]) -> None:
    """All rows, by space, and all labels, block by block."""
    held, widths = 0, dict.fromkeys(parts, 0)
    for batch in _batches(sheet, choice.taken, choice.label):
        for space, places in choice.spaces.items():
            columns = [batch.column(str(place)) for place in places]
            if sheet.columns[places[0]].kind == "list":
                vectors = cells.lists(columns[0])
                widths[space] = widths[space] or arrow_columns.width(vectors, space)
                parts[space].append(arrow_columns.lists(vectors, space, widths[space]))
            else:
                parts[space].append(arrow_columns.side_by_side(columns, numpy.dtype("float64")))
            held += parts[space][-1].nbytes
        reader.refuse_too_large(sheet.path, held)
        if choice.label is not None:
            labels += [cell.strip() for cell in batch.column(str(choice.label)).to_pylist()]


def _batches(sheet: Sheet, places: Sequence[int], label: int | None = None) -> Iterator[pyarrow.RecordBatch]:
    """Some columns, each called by its place: numbers as doubles, all else as text."""
    names = [str(place) for place in range(len(sheet.columns))]
    numbers = [str(place) for place in places if sheet.columns[place].kind == "number" and place != label]
    block = max(BLOCK, 4 * sheet.longest)
    words = any(column.kind != "number" for column in sheet.columns)
    with packed.content(sheet.path) as opened:
        batches = csv.open_csv(
            opened,
            csv.ReadOptions(block_size=block, column_names=names, skip_rows_after_names=int(sheet.headed)),
            csv.ParseOptions(delimiter=sheet.delimiter, newlines_in_values=words),
            csv.ConvertOptions(
                column_types={
                    **dict.fromkeys(names, pyarrow.string()),
                    **dict.fromkeys(numbers, pyarrow.float64()),
                },
                include_columns=[str(place) for place in places],
                null_values=[],
            ),
        )
        with batches:  # it reads ahead, and is to stop where the rows are not wanted any more
            yield from batches


def _ragged(sheet: Sheet, place: int) -> bool:
    """Whether the lists of a column are of several lengths, or a cell is none."""
    try:
        parts = (cells.lists(batch.column(0)) for batch in _batches(sheet, [place]))
        return len({arrow_columns.width(part, str(place)) for part in parts}) > 1
    except (pyarrow.ArrowException, Uneven):
        return True
