"""The sides of a chart on axes of matplotlib: labels, scales, limits, and names in place of numbers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import MaxNLocator

from collapse_cli.views import style
from collapse_cli.views.charts.chart import Side
from collapse_cli.views.plot.text import inches, names, plain

ROOM = 0.04  # of an axis, beyond the outermost value
MARKER = 0.02  # of an axis that begins or ends at 0, so that markers there are whole
LONG = 5  # letters of a name, from which on it stands upright
NAMES = 24  # that an axis has room for
TICKS = 6  # numbers of an axis
LETTERS = 5.0  # that a number with its distance from the next takes, of the size of letters times 0.6


def set_sides(axes: Axes, x: Side, y: Side, markers: bool = False) -> None:
    """Labels, scales and limits; where values lie below a floor, the label says it. markers: with room for them at 0."""
    axes.set(xlabel=plain(x.label, 60), ylabel=plain(y.label, 60))
    axes.set_xlim(*limits(x, markers))
    axes.set_ylim(*limits(y, markers))
    if x.scale.log:
        axes.set_xscale("log")
    if y.scale.log:
        axes.set_yscale("log")
    for axis, side in ((axes.xaxis, x), (axes.yaxis, y)):
        _ticks(axis, side)


def limits(side: Side, markers: bool = False) -> tuple[float, float]:
    """The range with some room; an axis that begins at 0 begins there, or where a marker on 0 ends."""
    low, high = side.scale.low, side.scale.high
    if side.scale.log:
        room = (high / low) ** ROOM
        return low / room, high * room
    room, at_zero = ROOM * (high - low), MARKER * (high - low) if markers else 0.0
    return low - (room if low else at_zero), high + (room if high else at_zero)


def refit(axes: Axes, x: Side) -> None:
    """No more numbers below the axes than the width that the layout has left can hold."""
    if not x.names and not x.scale.log:
        _locate(axes.xaxis, x.whole, int(72 * inches(axes) / (0.6 * style.size() * LETTERS)))


def _locate(axis: Axis, whole: bool, most: int = TICKS) -> None:
    axis.set_major_locator(
        MaxNLocator(min(max(most, 2), TICKS), integer=whole, steps=[1, 2, 2.5, 5, 10], min_n_ticks=2)
    )


def _ticks(axis: Axis, side: Side) -> None:
    if side.names:
        every = -(-len(side.names) // NAMES)
        places = list(range(0, len(side.names), every))
        texts = names([side.names[place] for place in places], 18)
        upright = isinstance(axis, XAxis) and any(len(text) > LONG for text in texts)
        axis.set_ticks(places, texts, rotation=90 if upright else 0)
    elif not side.scale.log:
        _locate(axis, side.whole)
