"""An answer at the terminal: tables, sketches of curves, and the verdict last, where the eye is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table
from rich.text import Text

from collapse_cli.views import grid, words
from collapse_cli.views.document import Document, Group, Metric, groups, verdicts
from collapse_cli.views.grid import Grid
from collapse_cli.views.plain_letters import fitted
from collapse_cli.views.sketch import MARGIN, sketch, sparkline, thinned
from collapse_cli.views.tables import NAME, tables

BRIEF = 40  # numbers of a result, of more than which only headlines are shown
ROWS = 12  # of an `each` table, and inputs; the others are in the JSON


def show(document: Document, console: Console | None = None) -> None:
    """Print an answer to stdout."""
    console = console or stdout()
    for group in groups(document):
        for part in _group(group, console.width):
            console.print(part)
    for one in document["inputs"][:ROWS]:
        console.print(Text(words.source(one), "dim"))
    if len(document["inputs"]) > ROWS:
        console.print(Text(f"… {len(document['inputs']) - ROWS} more inputs in --json", "dim"))
    for name, one in verdicts(document):
        console.print(verdict(one, name))
        for command in one.get("commands", ()):
            console.print(Text(f"→ {words.plain(command)}"), soft_wrap=True)  # one line, to be copied


def stdout() -> Console:
    """A console that never fails for a letter that stdout cannot carry."""
    return Console(file=fitted(sys.stdout), highlight=False, markup=False, emoji=False)


def _group(group: Group, width: int) -> Iterator[Any]:
    """A title, the numbers, one small table for each `each`, the sketches and the settings."""
    many = len(group.entries) > grid.MANY
    brief = many or len(group.declared("number")) > BRIEF
    yield Text(group.title, "bold")
    numbers = grid.numbers(group, headline=brief)
    yield from tables(numbers.turned() if many else numbers, width)
    yield from _left_out(group, brief)
    for key, metric in group.declared("each").items():
        yield from _each(group, key, metric, width)
    for key, metric in group.declared("curve").items():
        if metric.get("sketch"):
            yield from _curves(group.measured(key), metric, width)
    for key in group.declared("lines"):
        yield from _families(group.measured(key))
    for key in group.declared("matrix"):
        yield from _named_matrices(group.measured(key), width)
    yield Text("\n".join([*grid.footer(group, headline=brief), *_drawn(group)]), "dim")
    yield ""


def _left_out(group: Group, brief: bool) -> Iterator[Text]:
    """Of many results, or of results with many numbers, only headlines are shown: say how many numbers were not."""
    chosen = group.declared("number")
    shown = sum(bool(metric.get("headline")) for metric in chosen.values()) or len(chosen)
    if brief and len(chosen) > shown:
        yield Text(f"… {len(chosen) - shown} more for each in --json and --html", "dim")


def _drawn(group: Group) -> list[str]:
    """What has to be drawn to be seen."""
    families = [
        f"{metric['label']}: {len(metric['values'])} curves, drawn by --plot"
        for key, metric in group.declared("lines").items()
        if len(group.measured(key)) > 1 or len(metric["values"]) > ROWS
    ]
    matrices = [m for m in group.declared("matrix").values() if not _readable(m)]
    clouds = [
        f"{m['label']}: {len(m['values'])} frames, drawn by --plot" for m in group.declared("frames").values()
    ]
    return [*families, *(f"{metric['label']}: a matrix, drawn by --plot" for metric in matrices), *clouds]


def _readable(metric: Metric) -> bool:
    """Whether a matrix knows what its rows and columns are called, and has few of them."""
    return all(0 < len(metric.get(part, ())) <= ROWS for part in ("row_names", "column_names"))


def _named_matrices(measured: list[tuple[str, Metric]], width: int) -> Iterator[Any]:
    """Small matrices as tables, each by its result where there are several."""
    for name, metric in (one for one in measured if _readable(one[1])):
        of = f" of {words.shortened(name, NAME)}" if len(measured) > 1 else ""
        yield ""
        yield Text.assemble(metric["label"] + of, (f", {metric['rows']} × {metric['columns']}", "dim"))
        yield from tables(grid.named(metric), width)


def _families(measured: list[tuple[str, Metric]]) -> Iterator[Any]:
    """The family of a single result, a sparkline for each of its curves, on one scale."""
    for _, metric in measured if len(measured) == 1 and len(measured[0][1]["values"]) <= ROWS else ():
        family = {name: one | {"log": metric.get("log", "")} for name, one in metric["values"].items()}
        yield ""
        yield _caption(metric, null=False)
        yield from (_spark(name, one, list(family.values())) for name, one in family.items())


def _each(group: Group, key: str, metric: Metric, width: int) -> Iterator[Any]:
    """The first rows of an `each` metric, and how many there are besides."""
    whole = grid.names(group, key)
    shown = Grid(whole.rows[:ROWS], whole.columns, whole.cells[:ROWS])
    unit = f", {metric['unit']}" if metric.get("unit") else ""
    yield ""
    yield Text.assemble(metric["label"], (f"{unit}, by {metric['of']}", "dim"))
    yield from tables(shown, width)
    if len(whole.rows) > ROWS:
        yield Text(f"… {len(whole.rows) - ROWS} more in --json", "dim")


def _curves(measured: list[tuple[str, Metric]], metric: Metric, width: int) -> Iterator[Any]:
    """One result: a large sketch; a few: small ones with the same axes; many: a sparkline each."""
    along = [one for _, one in measured]
    yield ""
    yield _caption(metric, null=len(measured) <= grid.MANY)
    if len(measured) == 1:
        yield _sketch(sketch(metric, min(60, width - MARGIN - 2)))
    elif len(measured) <= grid.MANY:
        each = max(width // max(width // 39, 1) - MARGIN - 3, 10)
        yield Columns([_named(name, sketch(one, each, 6, along)) for name, one in measured], padding=(0, 1))
    else:
        yield from (_spark(name, one, along) for name, one in measured)


def _caption(metric: Metric, null: bool) -> Text:
    log = {"x": "log x", "y": "log", "xy": "log-log"}.get(metric.get("log", ""), "")
    said = ", ".join(text for text in (metric.get("y", ""), log) if text)
    light = f"   · {metric.get('null_is', 'null')}" if null and metric.get("null") else ""
    return Text.assemble(metric["label"], (f" ({said})" if said else "", "dim"), (light, "dim"))


def _named(name: str, lines: list[str]) -> Text:
    """A sketch under the name of its result."""
    width = max(map(len, lines))
    return _sketch([" " * (MARGIN + 1) + words.shortened(name, width - MARGIN - 1), *lines])


def _sketch(lines: list[str]) -> Text:
    """The curve in colour, axes and null dim."""
    text = Text("\n".join(lines))
    text.highlight_regex(r"[⠁-⣿]+", "cyan")
    text.highlight_regex(r"[│┤└─·]+", "dim")
    return text


def _spark(name: str, metric: Metric, along: list[Metric]) -> Text:
    """Name, sparkline, first and last value."""
    values = metric["values"]
    bars = sparkline(thinned(values, 24), "y" in metric.get("log", ""), [one["values"] for one in along])
    ends = f"{words.figures(values[0])} … {words.figures(values[-1])}" if values else ""
    return Text.assemble(
        f"{words.shortened(name, NAME):<{NAME}} ", (f"{bars:<24}", "cyan"), (f" {ends}", "dim")
    )


def verdict(one: dict[str, Any], name: str) -> Table:
    """One coloured sentence behind its mark, the reasons below it, then what to try."""
    mark, status, sentence = words.verdict(one)
    colour = words.MARKS.get(one["status"], ("", ""))[1]
    head = f"{name}: {status}" if name else status
    table = Table.grid(padding=(0, 1))
    table.add_row(
        Text(mark, colour),
        Text.assemble((head, f"bold {colour}"), (f" — {sentence}" if sentence else "", colour)),
    )
    for reason in one["reasons"]:
        table.add_row("", Text(words.plain(reason), "dim"))
    for step in one.get("advice", ()):
        table.add_row("→", Text(words.plain(step)))
    return table
