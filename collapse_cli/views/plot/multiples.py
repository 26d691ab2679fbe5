"""The same curve of many results, each in small axes of its own with the same range."""

from __future__ import annotations

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

import collapse_cli.views.plot.curves as curves
from collapse_cli.views.charts.chart import Curves, Multiples
from collapse_cli.views.plot.text import plain

SMALL = 1.9  # inches of small axes, about
HIGH = 1.5  # inches of a row of them


def columns(chart: Multiples, width: float) -> int:
    """As many as fit, of those numbers the one that leaves the fewest places empty."""
    count = len(chart.charts)
    fitting = range(min(2, count), max(min(int(width / SMALL), count), min(2, count)) + 1)
    return min(fitting, key=lambda across: (-count % across, -across))


def height(chart: Multiples, width: float) -> float:
    """Inches of all rows, with the title and the label below."""
    return 0.8 + HIGH * -(-len(chart.charts) // columns(chart, width))


def paint(part: SubFigure, chart: Multiples) -> None:
    """Rows of small axes; the first names its lines, the left and lowest ones have numbers."""
    across = columns(chart, part.figure.get_size_inches()[0])
    part.suptitle(
        plain(chart.title, 58),
        x=0.01,
        ha="left",
        fontweight="bold",
        fontsize=matplotlib.rcParams["axes.titlesize"],
    )
    first = chart.charts[0]
    part.supxlabel(plain(first.x.label, 60), fontsize="medium")
    part.supylabel(plain(first.y.label, 40), fontsize="medium")
    every = part.subplots(
        -(-len(chart.charts) // across), across, sharex=not first.x.names, sharey=True, squeeze=False
    )
    for number, axes in enumerate(every.flat):
        if number < len(chart.charts):
            _small(axes, chart, number, lowest=bool(first.x.names) or number + across >= len(chart.charts))
        else:
            axes.set_axis_off()
    _key(every.flat[0], every.flat[-1], first)


def _small(axes: Axes, chart: Multiples, number: int, lowest: bool) -> None:
    small = chart.charts[number]
    axes.set_title(plain(small.title, 24), fontweight="normal", fontsize="medium", pad=3)
    curves.paint(axes, small, labelled=False)
    axes.set(xlabel="", ylabel="")
    axes.tick_params(labelbottom=lowest)


def _key(first: Axes, last: Axes, chart: Curves) -> None:
    """What the lines are, in the place that is left empty, or else in the first axes."""
    lines = first.get_lines()
    chosen = [lines[0], lines[-1]] if chart.shades else lines
    if len(lines) > 1:
        at = last if not last.axison else first
        at.legend(handles=chosen, fontsize="small" if at is last else "x-small", handlelength=1.8, loc="best")
