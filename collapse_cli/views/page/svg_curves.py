"""Lines over one pair of axes: bands, nulls, markers, and the name of each line beside its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

import collapse_cli.views.page.svg as svg
from collapse_cli.views.charts.chart import Curves, Line, Multiples
from collapse_cli.views.page.curve_data import GAP, of_curves
from collapse_cli.views.page.curve_table import TABLED, of_lines, table
from collapse_cli.views.page.digits import chosen, four
from collapse_cli.views.page.figure import Figure, Key, Plot, colour, sentence, swatch
from collapse_cli.views.page.svg import HEIGHT, WIDTH, Box, tag
from collapse_cli.views.scale import Axis
from collapse_cli.views.words import titled

DRAWN, ALL = 300, 4800  # points of a line, and of all lines together
MARKED = 14  # points of a line that has a marker at each
ALONG = 6  # markers along a line of many points
NAME = 22  # letters of a name beside a line
SHADES = 6
SMALL = 300.0, 170.0


@dataclass(frozen=True)
class Laid:
    """A chart with the room it is drawn in, and with the scales that its axes can have."""

    chart: Curves
    box: Box
    x: dict[str, Axis]
    y: dict[str, Axis]
    width: float
    height: float
    named: bool

    def at(self, x: float, y: float | None) -> tuple[float, float] | None:
        return None if y is None else (self.box.x(self.chart.x.scale, x), self.box.y(self.chart.y.scale, y))


def figure(chart: Curves) -> Figure:
    """One chart."""
    thin, left_out = _thinned(chart)
    laid = _laid(thin, thin.lines, WIDTH, HEIGHT, named=True)
    keys = tuple(_key(thin, n) for n in range(len(thin.lines))) if len(thin.lines) > 1 else ()
    return Figure(
        chart.title, (_plot(laid),), chart.help, keys, table(chart), left_out, _switches([laid]),
    )  # fmt: skip


def multiples(chart: Multiples) -> Figure:
    """Small charts of the same axes."""
    thin = [_thinned(each)[0] for each in chart.charts]
    every = [line for each in thin for line in each.lines]
    laid = [_laid(each, every, *SMALL, named=False) for each in thin]
    plots = tuple(_plot(each) for each in laid)
    roles = {line.role: n for n, line in reversed(list(enumerate(thin[0].lines)))}
    alike = len({tuple(line.role for line in each.lines) for each in thin}) == 1
    keys = tuple(_key(thin[0], n, role) for role, n in roles.items()) if alike and len(roles) > 1 else ()
    table_of_all = of_lines(chart.title, chart.charts[0].x, _all_lines(chart))
    return Figure(chart.title, plots, chart.help, keys, table_of_all, _note(chart.charts[0]), _switches(laid))


def _all_lines(chart: Multiples) -> list[tuple[str, Line]]:
    return [
        (each.title if line.role == "result" else f"{each.title}, {line.label}", line)
        for each in chart.charts
        for line in each.lines
    ]


def _thinned(chart: Curves) -> tuple[Curves, str]:
    """The chart with no more points than are seen, and what it leaves out in words."""
    most = max(TABLED, min(DRAWN, ALL // max(len(chart.lines), 1)))
    longest = max((len(line.x) for line in chart.lines), default=0)
    lines = tuple(_picked(line, chosen(len(line.x), most, chart.x.scale.log)) for line in chart.lines)
    note = f"Drawn at {most} of {longest:,} places, both ends among them." if longest > most else ""
    return Curves(chart.title, chart.x, chart.y, lines, chart.help, chart.shades), note


def _picked(line: Line, places: Sequence[int]) -> Line:
    if len(places) == len(line.x):
        return line
    x, y = tuple(line.x[n] for n in places), tuple(line.y[n] for n in places)
    low, high = (tuple(ends[n] for n in places) if ends else () for ends in (line.low, line.high))
    return Line(line.label, x, y, line.role, line.place, line.result, low, high, line.band, line.joined)


def _laid(chart: Curves, every: Sequence[Line], width: float, height: float, named: bool) -> Laid:
    """every: the lines of all charts that share its axes."""
    xs = [x for line in every for x in line.x]
    ys = [y for line in every for y in (*line.y, *line.low, *line.high) if y is not None]
    x, y = svg.both_scales(chart.x, xs), svg.both_scales(chart.y, ys)
    names = [svg.cut(chart.lines[n].label, NAME) for n in _labelled(chart)] if named else []
    left = 12 + max(svg.width_of(name for _, name in svg.ticks(chart.y, scale)) for scale in y.values())
    right = 26 + svg.width_of(names) if names else 12.0
    beneath = svg.below(chart.x, width - left - right)
    box = Box(left, 22.0, width - left - right, height - 22 - 34)
    return Laid(chart, box, x, y, width, height - 34 + beneath, named)


def _labelled(chart: Curves) -> list[int]:
    """The lines with a name at their end: all that find room, of shades the first and the last of each role."""
    lines = list(range(len(chart.lines)))
    if chart.shades:
        results = [n for n in lines if chart.lines[n].role == "result"]
        return [n for n in lines if n not in results] + sorted(
            {results[0], results[-1]} if results else set()
        )
    room = int((HEIGHT - 56) / GAP)
    order = sorted(lines, key=lambda n: ("result", "null", "initial").index(chart.lines[n].role))
    return sorted(n for n in order[:room] if any(y is not None for y in chart.lines[n].y))


def classes(chart: Curves, line: Line) -> str:
    if chart.shades and line.role == "result":
        results = [each.label for each in chart.lines if each.role == "result"]
        step = results.index(line.label) * (SHADES - 1) / max(len(results) - 1, 1)
        return f"f{round(step)}"
    return colour(line.role, line.place)


def _key(chart: Curves, n: int, role: str = "") -> Key:
    line = chart.lines[n]
    label = {"result": "measured", "initial": "at initialisation"}.get(role, line.label)
    kind = "ink" if role == "result" else classes(chart, line)
    return Key(n, label, swatch(kind, line.place, line.joined, line.role == "result"))


def _note(chart: Curves, *others: str) -> str:
    """What a reader must know beside the lines, in sentences."""
    return " ".join(f"{titled(text).rstrip('.')}." for text in (*chart.notes, *others) if text)


def _switches(laid: Sequence[Laid]) -> tuple[str, ...]:
    """The axes that can be either, in all drawings of the figure."""
    return tuple(which for which in "yx" if all(len(getattr(each, which)) > 1 for each in laid))


def _plot(laid: Laid) -> Plot:
    chart, box = laid.chart, laid.box
    parts: list[str] = []
    for n, scale in enumerate(laid.y.values()):
        parts.append(svg.y_ticks(box, chart.y, scale, shown=n == 0))
    for n, scale in enumerate(laid.x.values()):
        parts.append(svg.x_ticks(box, chart.x, scale, shown=n == 0))
    parts += [svg.baseline(box), *_titles(laid)]
    order = sorted(range(len(chart.lines)), key=lambda n: chart.lines[n].role == "result")
    parts += [_line(laid, n) for n in order]
    parts += _names(laid) if laid.named else []
    label = sentence(list(_findings(chart)), chart.title)
    return Plot(
        svg.drawing(parts, label, laid.width, laid.height),
        of_curves(chart, box, laid.x, laid.y),
        "" if laid.named else chart.title,
    )


def _titles(laid: Laid) -> list[str]:
    chart, box = laid.chart, laid.box
    return [
        svg.text(chart.y.label, 4.0, 11.0, class_="side"),
        svg.text(chart.x.label, box.right, laid.height - 4, class_="side end"),
    ]


def _line(laid: Laid, n: int) -> Markup:
    """The band, the line and its markers; one point alone is a marker."""
    line, kind = laid.chart.lines[n], classes(laid.chart, laid.chart.lines[n])
    places = [laid.at(x, y) for x, y in zip(line.x, line.y, strict=True)]
    parts: list[str] = []
    if line.low:
        upper = [laid.at(x, y) for x, y in zip(line.x, line.high, strict=True)]
        lower = [laid.at(x, y) for x, y in zip(line.x, line.low, strict=True)]
        parts.append(tag("path", d=svg.band(upper, lower), class_=f"band {kind}"))
    if line.joined:
        thin = " thin" if line.low else ""
        parts.append(tag("path", d=svg.path(places), class_=f"line {kind}{thin}"))
    if line.role == "result" or not line.joined:
        for number in _marked(laid.chart, line, [n for n, place in enumerate(places) if place]):
            parts.append(
                svg.marker(line.place, *(places[number] or ()), class_=f"mark {kind}", data_place=number)
            )
    return svg.group(parts, class_="series", data_series=n)


def _marked(chart: Curves, line: Line, drawn: Sequence[int]) -> list[int]:
    """The points with a marker: all of a few, some of many where another result is drawn, and the last."""
    if len(drawn) <= MARKED or not line.joined:
        return list(drawn)
    results = sum(each.role == "result" for each in chart.lines)
    step = len(drawn) // ALONG
    some = drawn[line.place % 3 * step // 3 :: step] if results > 1 and not chart.shades else []
    return [*some, drawn[-1]]


def _names(laid: Laid) -> Iterator[Markup]:
    """The name of each line right of the box, with a stroke from the end of the line where it had to move."""
    chart, box = laid.chart, laid.box
    ends = {}
    for n in _labelled(chart):
        line = chart.lines[n]
        places = [laid.at(x, y) for x, y in zip(line.x, line.y, strict=True)]
        ends[n] = next(place for place in reversed(places) if place)
    ys = svg.spread([y for _, y in ends.values()], GAP, box.top, box.bottom)
    for (n, (x, y)), placed in zip(ends.items(), ys, strict=True):
        line, kind = chart.lines[n], classes(chart, chart.lines[n])
        stroke = f"M{x + 4:.1f} {y:.1f}L{box.right + 10:.1f} {placed:.1f}"
        strokes: list[str] = [tag("path", d=stroke, class_="leader")] if line.joined else []
        if line.role == "result":
            mark = svg.marker(line.place, box.right + 14, placed, class_=f"mark {kind}")
        else:
            mark = tag("path", d=f"M{box.right + 9:.1f} {placed:.1f}h10", class_=f"line {kind}")
        name = svg.text(svg.cut(line.label, NAME), box.right + 22, placed + 4, class_="name")
        yield svg.group([*strokes, mark, name], class_="naming", data_series=n)


def _findings(chart: Curves) -> Iterator[str]:
    """Where each line begins and ends."""
    for line in sorted(chart.lines, key=lambda line: line.role != "result")[:8]:
        values = [y for y in line.y if y is not None]
        if values:
            yield f"{line.label}: {four(values[0])}" + (f" to {four(values[-1])}" if len(values) > 1 else "")
