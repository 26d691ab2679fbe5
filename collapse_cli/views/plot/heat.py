"""A matrix in colours: every row and column is named, and each cell has its number where it can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from collapse_cli.figures import written
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Heat
from collapse_cli.views.plot.text import names, plain

LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (ITU-R BT.601)
CELL = 0.21  # inches of a row whose numbers can be read
NAMES = 40  # rows or columns that are all named; of more, some
SMALLEST = 4.5  # points of a letter that can be read
FULL = 0.9  # of a cell, that its number fills
NUMBER = "number of a cell"


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
        texts = names([side.names[place] if side.names else str(place) for place in places], 14)
        upright = axis is axes.xaxis and max(map(len, texts), default=0) * len(texts) > 60
        axis.set_ticks(places, texts, rotation=90 if upright else 0, fontsize="small")


def _numbers(axes: Axes, values: Any, colour: Callable[..., Any]) -> None:
    """Each value in its cell, light on a dark one; of letters that `settle` makes as large as the cells allow."""
    if max(values.shape) > NAMES:
        return
    for (row, column), value in numpy.ndenumerate(values):
        dark = numpy.dot(colour(value)[:3], LUMA) < 0.5
        axes.text(column, row, short(value), ha="center", va="center", fontsize=0.85 * style.size(), gid=NUMBER,
                  color=style.PAPER if dark else style.INK)  # fmt: skip


def settle(axes: Axes) -> None:
    """Numbers as large as the cells of the final layout hold; none where they could not be read."""
    numbers = [text for text in axes.texts if text.get_gid() == NUMBER]
    if not numbers:
        return
    down, across = axes.get_images()[0].get_array().shape  # type: ignore[union-attr]
    boxes = [text.get_window_extent() for text in numbers]
    wide, high = max(box.width for box in boxes), max(box.height for box in boxes)
    room = min(FULL * axes.bbox.width / across / wide, FULL * axes.bbox.height / down / high, 1.0)
    size = room * numbers[0].get_fontsize()
    for text in numbers:
        text.set_fontsize(size)
        if size < SMALLEST:
            text.remove()


def short(value: float) -> str:
    """A number in few letters: two decimals of what is no whole number, and none of `-0`."""
    if numpy.isnan(value):
        return written(None)
    if value == round(value):
        return f"{int(value)}"
    return f"{round(value, 2) + 0.0:.2f}" if abs(value) < 10 else f"{value:.0f}"
