"""A curve drawn in the terminal: braille dots for the curve, light dots for its null. Plain text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from collapse_cli.views.scale import Axis, axis, points
from collapse_cli.views.words import figures, shortened

BARS = "▁▂▃▄▅▆▇█"
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille letter: [row][column]
MARGIN = 8  # letters for the y labels
Values = Sequence[float | None]
Points = list[tuple[float, float | None]]


def sparkline(values: Values, log: bool = False, along: Sequence[Values] = ()) -> str:
    """One bar for each value, a blank for what is not a number; `along`: values that share the scale."""
    scale = axis([v for each in (values, *along) for v in each], log)
    return "".join(" " if v is None else BARS[min(int(scale.at(v) * 8), 7)] for v in values)


def thinned(values: Values, width: int) -> list[float | None]:
    """At most `width` of the values, evenly chosen, the first and the last among them."""
    if len(values) <= width:
        return list(values)
    return [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]


def sketch(
    metric: dict[str, Any], width: int = 60, height: int = 8, along: Sequence[dict[str, Any]] = ()
) -> list[str]:
    """Lines of text: a curve with y labels, an x axis and its null; `along`: curves that share the axes."""
    x, y = _axes([metric, *along], metric.get("log", ""))
    curve = _ink(points(metric["values"], metric.get("at")), x, y, width, height)
    null = _ink(points(metric["null"], metric.get("at")), x, y, width, height) if metric.get("null") else {}
    labels = {0: y.high, (height - 1) // 2: _label_at(y, (height - 1) // 2, height), height - 1: y.low}
    lines = [_line(row, width, curve, null, labels, y) for row in range(height)]
    return [*lines, " " * MARGIN + "└" + "─" * width, " " * (MARGIN + 1) + _below(x, metric["x"], width)]


def _axes(curves: Sequence[dict[str, Any]], log: str) -> tuple[Axis, Axis]:
    """The axes that hold all curves and their nulls."""
    xs = [x for curve in curves for x, _ in points(curve["values"], curve.get("at"))]
    ys = [y for curve in curves for y in [*curve["values"], *(curve.get("null") or [])]]
    return axis(xs, "x" in log), axis(ys, "y" in log)


def _ink(curve: Points, x: Axis, y: Axis, width: int, height: int) -> dict[tuple[int, int], int]:
    """(row, column) -> the dots of a braille letter, where the curve passes; gaps stay gaps."""
    ink: dict[tuple[int, int], int] = {}
    places = [None if v is None else _dot(x.at(at), y.at(v), width, height) for at, v in curve]
    for before, after in zip([None, *places], places, strict=False):
        for column, row in _between(before or after, after) if after else ():
            cell = (row // 4, column // 2)
            ink[cell] = ink.get(cell, 0) | DOTS[row % 4][column % 2]
    return ink


def _dot(across: float, up: float, width: int, height: int) -> tuple[int, int]:
    return round(across * (2 * width - 1)), round((1 - up) * (4 * height - 1))


def _between(start: tuple[int, int] | None, end: tuple[int, int]) -> Iterable[tuple[int, int]]:
    """Every dot on the straight line."""
    (c, r), (column, row) = start or end, end
    steps = max(abs(column - c), abs(row - r), 1)
    return [(round(c + (column - c) * i / steps), round(r + (row - r) * i / steps)) for i in range(steps + 1)]


def _line(
    row: int,
    width: int,
    curve: dict[tuple[int, int], int],
    null: dict[tuple[int, int], int],
    labels: dict[int, float],
    y: Axis,
) -> str:
    letters = (
        chr(0x2800 + curve[row, c]) if (row, c) in curve else "·" if (row, c) in null else " "
        for c in range(width)
    )
    label = _tick(labels[row], y) if row in labels else ""
    return f"{label:>{MARGIN - 1}} {'┤' if label else '│'}{''.join(letters)}".rstrip()


def _label_at(y: Axis, row: int, height: int) -> float:
    """The value in the middle of a row."""
    up = 1 - (row + 0.5) / height
    if y.log:
        return float(10 ** (math.log10(y.low) + up * (math.log10(y.high) - math.log10(y.low))))
    return y.low + up * (y.high - y.low)


def _tick(value: float, y: Axis) -> str:
    """A label; `≤` where smaller values are drawn at the floor."""
    text = (
        f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e") if y.log and value < 0.01 else figures(value)
    )
    return f"≤{text}" if y.floored and value == y.low else text


def _below(x: Axis, name: str, width: int) -> str:
    """Both ends of the x axis, its name between them."""
    low, high = figures(x.low), figures(x.high)
    room = width - len(low) - len(high)
    return low + shortened(name, room - 2).center(room) + high
