"""Two numbers of every result: its name beside its points."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.axes import Axes
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

import collapse_cli.views.plot.labels as labels
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Scatter
from collapse_cli.views.plot.text import plain

OFFSETS = (
    (7, 5),
    (-7, 5),
    (7, -13),
    (-7, -13),
    (7, -4),
    (-7, -4),
    (0, 10),
    (0, -18),
    (12, 14),
    (-12, 14),
    (12, -24),
    (-12, -24),
)


def paint(axes: Axes, chart: Scatter) -> None:
    """The points; a key names them where a result has several, else `label` does once the layout is settled."""
    for points in chart.points:
        across, up = zip(*points.at, strict=True)
        axes.scatter(across, up, 38, **style.marker(points.place), zorder=3)
    axes.margins(0.18)
    axes.set(xlabel=plain(chart.x.label, 60), ylabel=plain(chart.y.label, 60))
    if _several(chart):
        labels.key(axes, [(p.label, {**style.marker(p.place), "linestyle": ""}) for p in chart.points])


def _several(chart: Scatter) -> bool:
    return any(len(points.at) > 1 for points in chart.points)


def label(axes: Axes, chart: Scatter) -> None:
    """Label single points, each where it covers no point and no other label."""
    if _several(chart):
        return
    taken = [_box(axes, points.at[0]) for points in chart.points]
    for points in chart.points:
        chosen = next(_free(axes, plain(points.label, 24), points.at[0], taken), None)
        chosen = chosen or _annotated(axes, plain(points.label, 24), points.at[0], OFFSETS[0])
        taken.append(chosen.get_window_extent())


def _free(axes: Axes, text: str, at: tuple[float, float], taken: list[Bbox]) -> Iterator[Annotation]:
    """Labels that lie inside the axes and on nothing else; the others are taken away."""
    for offset in OFFSETS:
        annotation = _annotated(axes, text, at, offset)
        box = annotation.get_window_extent()
        if axes.bbox.contains(*box.p0) and axes.bbox.contains(*box.p1) and not any(map(box.overlaps, taken)):
            yield annotation
            return
        annotation.remove()


def _annotated(axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int]) -> Annotation:
    side = "left" if offset[0] > 0 else "right" if offset[0] < 0 else "center"
    annotation = axes.annotate(text, at, offset, textcoords="offset points", ha=side, fontsize="medium")
    annotation.set_in_layout(False)
    return annotation


def _box(axes: Axes, at: tuple[float, float]) -> Bbox:
    """The few pixels that a point covers."""
    x, y = axes.transData.transform(at)
    return Bbox.from_extents(x - 5, y - 5, x + 5, y + 5)
