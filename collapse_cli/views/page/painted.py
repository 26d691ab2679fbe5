"""A chart of any kind as a figure of the page."""

from __future__ import annotations

from typing import Any

from collapse_cli.views.charts.chart import Bars, Chart, Checks, Clouds, Curves, Heat, Multiples, Scatter
from collapse_cli.views.page import svg_curves, svg_heat, svg_points, svg_rows
from collapse_cli.views.page.figure import Figure


def figure(chart: Chart) -> Figure:
    match chart:
        case Curves():
            return svg_curves.figure(chart)
        case Multiples():
            return svg_curves.multiples(chart)
        case Bars():
            return svg_rows.bars(chart)
        case Checks():
            return svg_rows.checks(chart)
        case Heat():
            return svg_heat.heat(chart)
        case Scatter():
            return svg_points.scatter(chart)
        case Clouds():
            return svg_points.clouds(chart)
    return Figure(chart.title, text=chart.text)


def content(chart: Chart) -> Any:
    """What two charts have in common that show the same: of lines their names and values, else all of it."""
    if isinstance(chart, Curves):
        return chart.title, tuple((line.label, line.x, line.y) for line in chart.lines)
    return chart
