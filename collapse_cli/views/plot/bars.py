"""Horizontal bars from 0 with their intervals, or dots where many results share a row; a null stands in its row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from matplotlib import patheffects
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

import collapse_cli.views.plot.labels as labels
from collapse_cli.figures import written
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Bar, Bars
from collapse_cli.views.plot.sides import limits
from collapse_cli.views.plot.text import inches, letters, names, plain

WRITTEN = 8  # bars that have room for their values
GAP, BAR, VALUE = (
    0.006,
    0.0115,
    0.016,
)  # inches between rows, of a bar, and of one with its value, times the size of letters
LINE = 0.0165  # inches of a line of a name, times the size of letters
THICK = 0.8  # of a row, that its bars fill
SHARE = 0.5  # of the axes' width before the layout, that names of rows may take
BEGINNING = 0.7  # of a figure's width, that axes have before the layout
WHISKERS = "95 % interval"


def height(chart: Bars, width: float) -> float:
    """Inches: the title, the axis, and so many rows of bars."""
    together = max(1 if chart.dots else len(chart.bars), 1.3)
    lines = max((text.count("\n") + 1 for text in _names(chart, BEGINNING * width)), default=1)
    row = GAP + max(together * (VALUE if _written(chart) else BAR), lines * LINE)
    keys = labels.high(_key(chart), BEGINNING * width) if _key(chart) else 0.0
    return 0.85 + keys + len(chart.rows) * row * style.size()


def paint(axes: Axes, chart: Bars) -> None:
    """All rows, the first on top."""
    for order, bar in enumerate(chart.bars):
        (_dots if chart.dots else _bars)(axes, chart, bar, order)
    _rows(axes, chart)
    _nulls(axes, chart)
    if texts := _key(chart):
        labels.key(axes, texts, _marks(chart), right=_null_on_the_left(axes, chart))


def _key(chart: Bars) -> list[str]:
    """What bars and whiskers are, those that need a word."""
    several = [bar.label for bar in chart.bars] if len(chart.bars) > 1 else []
    whiskers = any(interval for bar in chart.bars for interval in bar.intervals)
    return [*several, *([WHISKERS] if whiskers else [])]


def _marks(chart: Bars) -> list[Artist]:
    """The marks of the key, one for each of its names and perhaps one more for whiskers."""
    several: Sequence[Artist] = ()
    if len(chart.bars) > 1 and chart.dots:
        several = [Line2D([], [], linestyle="", **style.marker(bar.place)) for bar in chart.bars]
    elif len(chart.bars) > 1:
        several = [Patch(**style.bar(bar.place, order)) for order, bar in enumerate(chart.bars)]
    return [*several, Line2D([], [], color=style.INK, linewidth=1.1)][: len(_key(chart))]


def _numbers(bar: Bar) -> list[float]:
    return [numpy.nan if value is None else value for value in bar.values]


def _at(chart: Bars, order: int) -> numpy.ndarray:
    """Where a result stands in each row: those that share it are one below the other."""
    thick = THICK / len(chart.bars)
    return numpy.arange(len(chart.rows)) + (order - (len(chart.bars) - 1) / 2) * thick


def _dots(axes: Axes, chart: Bars, bar: Bar, order: int) -> None:
    """A marker in each row, with its interval."""
    look, at = style.marker(bar.place), _at(chart, order)
    axes.plot(_numbers(bar), at, **look, linestyle="", markersize=4)
    for row, interval in enumerate(bar.intervals):
        if interval:
            axes.plot(interval, [at[row]] * 2, color=look["color"], linewidth=0.8)


def _written(chart: Bars) -> bool:
    return len(chart.rows) * len(chart.bars) <= WRITTEN


def _bars(axes: Axes, chart: Bars, bar: Bar, order: int) -> None:
    """The bars of one result, with intervals and, where there is room, values."""
    at, values = _at(chart, order), _numbers(bar)
    axes.barh(at, values, 0.9 * THICK / len(chart.bars), label=bar.label, **style.bar(bar.place, order))
    ends = list(values)
    for row, interval in enumerate(bar.intervals):
        if interval:
            axes.plot(interval, [at[row]] * 2, color=style.INK, linewidth=1.1, solid_capstyle="butt")
            ends[row] = max(ends[row], interval[1])
    for row, value in enumerate(bar.values if _written(chart) else ()):
        end = 0.0 if numpy.isnan(ends[row]) else max(ends[row], 0.0)
        axes.annotate(
            written(value),
            (end, at[row]),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )


def _names(chart: Bars, width: float) -> list[str]:
    """The names of the rows, in at most two lines each, beside axes that begin this many inches wide."""
    return names(chart.rows, letters(SHARE * width), 2)


def _rows(axes: Axes, chart: Bars) -> None:
    axes.set_yticks(range(len(chart.rows)), _names(chart, inches(axes)))
    axes.set_ylim(len(chart.rows) - 0.5, -0.5)
    if chart.gap:
        axes.axhline(chart.gap - 0.5, color=style.INK, linewidth=0.8, linestyle=(0, (2, 4)))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    low, high = limits(chart.x, markers=chart.dots)
    room = 0.1 * (high - low) if _written(chart) else 0
    axes.set_xlim(low, high + room)
    axes.set_xlabel(plain(chart.x.label, 60))


def _null_on_the_left(axes: Axes, chart: Bars) -> bool:
    first = next((value for value in chart.nulls if value is not None), None)
    return first is not None and first < sum(axes.get_xlim()) / 2


def _nulls(axes: Axes, chart: Bars) -> None:
    """A dashed mark across each row that has a null, white at its sides where it lies on a bar; the first names them."""
    rows = [(row, value) for row, value in enumerate(chart.nulls) if value is not None]
    halo = [patheffects.withStroke(linewidth=4, foreground=style.PAPER)]
    for row, value in rows:
        axes.plot([value, value], [row - 0.45, row + 0.45], color=style.INK, linestyle=style.NULL_DASHES,
                  linewidth=1.3, path_effects=halo)  # fmt: skip
    if rows:
        row, value = rows[0]
        axes.annotate(plain(chart.null_is, 24), (value, row - 0.47), (0, 1), textcoords="offset points", ha="center",
                      va="bottom", fontsize="x-small", color=style.NULL_INK, annotation_clip=False)  # fmt: skip
