"""How a table of text is laid out, as its first lines tell: heading and columns. And in which line something is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from collapse_cli.class_labels import WHOLE
from collapse_cli.errors import CollapseError
from collapse_cli.runs import cells, packed
from collapse_cli.runs.cells import brief, is_number
from collapse_cli.runs.columns import Choice
from collapse_cli.runs.families import Column

Line = tuple[int, list[str]]
TABS = (".tsv", ".tab")
COMMA = re.compile(r"[+-]?\d+,\d+")
NAMES = {",": "commas", "\t": "tabs", ";": "semicolons"}
LOOKED_AT = 100  # lines by which it is told what a column holds

csv.field_size_limit(1 << 26)  # a list of many numbers is one cell


@dataclass(frozen=True)
class Sheet:
    """delimiter: what separates cells; headed: the first line names the columns; longest: letters of the longest line seen."""

    path: Path
    delimiter: str
    headed: bool
    columns: tuple[Column, ...]
    longest: int


def laid_out(path: Path, delimiter: str = "") -> Sheet:
    """delimiter: as the name says where it is empty. Raises CollapseError for a file that is empty or is no text."""
    delimiter = delimiter or _delimiter(path)
    first = [line for _, line in islice(_lines(path, delimiter), LOOKED_AT)]
    if not first:
        raise CollapseError(f"{path} is empty", "give numbers separated by commas")
    headed = _is_heading(first[0], first[1] if len(first) > 1 else [])
    rows = first[1:] if headed else first
    names = first[0] if headed else [f"column {place + 1}" for place in range(len(first[0]))]
    if delimiter != "," and any(COMMA.fullmatch(cell) for row in rows for cell in row):
        raise CollapseError(
            f"{path} has numbers with a decimal comma", "save them with a decimal point, as 0.5"
        )
    columns = tuple(_column(name, [row[p] for row in rows if p < len(row)]) for p, name in enumerate(names))
    longest = max(sum(len(cell) + 3 for cell in row) for row in first)
    if not rows:
        raise CollapseError(f"{path} contains a heading and no rows", "give one row on each line", code=3)
    return Sheet(path, delimiter, headed, columns, longest)


def _delimiter(path: Path) -> str:
    """Tabs by the name of a file; else commas, or in a first line without them what stands there: tabs or semicolons."""
    if packed.suffix(path) in TABS:
        return "\t"
    with packed.lines(path) as text:
        first = next((line for line in text if line.strip()), "")
    return next((delimiter for delimiter in NAMES if delimiter in first), ",")


def _lines(path: Path, delimiter: str) -> Iterator[Line]:
    """Number and cells of every line that is not empty."""
    with packed.lines(path) as text:
        try:
            read = csv.reader(text, delimiter=delimiter)
            yield from ((read.line_num, [cell.strip() for cell in line]) for line in read if line)
        except csv.Error as error:
            raise CollapseError(
                f"{path} cannot be read as text ({error})", "save the file as UTF-8"
            ) from None


def _is_heading(first: Sequence[str], second: Sequence[str]) -> bool:
    """Words and no fractions, or the names 0, 1, 2 … that pandas gives, with or without an empty one before them."""
    filled = [cell for cell in first if cell]
    words = [cell for cell in filled if not is_number(cell)]
    if words:
        fractions = [cell for cell in filled if is_number(cell) and not WHOLE.fullmatch(cell)]
        return not fractions and not any(cells.is_list(cell) for cell in words)
    counted = [str(n) for n in range(len(filled))]
    if list(first) == ["", *counted] and filled:
        return True
    return (
        list(first) == counted and len(first) > 1 and not all(WHOLE.fullmatch(cell) for cell in second or "0")
    )


def _column(name: str, seen: Sequence[str]) -> Column:
    """By its first cell that is not empty: a later one of another kind is an error, and no reason to leave the column out."""
    filled = [cell for cell in seen if cell]
    if filled and is_number(filled[0]):
        whole = all(WHOLE.fullmatch(cell) for cell in filled)
        return Column(name, "number", whole, classes=whole)
    if filled and cells.is_list(filled[0]):
        return Column(name, "list")
    return Column(name, "other", classes=bool(filled))


def mistake(sheet: Sheet, choice: Choice) -> CollapseError | None:
    """The first cell that is missing, too many or not what its column holds, by its line; None where all are in order."""
    with suppress(StopIteration):
        lines = _lines(sheet.path, sheet.delimiter)
        if sheet.headed:
            next(lines)
        widths: dict[int, int] = {}
        for line, row in lines:
            try:
                _check(sheet, choice, row, widths, f"{sheet.path}, line {line}")
            except CollapseError as error:
                return error
    return None


def _check(sheet: Sheet, choice: Choice, row: Sequence[str], widths: dict[int, int], where: str) -> None:
    """One line. widths: length of the first list of each column, filled here."""
    count = len(sheet.columns)
    if len(row) != count:
        raise CollapseError(
            f"{where} has {len(row)} cells, but the first line has {count}",
            "give every row the same number of cells",
        )
    for place in (place for places in choice.spaces.values() for place in places):
        here = f"{where}, column {place + 1}"
        if sheet.columns[place].kind == "list":
            length = len(cells.numbers(row[place], here))
            if length != widths.setdefault(place, length):
                raise CollapseError(
                    f"{here} contains {length} numbers, but the first row has {widths[place]}",
                    "every row needs the same number D of them",
                )
        elif not is_number(row[place]):
            raise CollapseError(
                f"{here}: '{brief(row[place])}' is not a number",
                f"cells are separated by {NAMES[sheet.delimiter]}; words may stand in columns of their own",
            )
