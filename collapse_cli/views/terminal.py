"""A whole answer at the terminal: what it comes to first, then tables, sketches of curves, settings and conventions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.columns import Columns
from rich.table import Table
from rich.text import Text

from collapse_cli.printable import everywhere
from collapse_cli.views import grid, words
from collapse_cli.views.console import Console
from collapse_cli.views.document import Document, Group, Metric, groups, names
from collapse_cli.views.grid import Grid
from collapse_cli.views.sketch import MARGIN, sketch, sparkline, thinned
from collapse_cli.views.tables import tables

FEW = 2  # results whose small matrices are tables
NAME = 34  # letters of a result's name beside a sparkline or a matrix
ROWS = 12  # of an `each` table, results with all of their numbers, and inputs; the others are in the JSON


def show(document: Document, console: Console | None = None) -> None:
    """Print an answer to stdout: what it comes to, then what that rests on."""
    console, document = console or Console(), everywhere(document)
    for part in _answers(document):
        _print(console, part)
    for group in groups(document):
        for part in _group(grid.by_space(group), console.width):
            console.print(part)
    for facts in document["inputs"][:ROWS]:
        console.print(Text(words.source(facts), "dim"))
    if len(document["inputs"]) > ROWS:
        console.print(Text(f"… {len(document['inputs']) - ROWS} more inputs in --json", "dim"))
    for command in document.get("next", ()):
        _print(console, f"Next: {command}")
    if document.get("explain") and document["results"]:
        _print(console, f"What this means: {words.explaining(document['explain'])}")


def _print(console: Console, part: Any) -> None:
    """A command is one line, to be copied, however long."""
    if isinstance(part, str):
        console.print(Text(part), soft_wrap=True)
    else:
        console.print(part)


def _answers(document: Document) -> Iterator[Any]:
    """The verdict on each result with its commands or, where it has none, its answer in a sentence; then a blank line."""
    lone = len(document["results"]) == 1
    judged = [(name, result) for name, result in zip(names(document), document["results"], strict=True)
              if result.get("verdict") or result.get("answer")]  # fmt: skip
    for name, result in judged:
        if result.get("verdict"):
            yield verdict(result["verdict"], "" if lone else name)
            yield from (f"→ {command}" for command in result["verdict"].get("commands", ()))
        else:
            yield Text.assemble(("" if lone else f"{name}: ", "bold"), result["answer"])
    if judged:
        yield Text()


def _group(group: Group, width: int) -> Iterator[Any]:
    """A title, the numbers, one small table for each `each`, the sketches, the settings and the conventions.

    Of very many results only headline numbers are shown.
    """
    brief = len(group.entries) > ROWS
    yield Text(group.title, "bold")
    numbers = grid.numbers(group, headline=brief)
    yield from _tables(numbers.turned() if grid.many(group) else numbers, width)
    if brief and grid.left_out(group):
        yield Text(f"… {grid.left_out(group)} more for each in --json and --html", "dim")
    for key, metric in group.declared("each").items():
        yield from _each(group, key, metric, width)
    for key, metric in group.declared("curve").items():
        if metric.get("sketch"):
            yield from _curves(group.measured(key), metric, width)
    for key in group.declared("lines"):
        yield from _families(group.measured(key))
    for key in group.declared("matrix"):
        yield from _named_matrices(group.measured(key), width)
    footer = [*_drawn(group), words.pairs(group.shared()), *grid.marks(group)]
    notes = words.flowing(grid.notes(group, headline=brief), width)
    yield Text("\n".join([*filter(None, footer), *notes]), "dim")
    yield ""


def _tables(whole: Grid, width: int) -> Iterator[Any]:
    """The tables of a grid, a blank line between them."""
    for place, table in enumerate(tables(whole, width)):
        yield from [""] if place else []
        yield table


def _drawn(group: Group) -> list[str]:
    """What has to be drawn to be seen."""
    families = [
        f"{metric['label']}: {len(metric['values'])} curves, drawn by --plot"
        for key, metric in group.declared("lines").items()
        if len(group.measured(key)) > 1 or len(metric["values"]) > ROWS
    ]
    matrices = [
        metric
        for key, metric in group.declared("matrix").items()
        if len(group.measured(key)) > FEW or not _readable(metric)
    ]
    clouds = [
        f"{m['label']}: {len(m['values'])} frames, drawn by --plot" for m in group.declared("frames").values()
    ]
    return [*families, *(f"{metric['label']}: a matrix, drawn by --plot" for metric in matrices), *clouds]


def _readable(metric: Metric) -> bool:
    """Whether a matrix knows what its rows and columns are called, and has few of them."""
    return all(0 < len(metric.get(part, ())) <= ROWS for part in ("row_names", "column_names"))


def _named_matrices(measured: list[tuple[str, Metric]], width: int) -> Iterator[Any]:
    """Small matrices as tables, each by its result where there are several."""
    readable = [(name, metric) for name, metric in measured if len(measured) <= FEW and _readable(metric)]
    for name, (_, metric) in zip(_apart(readable, NAME), readable, strict=True):
        of = f" of {name}" if len(measured) > 1 else ""
        yield ""
        yield Text.assemble(metric["label"] + of, (f", {metric['rows']} × {metric['columns']}", "dim"))
        yield from _tables(grid.named(metric), width)


def _apart(measured: list[tuple[str, Metric]], width: int) -> list[str]:
    """The names of these results, cut to a width but never so that two look alike."""
    return words.apart([name for name, _ in measured], width)


def _families(measured: list[tuple[str, Metric]]) -> Iterator[Any]:
    """The family of a single result, a sparkline for each of its curves, on one scale."""
    for _, metric in measured if len(measured) == 1 and len(measured[0][1]["values"]) <= ROWS else ():
        family = [(name, curve | {"log": metric.get("log", "")}) for name, curve in metric["values"].items()]
        yield ""
        yield _caption(metric, null=False)
        yield from _sparks(family)


def _each(group: Group, key: str, metric: Metric, width: int) -> Iterator[Any]:
    """The first rows of an `each` metric, and how many there are besides."""
    whole = grid.names(group, key)
    shown = Grid(whole.rows[:ROWS], whole.columns, whole.cells[:ROWS])
    unit = f", {metric['unit']}" if metric.get("unit") else ""
    yield ""
    yield Text.assemble(metric["label"], (f"{unit}, by {metric['of']}", "dim"))
    yield from _tables(shown, width)
    if len(whole.rows) > ROWS:
        yield Text(f"… {len(whole.rows) - ROWS} more in --json", "dim")


def _curves(measured: list[tuple[str, Metric]], metric: Metric, width: int) -> Iterator[Any]:
    """One result: a large sketch; a few: small ones with the same axes; many: a sparkline each."""
    along = [curve for _, curve in measured]
    yield ""
    yield _caption(metric, null=len(measured) <= grid.MANY)
    if len(measured) == 1:
        yield _sketch(sketch(metric, min(60, width - MARGIN - 2)))
    elif len(measured) <= grid.MANY:
        each = max(width // max(width // 39, 1) - MARGIN - 3, 10)
        drawn = zip(_apart(measured, each), along, strict=True)
        yield Columns([_named(name, sketch(curve, each, 6, along)) for name, curve in drawn], padding=(0, 1))
    else:
        yield from _sparks(measured)


def _caption(metric: Metric, null: bool) -> Text:
    log = {"x": "log x", "y": "log", "xy": "log-log"}.get(metric.get("log", ""), "")
    axis = ", ".join(text for text in (metric.get("y", ""), log) if text)
    light = f"   · {metric.get('null_is', 'null')}" if null and metric.get("null") else ""
    return Text.assemble(metric["label"], (f" ({axis})" if axis else "", "dim"), (light, "dim"))


def _named(name: str, lines: list[str]) -> Text:
    """A sketch under the name of its result."""
    return _sketch([" " * (MARGIN + 1) + name, *lines])


def _sketch(lines: list[str]) -> Text:
    """The curve in colour, axes and null dim."""
    text = Text("\n".join(lines))
    text.highlight_regex(r"[⠁-⣿]+", "cyan")
    text.highlight_regex(r"[│┤└─·]+", "dim")
    return text


def _sparks(measured: list[tuple[str, Metric]]) -> Iterator[Text]:
    """For each result name, sparkline, first and last value, all on one scale."""
    along = [curve["values"] for _, curve in measured]
    for name, (_, curve) in zip(_apart(measured, NAME), measured, strict=True):
        values = curve["values"]
        bars = sparkline(thinned(values, 24), "y" in curve.get("log", ""), along)
        ends = f"{words.figures(values[0])} … {words.figures(values[-1])}" if values else ""
        yield Text.assemble(f"{name:<{NAME}} ", (f"{bars:<24}", "cyan"), (f" {ends}", "dim"))


def verdict(judgement: dict[str, Any], name: str) -> Table:
    """One coloured sentence behind its mark, then what it means, the reasons, and what to try."""
    mark, status, sentence = words.verdict(judgement)
    colour = words.colour(judgement)
    head = f"{name}: {status}" if name else status
    table = Table.grid(padding=(0, 1))
    table.add_row(
        Text(mark, colour),
        Text.assemble((head, f"bold {colour}"), (f" — {sentence}" if sentence else "", colour)),
    )
    for reason in judgement["reasons"]:
        table.add_row("", Text(reason, "dim"))
    for step in judgement.get("advice", ()):
        table.add_row("→", Text(step))
    return table
