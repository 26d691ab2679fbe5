"""A grid as tables of the terminal: as many as it takes for all columns to fit."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from collapse_cli.views import words
from collapse_cli.views.grid import Grid, Label

GAP = 2  # letters between columns: rich's padding and its divider
LABEL = 24  # letters of a row's name before it is folded for more columns to fit
NAME = 34  # letters of a result's or a row's name
HEAD = 13  # letters of a column's name before it is folded


def tables(whole: Grid, width: int) -> Iterator[Table]:
    """As many tables as it takes for all columns to fit."""
    if not whole.rows or not whole.columns:
        return
    first = min(max(len(label.text + label.note + label.dim) for label in whole.rows), LABEL)
    wide = [_width(whole, c) + sum(_null_width(whole, c)) for c in range(len(whole.columns))]
    for chunk in _chunks([GAP + w for w in wide], width - first):
        yield _table(whole, chunk)


def _chunks(widths: list[int], room: int) -> Iterator[list[int]]:
    """Columns in runs whose widths add up to no more than the room."""
    run: list[int] = []
    for column, wide in enumerate(widths):
        if run and sum(widths[c] for c in run) + wide > room:
            yield run
            run = []
        run.append(column)
    yield run


def _width(whole: Grid, column: int) -> int:
    """Letters that the values of a column take: the widest, or the column's name folded at words."""
    label = whole.columns[column]
    name = words.shortened(label.text, NAME) + label.note + label.dim
    word = max(map(len, name.split()), default=0)
    lines = [len(line) for row in whole.cells for line in row[column].value.splitlines()]
    return max([*lines, word, min(len(name), HEAD)])


def _null_width(whole: Grid, column: int) -> list[int]:
    """Letters that the nulls of a column take beside its values, if it has any."""
    widest = max(len(row[column].null) for row in whole.cells)
    return [GAP + widest] if widest else []


def _table(whole: Grid, chunk: list[int]) -> Table:
    """Row labels, then for each column its values and, dim beside them, their nulls."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="")
    table.show_header = len(whole.columns) > 1
    table.add_column(Text(whole.corner, "dim"), max_width=NAME + 10, overflow="fold")
    for c in chunk:
        one = whole.columns[c]
        style = "dim" if one.aside else ""
        table.add_column(_label(one), style=style, justify="right", width=_width(whole, c), overflow="fold")
        if _null_width(whole, c):
            table.add_column("", style="dim", no_wrap=True)
    for r, label in enumerate(whole.rows):
        cells = [part for c in chunk for part in _cell(whole, r, c)]
        if not label.aside or any(cells):
            table.add_row(_label(label), *cells, style="dim" if label.aside else None)
    return table


def _label(label: Label) -> Text:
    name = words.shortened(label.text, NAME)
    return Text.assemble((name, "bold" if label.strong else ""), (label.note + label.dim, "dim"))


def _cell(whole: Grid, row: int, column: int) -> list[Text]:
    cell = whole.cells[row][column]
    value = Text(cell.value, "bold" if cell.strong else "")
    return [value, *([Text(cell.null)] if _null_width(whole, column) else [])]
