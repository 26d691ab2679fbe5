"""Panels of curves: the same curve of every result over its null, and a family of curves of one result."""

from __future__ import annotations

from typing import Any

import numpy
from matplotlib.axes import Axes

from collapse_cli.views import scale, style
from collapse_cli.views.document import Metric
from collapse_cli.views.panel import BAND, BEFORE, Panel, plain
from collapse_cli.views.words import titled

FAMILY = 6  # curves of one family, each of which the legend names


def curve(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    """The same curve of every result, over its null and what it was before training."""
    declared = measured[0][1]

    def fill(axes: Axes) -> None:
        x, y = _axes(axes, measured, declared)
        for null in {tuple(metric["null"]): metric for _, metric in measured if metric.get("null")}.values():
            _line(axes, null, "null", (x, y), color=style.NULL, linestyle="--", linewidth=1.4)
        for name, metric in measured:
            if metric.get("initial"):
                _line(axes, metric, "initial", (x, y), **style.line(places[name]) | BEFORE)
            dot = "o" if len(metric["values"]) == 1 or declared.get("dots") else ""
            look = style.line(places[name]) | ({"linestyle": ""} if declared.get("dots") else {})
            if metric.get("lowest"):
                _band(axes, metric, (x, y), style.line(places[name])["color"])
            _line(axes, metric, "values", (x, y), label=plain(name), marker=dot, markersize=5, **look)

    null = declared.get("null_is", "null") if any(metric.get("null") for _, metric in measured) else ""
    before, band = (any(metric.get(part) for _, metric in measured) for part in ("initial", "lowest"))
    return Panel(
        titled(declared["label"]), fill, tuple(name for name, _ in measured), null, before=before, band=band
    )


def _axes(axes: Axes, measured: list[tuple[str, Metric]], declared: Metric) -> tuple[scale.Axis, scale.Axis]:
    """Scales and names of both axes; a floor is stated where values lie below it."""
    log = declared.get("log", "")
    x = scale.axis(
        [v for _, metric in measured for v, _ in scale.points(metric["values"], metric.get("at"))], "x" in log
    )
    parts = ("values", "null", "lowest", "highest")
    y = scale.axis(
        [v for _, metric in measured for part in parts for v in metric.get(part) or []], "y" in log
    )
    axes.set(xlabel=_named(declared["x"], x), ylabel=_named(declared.get("y") or declared["label"], y))
    if x.log:
        axes.set_xscale("log")
    if y.log:
        axes.set_yscale("log")
    return x, y


def _named(name: str, axis: scale.Axis) -> str:
    """The name of an axis; what lies below its floor is drawn at the floor, and said so."""
    return titled(plain(name, 60)) + (f"\n≤ {axis.low:.0e}: drawn there" if axis.floored else "")


def _line(axes: Axes, metric: Metric, part: str, scales: tuple[scale.Axis, scale.Axis], **look: Any) -> None:
    """Values over x; below a floor they lie on it, and what is not a number is a gap."""
    axes.plot(*_points(metric, part, scales), **look)


def _band(axes: Axes, metric: Metric, scales: tuple[scale.Axis, scale.Axis], colour: str) -> None:
    """From the lowest to the highest of the runs that a curve is the mean of."""
    across, low = _points(metric, "lowest", scales)
    _, high = _points(metric, "highest", scales)
    axes.fill_between(across, low, high, color=colour, **BAND)


def _points(
    metric: Metric, part: str, scales: tuple[scale.Axis, scale.Axis]
) -> tuple[list[float], list[float]]:
    """x and y of what is drawn."""
    x, y = scales
    drawn = scale.points(metric[part], metric.get("at"))
    across = [max(at, x.low) for at, _ in drawn]
    return across, [numpy.nan if v is None else max(v, y.low) if y.log else v for _, v in drawn]


def lines(metric: Metric, name: str) -> Panel:
    """A family of curves of one result, from the first of them dark to the last light, both named where they end."""
    family = [(label, member | {"x": metric["x"]}) for label, member in metric["values"].items()]
    title = plain(" · ".join([titled(metric["label"]), *([name] if name else [])]), 60)

    def fill(axes: Axes) -> None:
        scales = _axes(axes, family, metric)
        for (label, member), colour in zip(family, style.family(len(family)), strict=True):
            _line(axes, member, "values", scales, label=plain(label), color=colour, linewidth=1.4)
        _name_family(axes, metric["of"])

    return Panel(title, fill)


def _name_family(axes: Axes, of: str) -> None:
    """The names of a few curves in a legend, of many only the first and the last, where these end."""
    drawn = axes.get_lines()
    if len(drawn) <= FAMILY:
        axes.legend(title=plain(of), title_fontsize=8, fontsize=8, handlelength=1.4)
        return
    ends = [(str(line.get_label()), numpy.asarray(line.get_xydata())[-1]) for line in (drawn[0], drawn[-1])]
    for (label, (x, y)), side in zip(sorted(ends, key=lambda end: end[1][1]), ("top", "bottom"), strict=True):
        axes.annotate(label, (x, y), (5, 0), textcoords="offset points", va=side, fontsize=8)
