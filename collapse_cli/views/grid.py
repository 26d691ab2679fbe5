"""Tables as data, a value and its chance in each cell; terminal and page draw the same ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from textwrap import fill
from typing import Any

from collapse_cli.views.document import Group, Metric
from collapse_cli.views.words import (
    BEST,
    RESULTS,
    convention,
    figures,
    footnote,
    in_words,
    legend,
    pairs,
    plain,
    quantity,
)

WORDS = 16  # letters of a setting in one line
NEAR = 0.02  # relative: chances that differ less are one
MANY = 4  # results that stand side by side; of more, each gets a row


@dataclass(frozen=True)
class Label:
    """The name of a row or column; footnote, unit and the null's name follow it; `help` explains it; `aside`: chance's."""

    text: str
    note: str = ""
    unit: str = ""
    null: str = ""
    help: str = ""
    strong: bool = False
    aside: bool = False

    @property
    def dim(self) -> str:
        """Unit, where the name does not say it already, and null, as they follow the name."""
        said = self.unit and f" {self.unit} " not in f" {self.text} "
        return (f", {self.unit}" if said else "") + (f" ({self.null})" if self.null else "")


@dataclass(frozen=True)
class Cell:
    """A value, behind its mark where it is best, and beside it what chance would have given."""

    value: str = ""
    null: str = ""
    strong: bool = False


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

    Where chance is nearly the same for all results, of the headlines at least, it stands in a last column of its own; of
    many results, which are then the rows, each metric decides for itself.
    """
    chosen = _chosen(group, headline)
    nulls = _nulls(group)
    differing = group.differing()
    whole = Grid(
        tuple(_label(m, conventions(group, headline), nulls) for m in chosen.values())
        + tuple(Label(plain(key)) for key in differing),
        tuple(Label(name) for name in group.names),
        tuple(tuple(_cell(one["metrics"].get(key), nulls) for one in group.entries) for key in chosen)
        + tuple(tuple(Cell(fill(in_words(v), WORDS)) for v in values) for values in differing.values()),
        f"({next(iter(nulls))})" if len(nulls) == 1 else "",
    )
    chances = {key: _chances(group, key) for key in chosen}
    near = [key for key in chosen if _near(chances[key])]
    if set(_chosen(group, headline=True)) <= set(near):
        near = list(chosen)
    elif len(group.names) <= MANY:
        near = []
    apart = [chances[key] if key in near else () for key in chosen] + [()] * len(differing)
    return _apart(whole, apart) if nulls and near else whole


def _chances(group: Group, key: str) -> tuple[float, ...]:
    """What chance gives for the results, from the least to the largest."""
    nulls = (metric.get("null") for _, metric in group.measured(key))
    return tuple(sorted({null for null in nulls if null is not None}))


def _near(chances: tuple[float, ...]) -> bool:
    return not chances or chances[-1] - chances[0] <= NEAR * max(map(abs, chances))


def _apart(whole: Grid, chances: Sequence[tuple[float, ...]]) -> Grid:
    """The same with these chances in a column of their own: one value, or the least and the largest. Without any, unchanged."""
    said = [_ends(each) for each in chances]
    if not any(said):
        return whole
    cells = tuple(
        (*(replace(cell, null="" if ends else cell.null) for cell in row), Cell(ends))
        for row, ends in zip(whole.cells, said, strict=True)
    )
    return Grid(whole.rows, (*whole.columns, Label("null", aside=True)), cells, whole.corner)


def _ends(chances: tuple[float, ...]) -> str:
    """`(0.1)`, or both ends on two lines; nothing where there is none, or where it stands beside each value."""
    if not chances:
        return ""
    ends = chances[:1] if _near(chances) else (chances[0], chances[-1])
    return "(" + " …\n".join(figures(value, pad=True) for value in ends) + ")"


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


def named(metric: Metric) -> Grid:
    """A matrix that knows what its rows and columns are called, as a table; cosines and shares with two decimals."""
    values = [value for row in metric["values"] for value in row if value is not None]
    small = all(abs(value) <= 1 for value in values) and any(value != round(value) for value in values)
    return Grid(
        tuple(Label(plain(name)) for name in metric["row_names"]),
        tuple(Label(plain(name)) for name in metric["column_names"]),
        tuple(
            tuple(
                Cell(
                    f"{round(value, 2) + 0:.2f}" if small and value is not None else figures(value, pad=True)
                )
                for value in row
            )
            for row in metric["values"]
        ),
    )


def conventions(group: Group, headline: bool = False) -> list[str]:
    """What the numbers were measured by, each said once; a label's footnote is the place in this list."""
    chosen = _chosen(group, headline).values()
    return list(dict.fromkeys(filter(None, map(convention, chosen))))


def footer(group: Group, headline: bool = False) -> list[str]:
    """Settings in one line, the marks, then the conventions."""
    said = [f"{footnote(n)} {text}" for n, text in enumerate(conventions(group, headline), 1)]
    return [line for line in (pairs(group.shared()), *marks(group), *said) if line]


def marks(group: Group) -> list[str]:
    """What ± and the marks in these cells mean."""
    return legend([metric for one in group.entries for metric in one["metrics"].values()])


def _label(metric: Metric, spoken: list[str], nulls: set[str]) -> Label:
    """Where several names of chance are said, each stands in the label of its metrics."""
    words = convention(metric)
    return Label(
        metric["label"],
        note=footnote(spoken.index(words) + 1) if words else "",
        unit=metric.get("unit", ""),
        null=metric.get("null_is", "") if len(nulls) > 1 else "",
        help=metric["help"],
        strong=metric.get("headline", False),
    )


def _cell(metric: Metric | None, nulls: set[str]) -> Cell:
    if metric is None:
        return Cell("–")
    if "required" in metric:
        return _checked(metric, metric["required"])
    null, best = metric.get("null"), metric.get("best")
    name = "" if nulls else metric.get("null_is", "null") + " "
    beside = "" if null is None else f"({name}{figures(null, pad=True)})"
    agree = metric.get("agree")
    value = f"{BEST[best][0]} {quantity(metric)}" if best else quantity(metric)
    return Cell(value, f"{agree[0]}/{agree[1]}" if agree else beside, strong=best is not None)


def _checked(metric: Metric, required: dict[str, Any]) -> Cell:
    """What a check came to and the value, beside it the bound."""
    failed = required["result"] == "fail"
    bound = f"({required['relation']} {figures(required['bound'])})"
    return Cell(f"{RESULTS[required['result']]}  {quantity(metric)}", bound, strong=failed)


def _named(metric: dict[str, Any], row: str) -> Cell:
    return Cell(figures(metric["values"].get(row), pad=True))
