"""Horizontal bars from 0 with their intervals, or dots where many results share a row; a null stands in its row."""

from __future__ import annotations

from typing import Any

import numpy
from matplotlib.axes import Axes

import collapse_cli.views.plot.labels as labels
from collapse_cli.figures import written
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Bar, Bars
from collapse_cli.views.plot.sides import limits
from collapse_cli.views.plot.text import plain

WRITTEN = 8  # bars that have room for their values
ROW, BAR = 0.1, 0.13  # inches of a row, and of each bar in it
THICK = 0.8  # of a row, that its bars fill


def height(chart: Bars) -> float:
    """Inches: the title, the axis, and so many rows of bars."""
    together = 1 if chart.dots else len(chart.bars)
    return 1.1 + len(chart.rows) * (ROW + BAR * max(together, 1.3))


def paint(axes: Axes, chart: Bars) -> None:
    """All rows, the first on top."""
    dots = chart.dots
    for place, bar in enumerate(chart.bars):
        if dots:
            axes.plot(_numbers(bar), range(len(bar.values)), **_look(bar, dots), linestyle="", markersize=5)
            for row, interval in enumerate(bar.intervals):
                if interval:
                    axes.plot(interval, [row, row], color=_look(bar, dots)["color"], linewidth=0.8)
        else:
            _bars(axes, chart, bar, place)
    _rows(axes, chart)
    _nulls(axes, chart)
    if len(chart.bars) > 1:
        looks = [(bar.label, {**_look(bar, dots), "linestyle": ""}) for bar in chart.bars]
        labels.key(axes, looks, right=_null_on_the_left(axes, chart))


def _numbers(bar: Bar) -> list[float]:
    return [numpy.nan if value is None else value for value in bar.values]


def _look(bar: Bar, dots: bool) -> dict[str, Any]:
    return style.marker(bar.place) if dots else {"color": style.marker(bar.place)["color"], "marker": "s"}


def _bars(axes: Axes, chart: Bars, bar: Bar, place: int) -> None:
    """The bars of one result, with intervals and, where there is room, values."""
    thick = THICK / len(chart.bars)
    at = numpy.arange(len(bar.values)) + (place - (len(chart.bars) - 1) / 2) * thick
    values = _numbers(bar)
    axes.barh(at, values, 0.9 * thick, color=_look(bar, False)["color"], label=bar.label)
    ends = list(values)
    for row, interval in enumerate(bar.intervals):
        if interval:
            axes.plot(interval, [at[row]] * 2, color=style.INK, linewidth=1.1, solid_capstyle="butt")
            ends[row] = max(ends[row], interval[1])
    if len(chart.rows) * len(chart.bars) <= WRITTEN:
        for row, value in enumerate(bar.values):
            end = 0.0 if numpy.isnan(ends[row]) else max(ends[row], 0.0)
            axes.annotate(
                written(value),
                (end, at[row]),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )


def _rows(axes: Axes, chart: Bars) -> None:
    axes.set_yticks(range(len(chart.rows)), [plain(row, 26) for row in chart.rows])
    axes.set_ylim(len(chart.rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    low, high = limits(chart.x)
    room = 0.1 * (high - low) if len(chart.rows) * len(chart.bars) <= WRITTEN else 0
    axes.set_xlim(low, high + room)
    axes.set_xlabel(plain(chart.x.label, 60))


def _null_on_the_left(axes: Axes, chart: Bars) -> bool:
    first = next((value for value in chart.nulls if value is not None), None)
    return first is not None and first < sum(axes.get_xlim()) / 2


def _nulls(axes: Axes, chart: Bars) -> None:
    """A dashed mark across each row that has a null, which the first of them names."""
    rows = [(row, value) for row, value in enumerate(chart.nulls) if value is not None]
    for row, value in rows:
        axes.plot(
            [value, value],
            [row - 0.45, row + 0.45],
            color=style.NULL,
            linestyle=style.NULL_DASHES,
            linewidth=1.3,
        )
    if rows:
        row, value = rows[0]
        axes.annotate(plain(chart.null_is, 24), (value, row - 0.47), (0, 1), textcoords="offset points", ha="center",
                      va="bottom", fontsize="x-small", color=style.NULL_INK, annotation_clip=False)  # fmt: skip
