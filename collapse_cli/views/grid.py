"""Tables as data, a value and its null in each cell; terminal and page draw the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from textwrap import fill
from typing import Any

from collapse_cli.answers import BETWEEN
from collapse_cli.figures import alike, written
from collapse_cli.views.cells import Cell, cell, near, nulls, shared
from collapse_cli.views.document import Group, Metric
from collapse_cli.views.words import convention, footnote, in_words, legend, pairs

WORDS = 16  # letters of a setting in one line
MANY = 4  # results of one space that stand side by side; of more, each gets a row
Row = tuple[str, ...]  # names of the numbers that stand in it
MARKED = {"best", "agree", "required", "runs"}  # parts of a number that must be seen: it shares no row


@dataclass(frozen=True)
class Label:
    """The name of a row or column; footnote, unit and the null's name follow it; `help` explains it; `aside`: nulls alone.

    block: columns of one block, which is a space of all inputs, stay together where not all columns fit.
    """

    text: str
    note: str = ""
    unit: str = ""
    null: str = ""
    help: str = ""
    strong: bool = False
    aside: bool = False
    block: str = ""

    @property
    def dim(self) -> str:
        """Unit, where the name does not say it already, and null, as they follow the name."""
        unit_shown = self.unit and f" {self.unit} " not in f" {self.text} "
        return (f", {self.unit}" if unit_shown else "") + (f" ({self.null})" if self.null else "")


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
    """Numbers (or only headlines) as rows, results as columns, those of one space side by side; settings that differ at the end.

    Where the null is nearly the same for all results of a space, of the headlines at least, it stands in a column of its own
    behind them; of many results, which are then the rows, each number decides for itself.
    """
    rows, parts = _rows(group, headline), spaces(group)
    strong = set(chain.from_iterable(_rows(group, headline=True)))
    settings = group.differing()
    common = _common_null(group)
    spoken = conventions(group, headline)
    labels = _units_once([_label(group, row, spoken, common) for row in rows])
    labels += [Label(key) for key in settings]
    once = {row for row in rows if _equal(group, row)}
    blocks = [_block(part, rows, strong, once, list(settings), len(group.names) == 1) for part in parts]
    several = sum(columns[-1].aside for columns, _ in blocks) > 1
    return Grid(
        tuple(labels),
        tuple(_with_block(label) if several else label for columns, _ in blocks for label in columns),
        tuple(tuple(chain.from_iterable(cells[n] for _, cells in blocks)) for n in range(len(labels))),
        f"(null: {common})" if common else "",
    )


def _units_once(labels: Sequence[Label]) -> list[Label]:
    """A unit that the row above has too is not said again."""
    above = ["", *(label.unit for label in labels)]
    return [
        replace(each, unit="" if each.unit == unit else each.unit)
        for each, unit in zip(labels, above, strict=False)
    ]


def spaces(group: Group) -> list[Group]:
    """The results of each space, in order of first appearance."""
    order = dict.fromkeys(entry["space"] for entry in group.entries)
    members = ([pair for pair in group if pair[1]["space"] == space] for space in order)
    return [
        replace(group, names=names, entries=entries)
        for names, entries in (zip(*m, strict=True) for m in members)
    ]


def by_space(group: Group) -> Group:
    """The same results, those of one space together."""
    parts = spaces(group)
    names, entries = (
        tuple(chain.from_iterable(each)) for each in zip(*((p.names, p.entries) for p in parts), strict=True)
    )
    return replace(group, names=names, entries=entries)


def many(group: Group) -> bool:
    """Whether a space has more results than stand side by side."""
    return max(len(part.names) for part in spaces(group)) > MANY


def _rows(group: Group, headline: bool) -> list[Row]:
    """The numbers of each row: those that are declared to stand together share one, if none of them is marked."""
    shown = _chosen(group, headline)
    marked = {
        metric.get("together") for key in shown for _, metric in group.measured(key) if MARKED & metric.keys()
    }
    rows: dict[tuple[str, str], list[str]] = {}
    for key, metric in shown.items():
        title = metric.get("together", "")
        place = ("", key) if not title or title in marked else (title, "")
        rows.setdefault(place, []).append(key)
    return [tuple(keys) for keys in rows.values()]


def _chosen(group: Group, headline: bool) -> dict[str, Metric]:
    """The numbers that a table shows."""
    every = {
        key: metric
        for key, metric in group.declared("number").items()
        if not metric.get("json_only") or "required" in metric
    }
    strong = {key: metric for key, metric in every.items() if metric.get("headline")}
    return (strong or every) if headline else every


def left_out(group: Group) -> int:
    """How many numbers are no headlines."""
    return len(_chosen(group, headline=False)) - len(_chosen(group, headline=True))


def _common_null(group: Group) -> str:
    """The name that far more nulls have than any other, if there is one, said once beside a table of several results."""
    names = [m["null_is"] for m in _chosen(group, headline=False).values() if m.get("null_is")]
    (name, most), (_, second) = [*Counter(names).most_common(2), ("", 0), ("", 0)][:2]
    return name if len(group.names) > 1 and most >= 2 * second else ""


def _of(entry: Mapping[str, Any], row: Row) -> list[Metric | None]:
    return [entry["metrics"].get(key) for key in row]


def _equal(group: Group, row: Row) -> bool:
    """Whether the numbers of a row are equal in every result that has any of them: then one says all."""
    return all(len({each and each["value"] for each in _of(entry, row)}) == 1 for entry in group.entries)


def _block(
    part: Group, rows: Sequence[Row], strong: set[str], once: set[Row], settings: Sequence[str], named: bool
) -> tuple[list[Label], list[list[Cell]]]:
    """Columns and rows of cells of one space: a column for each result and, where nulls are shared, one of theirs."""
    cells = [[cell(_of(entry, row), named, row in once) for entry in part.entries] for row in rows]
    cells += [
        [Cell(fill(in_words(entry["settings"].get(key)), WORDS)) for entry in part.entries]
        for key in settings
    ]
    columns = [Label(name, block=part.entries[0]["space"]) for name in part.names]
    measured = [[[metric for _, metric in part.measured(key)] for key in row] for row in rows]
    alike = [n for n, row in enumerate(measured) if all(near(nulls(each)) for each in row)]
    if {n for n, row in enumerate(rows) if strong & {*row}} <= {*alike}:
        alike = list(range(len(rows)))
    elif len(part.names) <= MANY:
        alike = []
    texts = [shared(measured[n]) if n in alike else "" for n in range(len(cells))]
    if len(part.names) == 1 or not any(texts):
        return columns, cells
    separated = [[replace(each, null="" if text else each.null) for each in row] + [Cell(text)]
           for row, text in zip(cells, texts, strict=True)]  # fmt: skip
    return [*columns, Label("null", aside=True, block=columns[0].block)], separated


def _with_block(label: Label) -> Label:
    """The nulls' label says whose they are."""
    return replace(label, text=f"{label.text}{BETWEEN}{label.block}") if label.aside else label


def names(group: Group, key: str) -> Grid:
    """One row for each name (class, layer) of an `each` metric, one column for each result."""
    measured = dict(by_space(group).measured(key))
    rows = list(dict.fromkeys(name for metric in measured.values() for name in metric["values"]))
    texts = iter(alike([metric["values"].get(row) for row in rows for metric in measured.values()]))
    return Grid(
        tuple(Label(row) for row in rows),
        tuple(Label(name) for name in measured),
        tuple(tuple(Cell(next(texts)) for _ in measured) for _ in rows),
    )


def named(metric: Metric) -> Grid:
    """A matrix that knows what its rows and columns are called, as a table; cosines and shares with two decimals."""
    values = [value for row in metric["values"] for value in row if value is not None]
    small = all(abs(value) <= 1 for value in values) and any(value != round(value) for value in values)
    return Grid(
        tuple(Label(name) for name in metric["row_names"]),
        tuple(Label(name) for name in metric["column_names"]),
        tuple(tuple(Cell(written(value, 2 if small else None)) for value in row) for row in metric["values"]),
    )


def conventions(group: Group, headline: bool = False) -> list[str]:
    """What the numbers were measured by, each said once; a label's footnote is the place in this list."""
    chosen = _chosen(group, headline).values()
    return list(dict.fromkeys(filter(None, map(convention, chosen))))


def footer(group: Group, headline: bool = False) -> list[str]:
    """Settings in one line, the marks, then the conventions."""
    return [line for line in (pairs(group.shared()), *marks(group), *notes(group, headline)) if line]


def notes(group: Group, headline: bool = False) -> list[str]:
    """The conventions behind their footnotes."""
    return [f"{footnote(n)} {text}" for n, text in enumerate(conventions(group, headline), 1)]


def marks(group: Group) -> list[str]:
    """What ± and the marks in these cells mean."""
    return legend([metric for result in group.entries for metric in result["metrics"].values()])


def _label(group: Group, row: Row, spoken: list[str], common: str) -> Label:
    """Of one number, or of all that share the row; a null of another name than most have says its own."""
    metrics = [group.measured(key)[0][1] for key in row]
    words, null = next(filter(None, map(convention, metrics)), ""), metrics[0].get("null_is", "")
    return Label(
        metrics[0]["together"] if len(row) > 1 else metrics[0]["label"],
        note=footnote(spoken.index(words) + 1) if words else "",
        unit=metrics[0].get("unit", ""),
        null=null if len(group.names) > 1 and null != common else "",
        help="; ".join(metric["help"] for metric in metrics),
        strong=any(metric.get("headline") for metric in metrics),
    )
