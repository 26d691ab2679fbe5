"""Panels of rows: a bar or a dot for each name of an `each`, and for each result of a number."""

from __future__ import annotations

import numpy
from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.document import Metric
from collapse_cli.views.panel import Panel, measured_in, plain
from collapse_cli.views.words import figures, titled

BARS = 20  # rows of an `each`; the others are in the JSON
GROUPED = 3  # results whose bars stand together; of more, each is a dot


def each(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    """A row for each name, with a bar for each result, or a dot where many results share the row."""
    declared = measured[0][1]
    every = list(dict.fromkeys(row for _, metric in measured for row in metric["values"]))
    rows = every[:BARS]

    def fill(axes: Axes) -> None:
        for place, (name, metric) in enumerate(measured):
            values = [numpy.nan if metric["values"].get(r) is None else metric["values"][r] for r in rows]
            _row_marks(axes, values, place, len(measured), places[name], name)
        _row_axis(axes, [plain(row, 24) for row in rows])
        axes.set_xlabel(titled(plain(declared.get("unit") or declared["label"], 60)))

    more = f" (… {len(every) - BARS} more)" if len(every) > BARS else ""
    title = f"{titled(declared['label'])}, by {declared['of']}{more}"
    return Panel(title, fill, tuple(name for name, _ in measured), height=_height(len(rows), len(measured)))


def _row_marks(axes: Axes, values: list[float], place: int, of: int, colour: int, name: str) -> None:
    """Bars side by side for a few results, dots on one line for many."""
    look = style.line(colour)["color"]
    at = numpy.arange(len(values), dtype=float)
    if of > GROUPED:
        axes.plot(values, at, "o", color=look, markersize=5.5, alpha=0.9, label=plain(name))
    else:
        thick = 0.78 / of
        axes.barh(at + (place - (of - 1) / 2) * thick, values, thick * 0.92, color=look, label=plain(name))


def _row_axis(axes: Axes, rows: list[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _height(rows: int, results: int) -> float:
    """Inches for so many rows of bars."""
    return max(3.4, 1.0 + rows * 0.13 * max(min(results, GROUPED), 1.6))


def number(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    declared = measured[0][1]

    def fill(axes: Axes) -> None:
        for row, (name, metric) in enumerate(measured):
            value = metric["value"]
            axes.barh(row, value or 0, 0.6, color=style.line(places[name])["color"])
            axes.annotate(
                figures(value, pad=True), (value or 0, row), (4, 0), textcoords="offset points", va="center"
            )
            if metric.get("null") is not None:
                axes.vlines(metric["null"], row - 0.4, row + 0.4, color=style.NULL, linestyle="--")
        _row_axis(axes, [plain(name, 24) for name, _ in measured])
        axes.set_xlabel(measured_in(declared))
        axes.margins(x=0.14)

    null = (
        declared.get("null_is", "null")
        if any(metric.get("null") is not None for _, metric in measured)
        else ""
    )
    return Panel(titled(declared["label"]), fill, (), null, height=_height(len(measured), 2))
