"""Tables as data: rows and columns with a value and its chance in each cell; terminal and page draw the same ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collapse_cli.views.document import Group, Metric
from collapse_cli.views.words import figures, pairs, plain, quantity, said

MANY = 4  # results that stand side by side; of more, each gets a row


@dataclass(frozen=True)
class Label:
    """The name of a row or column: the unit and the null's name follow it dimly; `help` explains it."""

    text: str
    unit: str = ""
    null: str = ""
    help: str = ""
    strong: bool = False

    @property
    def dim(self) -> str:
        return (f", {self.unit}" if self.unit else "") + (f" ({self.null})" if self.null else "")


@dataclass(frozen=True)
class Cell:
    """A value, and what chance would have given."""

    value: str = ""
    null: str = ""

    def __str__(self) -> str:
        return f"{self.value} {self.null}".strip()


@dataclass(frozen=True)
class Grid:
    """Row labels, column labels and cells[row][column]."""

    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    cells: tuple[tuple[Cell, ...], ...]

    def turned(self) -> Grid:
        """Rows as columns."""
        return Grid(self.columns, self.rows, tuple(zip(*self.cells, strict=True)))


def numbers(group: Group, headline: bool = False) -> Grid:
    """One row for each number (or only for the headlines), one column for each result; differing settings at the end."""
    chosen = group.declared("number")
    strong = {key: metric for key, metric in chosen.items() if metric.get("headline")}
    chosen = (strong or chosen) if headline else chosen
    alone = len(group.entries) == 1
    differing = group.differing()
    return Grid(
        tuple(_label(m, alone) for m in chosen.values()) + tuple(Label(plain(k)) for k in differing),
        tuple(Label(name) for name in group.names),
        tuple(tuple(_cell(one["metrics"].get(key), alone) for one in group.entries) for key in chosen)
        + tuple(tuple(Cell(said(v)) for v in values) for values in differing.values()),
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
    """What every number was measured by: one line for each convention, naming its metrics unless it is all of them."""
    declared = list(group.declared("number").values())
    spoken: dict[str, list[str]] = {}
    for metric in declared:
        if metric.get("convention"):
            spoken.setdefault(metric["convention"], []).append(metric["label"])
    return [
        said if len(labels) == len(declared) else f"{', '.join(labels)}: {said}" for said, labels in spoken.items()
    ]


def footer(group: Group) -> list[str]:
    """Settings in one line, then the conventions."""
    return [line for line in (pairs(group.shared()), *conventions(group)) if line]


def _label(metric: Metric, alone: bool) -> Label:
    """Of several results the null's name stands in the label, once; of one it stands in the cell."""
    null = "" if alone else metric.get("null_is", "")
    return Label(metric["label"], metric.get("unit", ""), null, metric["help"], metric.get("headline", False))


def _cell(metric: Metric | None, alone: bool) -> Cell:
    if metric is None:
        return Cell("–")
    null = metric.get("null")
    name = metric.get("null_is", "chance") + " " if alone else ""
    return Cell(quantity(metric), "" if null is None else f"({name}{figures(null)})")


def _named(metric: dict[str, Any], row: str) -> Cell:
    return Cell(figures(metric["values"].get(row)))
