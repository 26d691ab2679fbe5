"""A matrix in colours: every row and column is named, and each cell has its number where it can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from collapse_cli.figures import written
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Heat, Side
from collapse_cli.views.plot.text import plain

LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (ITU-R BT.601)
CELL = 0.21  # inches of a row whose numbers can be read
NAMES = 40  # rows or columns that are all named; of more, some
SMALLEST = 4.5  # points of a letter that can be read
FULL = 0.95  # of the width of axes, that is left once labels have their room


def height(chart: Heat, width: float) -> float:
    """Inches, with room for the numbers of up to NAMES rows."""
    return 1.0 + CELL * min(len(chart.values), NAMES)


def paint(axes: Axes, chart: Heat) -> None:
    values = numpy.array([[numpy.nan if v is None else v for v in row] for row in chart.values], dtype=float)
    map_name = style.DIVERGING if chart.diverging else style.HEAT
    image = axes.imshow(
        values, aspect="auto", interpolation="nearest", cmap=map_name, vmin=chart.low, vmax=chart.high
    )
    axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02).outline.set_visible(False)
    axes.grid(visible=False)
    axes.set(xlabel=plain(chart.columns.label, 60), ylabel=plain(chart.rows.label, 60))
    _names(axes, chart, values.shape)
    _numbers(axes, values, image.to_rgba)


def _names(axes: Axes, chart: Heat, shape: tuple[int, ...]) -> None:
    """All names, upright below where they are long; of very many every so-manieth."""
    for axis, side, count in ((axes.yaxis, chart.rows, shape[0]), (axes.xaxis, chart.columns, shape[1])):
        if not side.names and count > NAMES:
            axis.set_major_locator(MaxNLocator(integer=True))
            continue
        places = list(range(0, count, -(-count // NAMES)))
        texts = [_name(side, place) for place in places]
        upright = axis is axes.xaxis and max(map(len, texts), default=0) * len(texts) > 60
        axis.set_ticks(places, texts, rotation=90 if upright else 0, fontsize="small")


def _name(side: Side, place: int) -> str:
    return plain(side.names[place], 14) if side.names else str(place)


def _numbers(axes: Axes, values: Any, colour: Callable[..., Any]) -> None:
    """Each value in its cell, light on a dark one, in letters that the cell has room for."""
    texts = [[short(value) for value in row] for row in values]
    longest = max((len(text) for row in texts for text in row), default=1)
    inches = axes.bbox.width / axes.figure.get_figure(root=True).dpi
    wide = 72 * FULL * inches / max(values.shape[1], 1)
    points = min(wide / (0.6 * max(longest, 2)), style.size() * 0.85, 72 * CELL * 0.7)
    if points < SMALLEST or values.shape[0] > NAMES:
        return
    for (row, column), value in numpy.ndenumerate(values):
        dark = numpy.dot(colour(value)[:3], LUMA) < 0.5
        axes.text(column, row, texts[row][column], ha="center", va="center", fontsize=points,
                  color=style.PAPER if dark else style.INK)  # fmt: skip


def short(value: float) -> str:
    """A number in few letters: two decimals of what is no whole number, and none of `-0`."""
    if numpy.isnan(value):
        return written(None)
    if value == round(value):
        return f"{int(value)}"
    return f"{round(value, 2) + 0.0:.2f}" if abs(value) < 10 else f"{value:.0f}"
