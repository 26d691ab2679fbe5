"""Charts of curves: the same curve of every result over its null, and a family of curves of one result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from collapse_cli.views.charts.chart import Curves, Line, Multiples, Values
from collapse_cli.views.charts.sides import side
from collapse_cli.views.document import Metric
from collapse_cli.views.scale import points
from collapse_cli.views.words import titled

BEFORE = 3  # results, of more of which the curves at initialisation would hide the others
FAMILY = 6  # curves that are told apart by colour; more are shades
SEEDS, INTERVAL = "lowest to highest seed", "95 % interval"


@dataclass(frozen=True)
class Measured:
    """The curve of one result. label: what tells it from the others of its chart."""

    label: str
    result: str
    space: str
    place: int
    metric: Metric


def curves(measured: Sequence[Measured]) -> Iterator[Curves | Multiples]:
    """One chart for all results; where they do not share axes, one for each number of dimensions, or small ones."""
    declared = measured[0].metric
    title = titled(declared["label"])
    apart = declared.get("apart", "")
    names = {tuple(each.metric.get("names", ())) for each in measured}
    if (apart == "result" and len(measured) > 1) or len(names) > 1:
        charts = tuple(_curves(each.label, [each], each.metric) for each in measured)
        yield Multiples(title, _alike(charts), declared["help"])
    elif apart == "dimensions":
        for part in by_length(measured):
            yield _curves(_told(title, part, measured), part, declared)
    else:
        yield _curves(title, list(measured), declared)


def by_length(measured: Sequence[Measured]) -> list[list[Measured]]:
    """Those with as many values share axes."""
    lengths = dict.fromkeys(len(each.metric["values"]) for each in measured)
    return [[each for each in measured if len(each.metric["values"]) == length] for length in lengths]


def _told(title: str, part: Sequence[Measured], every: Sequence[Measured]) -> str:
    """The title with the space, or the results, that this chart is of, where there are several charts."""
    if len(part) == len(every):
        return title
    spaces = {each.space for each in part}
    others = {each.space for each in every if each not in part}
    if spaces.isdisjoint(others) and all(spaces):
        return f"{title} of {' and '.join(sorted(spaces))}"
    return f"{title}: {', '.join(each.label for each in part)}"


def _curves(title: str, measured: Sequence[Measured], declared: Metric) -> Curves:
    lines = (*_nulls(measured), *_initial(measured), *map(_result, measured))
    return _chart(title, lines, declared)


def _chart(title: str, lines: Sequence[Line], declared: Metric, shades: bool = False) -> Curves:
    log = declared.get("log", "")
    names = declared.get("names", ())
    across = [x for line in lines for x in line.x]
    up = chain.from_iterable((*line.y, *line.low, *line.high) for line in lines)
    x = side(declared["x"], across, "x" in log, names=names, from_zero=False)
    named = declared.get("y") or declared["label"]
    y = side(named, up, "y" in log, declared.get("low"), declared.get("high"))
    return Curves(title, x, y, tuple(lines), declared.get("help", ""), shades)


def _result(each: Measured) -> Line:
    metric = each.metric
    x, y = _points(metric, "values")
    low, high = _band(metric)
    joined = not metric.get("dots")
    band = (SEEDS if metric.get("lowest") else INTERVAL) if low else ""
    return Line(each.label, x, y, "result", each.place, each.result, low, high, band, joined)


def _band(metric: Metric) -> tuple[Values, Values]:
    """The ends of the interval of every value, or of the runs that the curve is the mean of."""
    if metric.get("lowest"):
        return tuple(metric["lowest"]), tuple(metric["highest"])
    if metric.get("interval"):
        low, high = metric["interval"]
        return tuple(low), tuple(high)
    return (), ()


def _nulls(measured: Sequence[Measured]) -> list[Line]:
    """Each different null once, by its name, with its result where there are several."""
    lines: dict[Any, Line] = {}
    for each in measured:
        if each.metric.get("null"):
            x, y = _points(each.metric, "null")
            called = each.metric.get("null_is", "null")
            lines.setdefault((x, y), Line(called, x, y, "null", each.place, each.result))
    if len(lines) == 1:
        return list(lines.values())
    labels = {each.result: each.label for each in measured}
    return [_of(line, labels) for line in lines.values()]


def _of(line: Line, labels: dict[str, str]) -> Line:
    label = labels[line.result]
    return Line(
        f"{line.label}, {label}" if label else line.label, line.x, line.y, line.role, line.place, line.result
    )


def _initial(measured: Sequence[Measured]) -> list[Line]:
    """What a few results were at initialisation."""
    if len(measured) > BEFORE:
        return []
    before = [each for each in measured if each.metric.get("initial")]
    alone = len(measured) == 1
    return [
        Line("at initialisation" if alone else f"{each.label} at initialisation", *_points(each.metric, "initial"),
             "initial", each.place, each.result)
        for each in before
    ]  # fmt: skip


def _points(metric: Metric, part: str) -> tuple[tuple[float, ...], Values]:
    drawn = points(metric[part], metric.get("at"))
    return tuple(x for x, _ in drawn), tuple(y for _, y in drawn)


def family(metric: Metric, name: str) -> Curves:
    """A family of curves of one result: told apart where they are few, else in shades."""
    title = " · ".join([titled(metric["label"]), *([name] if name else [])])
    lines = [
        Line(label, *_points(member, "values"), "result", place, label)
        for place, (label, member) in enumerate(metric["values"].items())
    ]
    return _chart(title, lines, metric, shades=len(lines) > FAMILY)


def _alike(charts: tuple[Curves, ...]) -> tuple[Curves, ...]:
    """The same with axes of one range, so that they can be compared; where places have names, x stays each one's."""
    first, named = charts[0], any(chart.x.names for chart in charts)
    xs = [v for chart in charts for line in chart.lines for v in line.x]
    ys = [v for chart in charts for line in chart.lines for v in (*line.y, *line.low, *line.high)]
    x = side(first.x.label, xs, any(c.x.scale.log for c in charts), from_zero=False)
    y = side(first.y.label, ys, any(c.y.scale.log for c in charts))
    return tuple(Curves(c.title, c.x if named else x, y, c.lines, c.help, c.shades) for c in charts)
