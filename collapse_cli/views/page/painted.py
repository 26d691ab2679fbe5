"""A chart of any kind as a figure of the page."""

from __future__ import annotations

from typing import Any

from collapse_cli.views.charts.chart import Bars, Chart, Checks, Clouds, Curves, Heat, Multiples, Scatter
from collapse_cli.views.page.figure import Figure
from collapse_cli.views.page.svg_curves import figure as curves
from collapse_cli.views.page.svg_curves import multiples
from collapse_cli.views.page.svg_heat import heat
from collapse_cli.views.page.svg_points import clouds, scatter
from collapse_cli.views.page.svg_rows import bars, checks


def figure(chart: Chart) -> Figure:
    match chart:
        case Curves():
            return curves(chart)
        case Multiples():
            return multiples(chart)
        case Bars():
            return bars(chart)
        case Checks():
            return checks(chart)
        case Heat():
            return heat(chart)
        case Scatter():
            return scatter(chart)
        case Clouds():
            return clouds(chart)
    return Figure(chart.title, text=chart.text)


def content(chart: Chart) -> Any:
    """What two charts have in common that show the same: of lines their names and values, else all of it."""
    if isinstance(chart, Curves):
        return chart.title, tuple((line.label, line.x, line.y) for line in chart.lines)
    return chart
