"""The values of lines as a table: what a chart says to whoever does not see it."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.views.charts.chart import Curves, Line, Side
from collapse_cli.views.page.digits import chosen, four, interval
from collapse_cli.views.page.tables import Cell, Table, plain

TABLED = 64  # places of a table


def table(chart: Curves) -> Table:
    """The values of every line at some places of the axis."""
    return of_lines(chart.title, chart.x, [(line.label, line) for line in chart.lines])


def of_lines(title: str, side: Side, named: Sequence[tuple[str, Line]]) -> Table:
    every = sorted({x for _, line in named for x in line.x})
    places = [every[n] for n in chosen(len(every), TABLED, side.scale.log)]
    by_x = [
        {x: (y, (low, high)) for x, y, low, high in zip(
            line.x, line.y, line.low or [None] * len(line.x), line.high or [None] * len(line.x), strict=True)}
        for _, line in named
    ]  # fmt: skip
    rows = [
        (
            _place(side, x),
            [
                Cell(interval(*values.get(x, (None, None))), order=values.get(x, (None,))[0])
                for values in by_x
            ],
        )
        for x in places
    ]
    some = f", at {len(places)} of {len(every):,} places" if len(places) < len(every) else ""
    return plain(f"{title}{some}", side.label, [label for label, _ in named], rows)


def _place(side: Side, x: float) -> str:
    n = int(x)
    return side.names[n] if side.names and 0 <= n < len(side.names) else four(x)
