"""Columns of a table of labels, by their headings, or by their numbers where there is no heading."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from collapse_cli import class_labels
from collapse_cli.errors import CollapseError
from collapse_cli.fence import admit
from collapse_cli.runs import labels
from collapse_cli.runs.file_names import FILES, IDS, MANY, Column, Names

LINES = (".jsonl", ".ndjson")


def columns(path: Path, names: Names, column: str) -> Mapping[str, Column]:
    """Columns by heading, or by number where there is none; nothing where the file is no table of several columns."""
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.suffix not in (*labels.DELIMITERS, *LINES):
        return {}
    lines = labels.text_lines(path)
    if path.suffix in LINES:
        return _json_lines(path, lines)
    try:
        rows = _without_empty_ends(list(_rows(path, lines, names)))
    except csv.Error as error:
        raise CollapseError(
            f"{path} cannot be read as a table ({error})", "write one label on each line, or one row of cells"
        ) from None
    if not rows or (len(rows[0]) < 2 and not column):
        return {}
    if len(rows[0]) == 1:  # a label may have commas
        rows = [[(labels.delimiter(path, lines) or " ").join(row)] for row in rows]
    if len({len(row) for row in rows}) != 1:
        raise _uneven(path, rows)
    headed = _is_heading(rows[0], column, names)
    if column and not headed:
        raise CollapseError(
            f"{path} has no heading, so it has no column '{column}'", "leave out --label-column"
        )
    heading = rows[0] if headed else [str(place) for place in range(1, len(rows[0]) + 1)]
    return {name: [row[place] for row in rows[headed:]] for place, name in enumerate(heading)}


def _without_empty_ends(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows less the cells after the last that has something in any of them: lines may end in commas."""
    width = max((n for row in rows for n, cell in enumerate(row, 1) if cell), default=0)
    return [list(row[:width]) for row in rows]


def _uneven(path: Path, rows: Sequence[Sequence[str]]) -> CollapseError:
    line = next((n for n, row in enumerate(rows, 1) if len(row) != len(rows[0])), 1)
    return CollapseError(
        f"{path}: line {line} has {len(rows[line - 1])} cells, but the first line has {len(rows[0])}",
        "give every row as many cells; put a cell with a comma between double quotes",
    )


def _rows(path: Path, lines: Sequence[str], names: Names) -> Iterator[list[str]]:
    """The cells of each line; of a .txt, a name that an image has and what follows it."""
    if between := labels.delimiter(path, lines):
        for row in csv.reader((f"{line}\n" for line in lines), delimiter=between):
            if any(cell.strip() for cell in row):
                yield [cell.strip() for cell in row]
        return
    filled = [line.strip() for line in lines if line.strip()]
    for cells in (
        csv.reader(filled),
        csv.reader(filled, delimiter="\t"),
        (row.rsplit(None, 1) for row in filled),
    ):
        rows = [[cell.strip() for cell in row] for row in cells]
        firsts = [row[0] for row in rows if len(row) > 1]
        if firsts and len(firsts) >= MANY * len(rows) and names.share(firsts) >= MANY:
            yield from rows
            return
    yield from ([line] for line in filled)


def _is_heading(row: Sequence[str], column: str, names: Names) -> bool:
    """Whether a first row names columns."""
    words = {cell.lower() for cell in row}
    usual = words & {*class_labels.LIKELY, *FILES, *IDS}
    if column in row if column else not row[0]:  # as tables are written whose rows are counted
        return True
    return bool(usual) and all(names.place(cell) is None for cell in row)


def _json_lines(path: Path, lines: Sequence[str]) -> Mapping[str, Column]:
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
        if others := [row for row in rows if not isinstance(row, dict)]:
            raise ValueError(f"a line is a {type(others[0]).__name__}")
    except (ValueError, RecursionError) as error:
        raise CollapseError(
            f"{path} cannot be read as lines of JSON ({str(error)[:100]})",
            'write one object on each line: {"file_name": …}',
        ) from None
    heading = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in heading}


def _parquet(path: Path) -> Mapping[str, Column]:
    import pyarrow  # which takes long, and few ask for
    from pyarrow import parquet

    admit(path)
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        reason = next(iter(str(error).splitlines()), "")[:120]
        raise CollapseError(f"{path} cannot be read as parquet ({reason})", "write the file again") from None
    return {name: table.column(name).to_pylist() for name in table.column_names}
