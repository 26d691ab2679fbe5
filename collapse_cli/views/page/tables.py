"""Tables of a page: what the views' grids hold, with the numbers by which the script sorts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collapse_cli.views import grid
from collapse_cli.views.document import Group, Metric
from collapse_cli.views.grid import Label


@dataclass(frozen=True)
class Cell:
    """A value as it is written, its null beside it. order: the number that it is, by which a column is sorted."""

    value: str
    null: str = ""
    order: float | None = None
    strong: bool = False
    aside: bool = False


@dataclass(frozen=True)
class Table:
    """caption: what the table is, for whoever comes upon it alone; quiet: a heading above says it; sortable: the values of
    a column are of one kind.
    """

    caption: str
    columns: tuple[Label, ...]
    rows: tuple[tuple[Label, tuple[Cell, ...]], ...]
    corner: str = ""
    sortable: bool = False
    quiet: bool = False


def numbers(group: Group) -> Table | None:
    """The numbers of a group: a row for each, or a row for each result where they are many; None where it has none."""
    table = grid.numbers(group)
    if not table.rows:
        return None
    turned = grid.many(group)
    shown = table.turned() if turned else table
    rows = tuple(
        (label, tuple(
            Cell(cell.value, cell.null, cell.number, cell.strong, label.aside or column.aside)
            for cell, column in zip(cells, shown.columns, strict=True)
        ))
        for label, cells in zip(shown.rows, shown.cells, strict=True)
    )  # fmt: skip
    return Table(
        f"{group.title}: all numbers", shown.columns, rows, shown.corner, sortable=turned, quiet=True
    )


def each(group: Group, key: str, metric: Metric) -> Table:
    """One row for each name, one column for each result."""
    shown = grid.names(group, key)
    measured = dict(group.measured(key))
    rows = tuple(
        (row, tuple(
            Cell(cell.value, order=measured[column.text]["values"].get(row.text))
            for cell, column in zip(cells, shown.columns, strict=True)
        ))
        for row, cells in zip(shown.rows, shown.cells, strict=True)
    )  # fmt: skip
    corner = metric["of"]
    return Table(f"{metric['label']} by {corner}", shown.columns, rows, corner, sortable=True, quiet=True)


def plain(
    caption: str,
    corner: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    sortable: bool = True,
) -> Table:
    """A table of names and cells."""
    return Table(
        caption,
        tuple(map(Label, columns)),
        tuple((Label(name), tuple(cells)) for name, cells in rows),
        corner,
        sortable,
    )
