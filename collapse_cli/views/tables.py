"""A grid as tables of the terminal: as many as it takes for all columns to fit. Names are folded, never cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich import box
from rich.table import Table
from rich.text import Text

from collapse_cli.figures import NONE
from collapse_cli.views import words
from collapse_cli.views.grid import Grid, Label

GAP = 2  # letters between columns: rich's padding and its divider
LABEL, LEAST = (
    24,
    20,
)  # letters of a row's name before it is folded for more columns to fit; for a whole block
NAME = 44  # letters of a row's name before it is folded in any case
HEAD = 16  # letters of a column's name before it is folded


def tables(whole: Grid, width: int) -> Iterator[Table]:
    """As many tables as it takes for all columns to fit; those of one block are parted only where it does not fit alone."""
    if not whole.rows or not whole.columns:
        return
    longest = max(len(whole.corner), *(len(label.text + label.note + label.dim) for label in whole.rows))
    wide = [GAP + _width(whole, c) + sum(_null_width(whole, c)) for c in range(len(whole.columns))]
    for chunk in _chunks(whole, wide, [width - min(longest, least) for least in (LABEL, LEAST)]):
        first = min(longest, NAME, max(width - sum(wide[c] for c in chunk), LEAST))
        yield _table(whole, chunk, first)


def _chunks(whole: Grid, widths: list[int], rooms: list[int]) -> list[list[int]]:
    """Columns in runs whose widths add up to no more than the first room in which every block fits, or else than the first."""
    blocks = [list(block) for _, block in groupby(range(len(widths)), lambda c: whole.columns[c].block)]
    widest = max(sum(widths[c] for c in block) for block in blocks)
    room = next((room for room in rooms if widest <= room), None)
    if room is None:
        return [run for block in blocks for run in _runs([[c] for c in block], widths, rooms[0])]
    return _runs(blocks, widths, room)


def _runs(pieces: list[list[int]], widths: list[int], room: int) -> list[list[int]]:
    """Pieces joined as long as they fit."""
    runs: list[list[int]] = []
    for piece in pieces:
        if runs and sum(widths[c] for c in [*runs[-1], *piece]) <= room:
            runs[-1] += piece
        else:
            runs.append(list(piece))
    return runs


def _width(whole: Grid, column: int) -> int:
    """Letters that the values of a column take: the widest, or the column's name, folded."""
    label = whole.columns[column]
    name = label.text + label.note + label.dim
    part = max(len(part.rstrip()) for part in words.JOINTS.split(name))
    lines = [len(line) for row in whole.cells for line in row[column].value.splitlines()]
    return max([*lines, min(max(part, min(len(name), HEAD)), NAME)])


def _null_width(whole: Grid, column: int) -> list[int]:
    """Letters that the nulls of a column take beside its values, if it has any."""
    widest = max(len(row[column].null) for row in whole.cells)
    return [GAP + widest] if widest else []


def _table(whole: Grid, chunk: list[int], first: int) -> Table:
    """Row labels, then for each column its values and, dim beside them, their nulls."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    table.show_header = len(whole.columns) > 1
    table.add_column(Text(whole.corner, "dim"), width=first, overflow="fold")
    for c in chunk:
        column, wide = whole.columns[c], _width(whole, c)
        style = "dim" if column.aside else ""
        table.add_column(_label(column, wide), style=style, justify="right", width=wide, overflow="fold")
        if _null_width(whole, c):
            table.add_column("", style="dim", no_wrap=True)
    for r, label in enumerate(whole.rows):
        if _empty(whole, r, chunk):
            continue
        cells = [part for c in chunk for part in _cell(whole, r, c)]
        table.add_row(_label(label, first), *cells, style="dim" if label.aside else None)
    return table


def _empty(whole: Grid, row: int, chunk: list[int]) -> bool:
    """Whether a row has nothing to say in these columns, which are not all, or where it is of nulls alone."""
    values = {whole.cells[row][c].value for c in chunk}
    return values <= {"", NONE} and (whole.rows[row].aside or len(chunk) < len(whole.columns))


def _label(label: Label, width: int) -> Text:
    name = "\n".join(words.folded(label.text, width))
    return Text.assemble((name, "bold" if label.strong else ""), (label.note + label.dim, "dim"))


def _cell(whole: Grid, row: int, column: int) -> list[Text]:
    cell = whole.cells[row][column]
    value = Text(cell.value, "bold" if cell.strong else "")
    return [value, *([Text(cell.null)] if _null_width(whole, column) else [])]
