"""Each kind of chart on its axes, and how high it is."""

from __future__ import annotations

from matplotlib.axes import Axes

import collapse_cli.views.plot.bars as bars
import collapse_cli.views.plot.checks as checks
import collapse_cli.views.plot.clouds as clouds
import collapse_cli.views.plot.curves as curves
import collapse_cli.views.plot.heat as heat
import collapse_cli.views.plot.multiples as multiples
import collapse_cli.views.plot.scatter as scatter
from collapse_cli.views import style
from collapse_cli.views.charts.chart import (
    Bars,
    Chart,
    Checks,
    Clouds,
    Curves,
    Heat,
    Multiples,
    Scatter,
    Sentence,
)
from collapse_cli.views.plot.text import title

ASPECT, LEAST, MOST = 0.56, 2.2, 3.2  # of a chart's height to its width; inches


def paint(axes: Axes, chart: Chart) -> None:
    """The chart with its title. Of small multiples the first alone, where only one pair of axes is there."""
    title(axes, chart.title)
    match chart:
        case Curves():
            curves.paint(axes, chart)
        case Multiples():
            title(axes, f"{chart.title}: {chart.charts[0].title}")
            curves.paint(axes, chart.charts[0])
        case Bars():
            bars.paint(axes, chart)
        case Heat():
            heat.paint(axes, chart)
        case Scatter():
            scatter.paint(axes, chart)
        case Checks():
            checks.paint(axes, chart)
        case Clouds():
            clouds.multiples(axes, chart.metric, style.marker(chart.place)["color"])
        case Sentence():
            axes.set_axis_off()


def height(chart: Chart, width: float) -> float:
    """Inches of a chart this many inches wide."""
    usual = min(max(ASPECT * width, LEAST), MOST)
    match chart:
        case Bars():
            return max(bars.height(chart), 1.3)
        case Heat():
            return max(usual, heat.height(chart, width))
        case Checks():
            return checks.height(chart)
        case Clouds():
            return 0.72 * width
        case Multiples():
            return multiples.height(chart, width)
    return usual
