"""Tables as data, a value and its chance in each cell; terminal and page draw the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_cli.views.document import Group, Metric
from collapse_cli.views.words import figures, footnote, pairs, plain, quantity, said

MANY = 4  # results that stand side by side; of more, each gets a row


@dataclass(frozen=True)
class Label:
    """The name of a row or column; footnote, unit and the null's name follow it; `help` explains it."""

    text: str
    note: str = ""
    unit: str = ""
    null: str = ""
    help: str = ""
    strong: bool = False

    @property
    def dim(self) -> str:
        """Unit and null, as they follow the name."""
        return (f", {self.unit}" if self.unit else "") + (f" ({self.null})" if self.null else "")


@dataclass(frozen=True)
class Cell:
    """A value, and what chance would have given."""

    value: str = ""
    null: str = ""


@dataclass(frozen=True)
class Grid:
    """Row labels, column labels and cells[row][column]; `corner` says what stands in brackets."""

    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    cells: tuple[tuple[Cell, ...], ...]
    corner: str = ""

    def turned(self) -> Grid:
        """Rows as columns."""
        return Grid(self.columns, self.rows, tuple(zip(*self.cells, strict=True)), self.corner)


def numbers(group: Group, headline: bool = False) -> Grid:
    """Numbers (or only headlines) as rows, results as columns; settings that differ at the end.

    Where chance is the same for all results, it stands once, in a last column of its own.
    """
    chosen = _chosen(group, headline)
    nulls = _nulls(group)
    differing = group.differing()
    whole = Grid(
        tuple(_label(m, conventions(group), nulls) for m in chosen.values())
        + tuple(Label(plain(key)) for key in differing),
        tuple(Label(name) for name in group.names),
        tuple(tuple(_cell(one["metrics"].get(key), nulls) for one in group.entries) for key in chosen)
        + tuple(tuple(Cell(said(v)) for v in values) for values in differing.values()),
        f"({next(iter(nulls))})" if len(nulls) == 1 else "",
    )
    return _apart(whole) if nulls and not headline else whole


def _apart(whole: Grid) -> Grid:
    """The same with chance in a column of its own, where every row has one chance for all its results."""
    chances = [{cell.null for cell in row if cell.null} for row in whole.cells]
    if any(len(chance) > 1 for chance in chances):
        return whole
    cells = tuple(
        (*(Cell(cell.value) for cell in row), Cell("", next(iter(chance), "")))
        for row, chance in zip(whole.cells, chances, strict=True)
    )
    return Grid(whole.rows, (*whole.columns, Label("chance")), cells, whole.corner)


def _chosen(group: Group, headline: bool) -> dict[str, Metric]:
    every = group.declared("number")
    strong = {key: metric for key, metric in every.items() if metric.get("headline")}
    return (strong or every) if headline else every


def _nulls(group: Group) -> set[str]:
    """The names of chance to be said beside a table of several results; of one, each cell says its own."""
    return (
        {m["null_is"] for m in group.declared("number").values() if m.get("null_is")}
        if len(group.names) > 1
        else set()
    )


def names(group: Group, key: str) -> Grid:
    """One row for each name (class, layer) of an `each` metric, one column for each result."""
    found = dict(group.measured(key))
    rows = list(dict.fromkeys(name for metric in found.values() for name in metric["values"]))
    return Grid(
        tuple(Label(plain(row)) for row in rows),
        tuple(Label(name) for name in found),
        tuple(tuple(_named(metric, row) for metric in found.values()) for row in rows),
    )


def conventions(group: Group) -> list[str]:
    """What the numbers were measured by, each said once; a label's footnote is the place in this list."""
    return list(
        dict.fromkeys(m["convention"] for m in group.declared("number").values() if m.get("convention"))
    )


def footer(group: Group) -> list[str]:
    """Settings in one line, then the conventions."""
    said = [f"{footnote(n)} {text}" for n, text in enumerate(conventions(group), 1)]
    return [line for line in (pairs(group.shared()), *said) if line]


def _label(metric: Metric, spoken: list[str], nulls: set[str]) -> Label:
    """Where several names of chance are said, each stands in the label of its metrics."""
    convention = metric.get("convention")
    return Label(
        metric["label"],
        note=footnote(spoken.index(convention) + 1) if convention else "",
        unit=metric.get("unit", ""),
        null=metric.get("null_is", "") if len(nulls) > 1 else "",
        help=metric["help"],
        strong=metric.get("headline", False),
    )


def _cell(metric: Metric | None, nulls: set[str]) -> Cell:
    if metric is None:
        return Cell("–")
    null = metric.get("null")
    name = "" if nulls else metric.get("null_is", "chance") + " "
    return Cell(quantity(metric), "" if null is None else f"({name}{figures(null, pad=True)})")


def _named(metric: dict[str, Any], row: str) -> Cell:
    return Cell(figures(metric["values"].get(row), pad=True))
