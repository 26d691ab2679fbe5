"""Points of the plane: two numbers of every result, and clouds at several times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

import collapse_cli.views.page.svg as svg
from collapse_cli.views.charts.chart import Clouds, Points, Scatter
from collapse_cli.views.page.digits import chosen, four
from collapse_cli.views.page.figure import Figure, Key, Plot, colour, sentence, swatch
from collapse_cli.views.page.svg import HEIGHT, LETTER, WIDTH, Box, tag
from collapse_cli.views.page.tables import Cell, plain
from collapse_cli.views.scale import Axis
from collapse_cli.views.words import figures

NAME = 22
ROOM = 1.35  # how far the plane is seen, as a multiple of the farthest mark's distance
FRAMES, CLOUD = 6, 200.0


def scatter(chart: Scatter) -> Figure:
    """A point for each result, its name beside it."""
    left = 12 + svg.width_of(name for _, name in svg.ticks(chart.y, chart.y.scale))
    box = Box(left, 24.0, WIDTH - left - 24, HEIGHT - 58)
    x, y = _padded(chart.x.scale), _padded(chart.y.scale)
    parts = [svg.y_ticks(box, chart.y, y), svg.x_ticks(box, chart.x, x), svg.baseline(box)]
    parts += [svg.text(chart.y.label, 4.0, 11.0, class_="side"),
              svg.text(chart.x.label, box.right, HEIGHT - 2, class_="side end")]  # fmt: skip
    taken: list[tuple[float, float, float, float]] = []
    for k, points in enumerate(chart.points):
        places = [(box.x(x, across), box.y(y, up)) for across, up in points.at]
        kind = colour("result", points.place)
        marks: list[str] = [*_whiskers(points, box, x, y, kind)]
        marks += [svg.marker(points.place, *place, class_=f"mark {kind}") for place in places]
        name = _name(points.label, places[-1], box, taken)
        parts.append(svg.group([*marks, *([name] if name else [])], class_="series", data_series=k))
        for place, (across, up) in zip(places, points.at, strict=True):
            tip = f"{points.label}\n{chart.x.label}: {four(across)}\n{chart.y.label}: {four(up)}"
            parts.append(tag("circle", cx=place[0], cy=place[1], r=11.0, class_="hit", data_tip=tip))
    if chart.null:
        at = box.x(x, chart.null[0]), box.y(y, chart.null[1])
        parts.append(tag("circle", cx=at[0], cy=at[1], r=4.5, class_="line null"))
        name = _name(chart.null_is, at, box, taken)
        parts += [name] if name else []
    told = [f"{p.label}: {four(p.at[0][0])} and {four(p.at[0][1])}" for p in chart.points[:6]]
    plot = Plot(svg.drawing(parts, sentence(told, chart.title)), {"kind": "marks"})
    keys = tuple(
        Key(k, p.label, swatch(colour("result", p.place), p.place, line=False))
        for k, p in enumerate(chart.points)
    )
    rows = [(p.label, [Cell(four(v), order=v) for v in at]) for p in chart.points for at in p.at]
    rows += [(chart.null_is, [Cell(four(v), order=v) for v in chart.null])] if chart.null else []
    table = plain(chart.title, "", [chart.x.label, chart.y.label], rows)
    return Figure(chart.title, (plot,), chart.help, keys, table)


def _whiskers(points: Points, box: Box, x: Axis, y: Axis, kind: str) -> Iterator[Markup]:
    """The interval of each point, along x and along y."""
    for (across, up), (along, above) in zip(points.at, points.intervals, strict=False):
        if along:
            d = f"M{box.x(x, along[0]):.1f} {box.y(y, up):.1f}H{box.x(x, along[1]):.1f}"
            yield tag("path", d=d, class_=f"line thin {kind}")
        if above:
            d = f"M{box.x(x, across):.1f} {box.y(y, above[0]):.1f}V{box.y(y, above[1]):.1f}"
            yield tag("path", d=d, class_=f"line thin {kind}")


def _padded(scale: Axis) -> Axis:
    """The scale with room around the points."""
    if scale.log:
        return scale
    room = 0.1 * (scale.high - scale.low)
    return Axis(scale.low - room, scale.high + room)


def _name(
    label: str, place: tuple[float, float], box: Box, taken: list[tuple[float, float, float, float]]
) -> Markup | None:
    """The name right, left, above or below its point, wherever it hides no other; none where it would."""
    name, (x, y) = svg.cut(label, NAME), place
    width = len(name) * LETTER
    for dx, dy in ((8.0, 4.0), (-8.0 - width, 4.0), (-width / 2, -9.0), (-width / 2, 17.0)):
        area = x + dx, y + dy - 10, x + dx + width, y + dy + 3
        free = all(area[2] < a or c < area[0] or area[3] < b or d < area[1] for a, b, c, d in taken)
        if free and box.left <= area[0] and area[2] <= box.right + 20:
            taken.append(area)
            return svg.text(name, x + dx, y + dy, class_="name")
    return None


def clouds(chart: Clouds) -> Figure:
    """The first frame, the last, and what lies evenly between, of one plane."""
    metric = chart.metric
    frames = chosen(len(metric["values"]), FRAMES)
    middle, half = _window(metric)
    plots = tuple(
        Plot(
            _cloud(chart, frame, middle, half),
            {"kind": "still"},
            f"{metric['x']} {figures(metric['at'][frame])}",
        )
        for frame in frames
    )
    return Figure(chart.title, plots, chart.help)


def _cloud(chart: Clouds, frame: int, middle: tuple[float, float], half: float) -> Markup:
    def placed(point: Sequence[float]) -> tuple[float, float]:
        x, y = ((v - m + half) / (2 * half) * CLOUD for v, m in zip(point, middle, strict=True))
        return x, CLOUD - y

    rings = [placed(point) for point in _finite(chart.metric["marks"])]
    places = [placed(point) for point in _finite(chart.metric["values"][frame])]
    points = [(x, y) for x, y in places if 0 < x < CLOUD and 0 < y < CLOUD]
    parts: list[str] = [tag("circle", cx=x, cy=y, r=4.5, class_="ring") for x, y in rings]
    parts.append(tag("path", d=dots(points), class_=f"dots {colour('result', chart.place)}"))
    parts.append(tag("rect", x=0.5, y=0.5, width=CLOUD - 1, height=CLOUD - 1, class_="frame"))
    at = f"{chart.metric['x']} {figures(chart.metric['at'][frame])}"
    return svg.drawing(
        parts, sentence([at, f"{len(places)} points about {len(rings)} marks"], chart.title), CLOUD, CLOUD
    )


def dots(places: Sequence[tuple[float, float]]) -> str:
    """A path of dots, which round ends of its lines make."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in places)


def _window(metric: Any) -> tuple[tuple[float, float], float]:
    """The square that is seen: about the marks, else about all points."""
    points = _finite(metric["marks"] or [point for cloud in metric["values"] for point in cloud])
    if not points:
        return (0.0, 0.0), 1.0
    xs, ys = zip(*points, strict=True)
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return middle, ROOM * max(max(xs) - min(xs), max(ys) - min(ys), 1e-9) / 2


def _finite(points: Any) -> list[Sequence[float]]:
    """The points that are numbers."""
    return [point for point in points if None not in point]
