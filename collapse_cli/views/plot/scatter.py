"""Two numbers of every result: its name beside its points."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

import collapse_cli.views.plot.labels as labels
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Points, Scatter
from collapse_cli.views.plot.text import names, plain

COVERED = 5  # pixels from the centre of a point, that it covers
NEARER = 0.6  # of the distance to any other point, at most, is a label's distance to its own
NEAR = ((7, 8), (-7, 8), (7, -9), (-7, -9), (8, 0), (-8, 0), (0, 12), (0, -12))  # points of an offset
DIRECTIONS, FAR = 16, (22, 34, 48, 64)  # of leader lines, and how long they are
CANDIDATES = (
    *((offset, False) for offset in NEAR),
    *(((far * math.cos(turn), far * math.sin(turn)), True) for far in FAR
      for turn in (2 * math.pi * n / DIRECTIONS for n in range(DIRECTIONS))),
)  # fmt: skip


def paint(axes: Axes, chart: Scatter) -> None:
    """The points; a key names them where a result has several, else `label` does once the layout is settled."""
    for points in chart.points:
        across, up = zip(*points.at, strict=True)
        axes.scatter(across, up, 38, **style.marker(points.place), zorder=3)
        _intervals(axes, points)
    if chart.null:
        axes.scatter(*chart.null, 38, facecolors="none", edgecolors=style.NULL, linestyle="--", zorder=2)
    axes.margins(0.18)
    axes.set(xlabel=plain(chart.x.label, 60), ylabel=plain(chart.y.label, 60))
    if _several(chart):
        _key(axes, chart)


def _intervals(axes: Axes, points: Points) -> None:
    """A line across each point from end to end of its interval, along x and along y."""
    colour = style.marker(points.place)["color"]
    for (x, y), (along, up) in zip(points.at, points.intervals, strict=False):
        if along:
            axes.plot(along, [y, y], color=colour, linewidth=0.9)
        if up:
            axes.plot([x, x], up, color=colour, linewidth=0.9)


def _named(chart: Scatter) -> list[tuple[str, tuple[float, float]]]:
    """Every point with its name, the null's last."""
    named = [(points.label, points.at[0]) for points in chart.points]
    return [*named, (chart.null_is, chart.null)] if chart.null else named


def _key(axes: Axes, chart: Scatter) -> None:
    looks = [{**style.marker(points.place), "linestyle": ""} for points in chart.points]
    texts = [points.label for points in chart.points]
    if chart.null:
        looks.append({"color": style.NULL, "marker": "o", "linestyle": "", "markerfacecolor": "none"})
        texts.append(chart.null_is)
    labels.key(axes, texts, labels.lines(looks))


def _several(chart: Scatter) -> bool:
    return any(len(points.at) > 1 for points in chart.points)


def label(axes: Axes, chart: Scatter) -> None:
    """Label single points, each where it covers nothing and its own point is the nearest, or else at the end of a leader line.

    A key names them where one has no such place.
    """
    if _several(chart) or axes.get_legend():
        return
    named = _named(chart)
    at = axes.transData.transform([place for _, place in named])
    taken = [Bbox.from_extents(*(centre - COVERED), *(centre + COVERED)) for centre in at]
    placed = []
    for number, text in enumerate(names([text for text, _ in named], 36)):
        chosen = next(_free(axes, text, number, at, taken), None)
        if chosen is None:
            break
        placed.append(chosen)
        taken.append(chosen.get_window_extent())
    else:
        return
    for each in placed:
        each.remove()
    _key(axes, chart)


def _free(axes: Axes, text: str, own: int, at: Any, taken: list[Bbox]) -> Iterator[Annotation]:
    """Labels that lie inside the axes, on nothing else, and leave no doubt whose they are; the others are taken away."""
    for offset, leader in CANDIDATES:
        annotation = _annotated(axes, text, at[own], offset, leader)
        annotation.get_window_extent()  # puts the text where the offset says
        box = Text.get_window_extent(annotation)  # without its leader line
        inside = axes.bbox.contains(*box.p0) and axes.bbox.contains(*box.p1)
        if inside and not any(map(box.overlaps, taken)) and _plain(box, own, at, leader):
            yield annotation
            return
        annotation.remove()


def _plain(box: Bbox, own: int, at: Any, leader: bool) -> bool:
    """Whether a label is nearest to its own point by far, or its leader line passes no other point."""
    nearest = numpy.clip(at, box.p0, box.p1)  # of the box, to each point
    away = numpy.hypot(*(at - nearest).T)
    apart = (
        numpy.hypot(*(at - at[own]).T) > COVERED
    )  # the others share its place: no line can tell them apart
    if not leader:
        return bool((away[own] <= away).all() and (away[own] <= NEARER * away[apart]).all())
    along = numpy.linspace(at[own], nearest[own], 30)
    return all(numpy.hypot(*(along - other).T).min() > COVERED for other in at[apart])


def _annotated(axes: Axes, text: str, at: Any, offset: tuple[float, float], leader: bool) -> Annotation:
    side = "left" if offset[0] > 1 else "right" if offset[0] < -1 else "center"
    line = {"arrowstyle": "-", "color": style.NULL, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 4}
    x, y = axes.transData.inverted().transform(at)
    annotation = axes.annotate(text, (x, y), offset, textcoords="offset points", ha=side, fontsize="medium",
                               va="center", arrowprops=line if leader else None)  # fmt: skip
    annotation.set_in_layout(False)
    return annotation
