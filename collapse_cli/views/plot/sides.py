"""The sides of a chart on axes of matplotlib: labels, scales, limits, and names in place of numbers."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import MaxNLocator

from collapse_cli.views.charts.chart import Side
from collapse_cli.views.plot.text import plain

ROOM = 0.04  # of an axis, beyond the outermost value
LONG = 5  # letters of a name, from which on it stands upright
NAMES = 24  # that an axis has room for


def set_sides(axes: Axes, x: Side, y: Side) -> None:
    """Labels, scales and limits; where values lie below a floor, the label says it."""
    axes.set(xlabel=named(x), ylabel=named(y))
    axes.set_xlim(*limits(x))
    axes.set_ylim(*limits(y))
    if x.scale.log:
        axes.set_xscale("log")
    if y.scale.log:
        axes.set_yscale("log")
    for axis, side in ((axes.xaxis, x), (axes.yaxis, y)):
        _ticks(axis, side)


def named(side: Side) -> str:
    """The label; what lies below the floor of a logarithmic axis is drawn at the floor, and said so."""
    return plain(side.label, 60) + (f"\n≤ {side.scale.low:.0e}: drawn there" if side.scale.floored else "")


def limits(side: Side) -> tuple[float, float]:
    """The range with some room; an axis that begins at 0 begins there."""
    low, high = side.scale.low, side.scale.high
    if side.scale.log:
        room = (high / low) ** ROOM
        return low / room, high * room
    room = ROOM * (high - low)
    return low - (room if low else 0.0), high + (room if high else 0.0)


def _ticks(axis: Axis, side: Side) -> None:
    if side.names:
        every = -(-len(side.names) // NAMES)
        places = list(range(0, len(side.names), every))
        upright = isinstance(axis, XAxis) and any(len(side.names[place]) > LONG for place in places)
        axis.set_ticks(
            places, [plain(side.names[place], 18) for place in places], rotation=90 if upright else 0
        )
    elif not side.scale.log:
        axis.set_major_locator(MaxNLocator(6, integer=side.whole, steps=[1, 2, 2.5, 5, 10]))
