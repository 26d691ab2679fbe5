"""Labels of images in a file: by the names of the images' files where a column holds them, else in the images' order."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli import class_labels
from collapse_cli.errors import CollapseError
from collapse_cli.runs import labels
from collapse_cli.runs.file_names import Names

LINES = (".jsonl", ".ndjson")
TABLES = (".csv", ".tsv", *LINES, ".parquet")
KINDS = (*labels.KINDS, *LINES, ".parquet")
FILES = (
    *("file_name", "filename", "file", "image_path", "path", "filepath", "file_path", "image", "img", "image_file"),
    *("img_path", "fname", "image_name", "img_name", "name"),
)  # fmt: skip
"""Names, in small letters, of a column that says of which file a row is; other columns are looked at too."""

IDS = ("id", "image_id")
"""Names of a column that may say so too, or may count rows."""

Column = Sequence[Any]
MANY = 0.5  # of the names of a column are those of images: fewer may be so by chance


@dataclass(frozen=True)
class Joined:
    """values: N, None where an image has no label; column: what the labels are called, "" where nothing is.

    by: the column of the files' names, or "" where rows are in the order of the images; surplus: names that no image has.
    """

    values: list[Any]
    column: str = ""
    by: str = ""
    named: bool = False
    surplus: tuple[str, ...] = ()


def joined(
    path: Path, column: str, files: Sequence[str], count: int, source: str, unit: str = "images"
) -> Joined:
    """The labels of N = `count` images. column: --label-column; files: their names, or none; source: what the images are called.

    Raises CollapseError for what cannot be read, and where it is not clear which label an image has.
    """
    if path.suffix not in KINDS:
        raise CollapseError(
            f"--labels {path}: labels are not read from a file of this type",
            f"give a file of type {', '.join(KINDS)}",
        )
    names = Names(files)
    columns = _columns(path, names, column)
    if len(columns) > 1:
        label = _label(path, columns, column, names)
        by = _by(path, {name: cells for name, cells in columns.items() if name != label}, names, source)
        if by is not None:
            return _by_name(path, columns[label], columns[by], names, label, by)
        return _by_order(path, list(columns[label]), count, f"{source} has {count:,} {unit}", label)
    if columns:
        name, cells = next(iter(columns.items()))
        return _by_order(path, list(cells), count, f"{source} has {count:,} {unit}", name)
    values = labels.listed(path, column=column)
    return _by_order(path, _plain(values), count, f"{source} has {count:,} {unit}", column)


def _plain(values: Any) -> list[Any]:
    return list(values.tolist() if hasattr(values, "tolist") else values)


def _columns(path: Path, names: Names, column: str) -> Mapping[str, Column]:
    """Columns by heading, or by number where there is none; nothing where the file is no table of several columns."""
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.suffix not in (*labels.DELIMITERS, *LINES):
        return {}
    lines = labels.text_lines(path)
    if path.suffix in LINES:
        return _json_lines(path, lines)
    rows = _without_empty_ends(list(_rows(path, lines, names)))
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
        for row in csv.reader(lines, delimiter=between):
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
        if _may_name("", firsts) and len(firsts) >= MANY * len(rows) and names.share(firsts) >= MANY:
            yield from rows
            return
    yield from ([line] for line in filled)


def _is_heading(row: Sequence[str], column: str, names: Names) -> bool:
    """Whether a first row names columns."""
    words = {cell.lower() for cell in row}
    usual = words & {*class_labels.LIKELY, *FILES, *IDS}
    return column in row or (bool(usual) and all(names.place(cell) is None for cell in row))


def _json_lines(path: Path, lines: Sequence[str]) -> Mapping[str, Column]:
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
        heading = dict.fromkeys(name for row in rows for name in dict(row))
    except (ValueError, TypeError) as error:
        raise CollapseError(
            f"{path} cannot be read as lines of JSON ({str(error)[:100]})",
            'write one object on each line: {"file_name": …}',
        ) from None
    return {name: [row.get(name) for row in rows] for name in heading}


def _parquet(path: Path) -> Mapping[str, Column]:
    import pyarrow  # which takes long, and few ask for
    from pyarrow import parquet

    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        reason = next(iter(str(error).splitlines()), "")[:120]
        raise CollapseError(f"{path} cannot be read as parquet ({reason})", "write the file again") from None
    return {name: table.column(name).to_pylist() for name in table.column_names}


def _label(path: Path, columns: Mapping[str, Column], column: str, names: Names) -> str:
    """The column of labels: as named, as labels are usually called, or the only one beside the names of files."""
    if column:
        if column not in columns:
            raise labels.without_column(path, column, list(columns))
        return column
    usual = [name for wanted in class_labels.COLUMNS for name in columns if name.lower() == wanted]
    if usual:
        return usual[0]
    first, *others = sorted(
        columns, key=lambda name: (name.lower() not in FILES, -_share(name, columns[name], names))
    )
    if len(others) == 1 and (first.lower() in FILES or _share(first, columns[first], names) >= MANY):
        return others[0]
    offered = class_labels.likely(columns) or others
    headed = list(columns) != [str(place) for place in range(1, len(columns) + 1)]
    raise CollapseError(
        f"{path}: it is not clear which of the columns {', '.join(list(columns)[:12])} has the labels",
        f"name it: --label-column {shlex.quote(offered[0])}"
        if headed
        else "give the file a first line with the names of its columns, such as file_name,label",
    )


def _may_name(name: str, cells: Column) -> bool:
    """Whether a column may hold names of files, as it is called, or as its cells look: numbers alone may count rows."""
    return name.lower() in (*FILES, *IDS) or not _counts(cells)


def _counts(cells: Column) -> bool:
    """Whether most cells are numbers, as of rows or of years."""
    return sum(map(_is_count, cells)) > MANY * len(cells)


def _is_count(cell: Any) -> bool:
    """Whether a cell is a number as rows are counted: without zeros before it, which names of files have."""
    text = str(cell).strip()
    return text.isdecimal() and (text == "0" or text[0] != "0")


def _share(name: str, cells: Column, names: Names) -> float:
    return names.share(cells) if _may_name(name, cells) else 0.0


def _by(path: Path, columns: Mapping[str, Column], names: Names, source: str) -> str | None:
    """The column that names the images' files, None where there is none: a few names may be there by chance.

    Raises CollapseError where the column is there, but holds the names of other files.
    """
    if not names.count:
        return None
    shares = {name: _share(name, cells, names) for name, cells in columns.items()}
    usual = [wanted for wanted in FILES if any(name.lower() == wanted for name in columns)]
    called = [name for wanted in usual for name in columns if name.lower() == wanted]
    best = max([*called, *columns], key=lambda name: shares[name])
    if shares[best] >= MANY or (best in called and shares[best] > 0):
        _refuse_counts(path, best, columns[best], names, source)
        return best
    if called:
        example = next((str(cell) for cell in columns[called[0]]), "")
        raise CollapseError(
            f"{path}: the column {called[0]} names no image of {source} (it has {example}; the images: {names.example})",
            "give the names of the files as they are below the folder, or leave out the column",
        )
    return None


def _refuse_counts(path: Path, name: str, cells: Column, names: Names, source: str) -> None:
    """Raises CollapseError for numbers, some of which name images: rows may be counted from 0, and images from 1."""
    other = [cell for cell in cells if names.place(cell) is None]
    if other and _counts(cells):
        raise CollapseError(
            f"{path}: the column {name} has numbers, but {len(other):,} of {len(cells):,} ({other[0]}, …) name no image of "
            f"{source} (the images: {names.example}, …), so it is not clear whether they count rows",
            "write the names of the files with their endings, in a column file_name",
        )


def _by_name(path: Path, cells: Column, keys: Column, names: Names, label: str, by: str) -> Joined:
    values: list[Any] = [None] * names.count
    surplus: list[str] = []
    for key, value in zip(keys, cells, strict=True):
        place = names.place(key)
        if place is None:
            surplus.append(str(key))
        elif values[place] is not None and values[place] != value:
            raise CollapseError(
                f"{path} gives {key} the labels {values[place]} and {value}, but an image has one class",
                "give each file one label",
            )
        elif not class_labels.is_missing(value):
            values[place] = value
    return Joined(values, label, by, True, tuple(surplus))


def _by_order(path: Path, values: list[Any], count: int, source: str, label: str) -> Joined:
    heading = str(values[0]).lower() if values else ""
    if heading in class_labels.LIKELY and values[0] not in values[1:]:
        values = values[1:]
    if len(values) != count:
        raise CollapseError(
            f"{path} contains {len(values):,} labels, but {source}",
            "give one for each, of all splits, in order; or, for images, add a column file_name with the names of their files",
        )
    return Joined(values, label)
