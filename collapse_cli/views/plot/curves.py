"""Lines over one pair of axes: each is labelled where it ends, in ink beside its own mark."""

from __future__ import annotations

from typing import Any

import numpy
from matplotlib.axes import Axes

import collapse_cli.views.plot.labels as labels
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Curves, Line, Side
from collapse_cli.views.plot.sides import set_sides
from collapse_cli.views.plot.text import names

BAND = 0.3  # opacity
THIN = 1.0  # points of a line with a band
INNER = 0.77  # of a chart, that axes have before the layout
WIDTHS = {"result": 1.7, "null": 1.2, "initial": 1.2}


def paint(axes: Axes, chart: Curves, labelled: bool = True) -> None:
    """Bands first, then nulls, what was at initialisation, results. labelled: each line says where it ends what it is, or a
    key does where that has no room.
    """
    looks = looks_of(chart)
    set_sides(axes, chart.x, chart.y, markers=any(look["marker"] for look in looks))
    for line, look in zip(chart.lines, looks, strict=True):
        if line.low:
            _band(axes, line, chart, look["color"])
    for line, look in zip(chart.lines, looks, strict=True):
        x, y = points(line, chart)
        axes.plot(x, y, label=line.label, **look)
    _note(axes, chart)
    height = axes.bbox.height / axes.figure.get_figure(root=True).dpi
    if labelled and labels.fit(chart, height):
        labels.at_ends(axes, chart, looks)
    elif labelled:
        key(axes, chart)


def key(axes: Axes, chart: Curves) -> None:
    """All labels above the axes."""
    looks, named = looks_of(chart), labels.named_lines(chart)
    if named:
        labels.key(axes, [chart.lines[n].label for n in named], labels.lines([looks[n] for n in named]))


def key_inside(axes: Axes, chart: Curves) -> None:
    """All labels where the lines leave most room within the axes."""
    looks, named = looks_of(chart), labels.named_lines(chart)
    if named:
        texts = names([chart.lines[n].label for n in named], labels.WIDE)
        axes.legend(
            handles=labels.lines([looks[n] for n in named]), labels=texts, fontsize="small", loc="best"
        )


def height(chart: Curves, usual: float, width: float) -> float:
    """Inches of a chart that is usually this high: more where it has a key."""
    if labels.fit(chart, INNER * usual):
        return usual
    named = labels.named_lines(chart)
    return usual + labels.high([chart.lines[n].label for n in named], INNER * width)


def settle(axes: Axes, chart: Curves) -> None:
    """Labels at the ends once more, at distances of the height that the layout has left."""
    if axes.get_legend() is None:
        labels.at_ends(axes, chart, looks_of(chart))


def looks_of(chart: Curves) -> list[dict[str, Any]]:
    """Colour, dashes, width and marker of each line; a lone result needs no marker."""
    if chart.shades:
        colours = style.shades(len(chart.lines))
        return [{"color": c, "linestyle": "-", "linewidth": 1.2, "marker": ""} for c in colours]
    looks = [{**style.line(each.role, each.place), "linewidth": WIDTHS[each.role]} for each in chart.lines]
    results = [each for each in chart.lines if each.role == "result"]
    return [_marked(look, each, len(results)) for look, each in zip(looks, chart.lines, strict=True)]


def _marked(look: dict[str, Any], line: Line, results: int) -> dict[str, Any]:
    """Markers at a few of the points of a line; at all of them where points are not joined, or there is but one."""
    count = len(line.y)
    if not line.joined:
        return look | {"linestyle": "", "markersize": 4}
    if line.low:
        look = look | {"linewidth": THIN}
    if count == 1 or line.role != "result":
        return look | {"markersize": 4.5}
    if results == 1:
        return look | {"marker": ""}
    return look | {"markersize": 4, "markevery": (line.place % 3 * 0.03, 0.16)}


def points(line: Line, chart: Curves) -> tuple[list[float], list[float]]:
    """x and y as they are drawn: what lies below a floor lies on it, and what is not a number is a gap."""
    return [max(x, chart.x.scale.low) for x in line.x], _floored(line.y, chart.y)


def _floored(values: tuple[float | None, ...], y: Side) -> list[float]:
    log, low = y.scale.log, y.scale.low
    return [numpy.nan if v is None else max(v, low) if log else v for v in values]


def _band(axes: Axes, line: Line, chart: Curves, colour: str) -> None:
    x, _ = points(line, chart)
    axes.fill_between(
        x, _floored(line.low, chart.y), _floored(line.high, chart.y), color=colour, alpha=BAND, linewidth=0
    )


def _note(axes: Axes, chart: Curves) -> None:
    """What a reader must know beside the lines, above the axes."""
    if chart.notes:
        labels.note(axes, "; ".join(chart.notes))
