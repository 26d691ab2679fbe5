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
from collapse_cli.views.plot.sides import refit
from collapse_cli.views.plot.text import refit as refit_title
from collapse_cli.views.plot.text import title

ASPECT, LEAST, MOST = 0.56, 1.9, 3.2  # of a chart's height to its width; inches


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


def paint_inside(axes: Axes, chart: Chart) -> None:
    """The same on axes whose surroundings are not known: labels of lines and points stand in a key within the axes."""
    curve = chart.charts[0] if isinstance(chart, Multiples) else chart
    if not isinstance(curve, Curves):
        paint(axes, chart)
        settle(axes, chart)
        return
    title(axes, chart.title if curve is chart else f"{chart.title}: {curve.title}")
    curves.paint(axes, curve, labelled=False)
    curves.key_inside(axes, curve)


def fit(axes: Axes, chart: Chart) -> None:
    """Titles and numbers of the axis below in the room that the first layout has left."""
    if isinstance(chart, Curves | Scatter | Bars):
        refit(axes, chart.x)
    if axes.get_title(loc="left") and not isinstance(chart, Clouds):
        refit_title(axes, chart.title)


def settle(axes: Axes, chart: Chart) -> None:
    """What needs to know the final layout: labels at lines and points, numbers in cells."""
    match chart:
        case Curves():
            curves.settle(axes, chart)
        case Scatter():
            scatter.label(axes, chart)
        case Heat():
            heat.settle(axes)


def height(chart: Chart, width: float) -> float:
    """Inches of a chart this many inches wide."""
    usual = min(max(ASPECT * width, LEAST), MOST)
    match chart:
        case Bars():
            return max(bars.height(chart, width), 1.3)
        case Curves():
            return curves.height(chart, usual, width)
        case Heat():
            return max(usual, heat.height(chart, width))
        case Checks():
            return checks.height(chart)
        case Clouds():
            return clouds.height(width)
        case Multiples():
            return multiples.height(chart, width)
    return usual
