"""Charts of curves: the same curve of every result over its null, and a family of curves of one result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from collapse_cli.answers import BETWEEN
from collapse_cli.views.charts.chart import Curves, Line, Multiples, Values
from collapse_cli.views.charts.sides import side
from collapse_cli.views.document import Metric
from collapse_cli.views.scale import points
from collapse_cli.views.words import titled

BEFORE = 3  # results, of more of which the curves at initialisation would hide the others
MULTIPLES = 24  # small axes
FAMILY = 6  # curves that are told apart by colour; more are shades
NEAR = 0.03  # of a null: two that differ by less cover each other
SEEDS, INTERVAL = "lowest to highest seed", "95 % interval"


@dataclass(frozen=True)
class Measured:
    """One metric of one result. result: the result's name in its document; label: what tells it from the others of its chart;
    place, of_input: the places of the result and of its input in the document.
    """

    result: str
    space: str
    place: int
    metric: Metric
    of_input: int = 0
    label: str = ""


def labelled(measured: Sequence[Measured]) -> list[Measured]:
    """Each with its label: its space where all are of one input, its input where all are of one space, else both.

    An input has the same place, and so the same colour, in the charts of all spaces.
    """
    inputs, spaces = (
        [input_of(each.result, each.space) for each in measured],
        {each.space for each in measured},
    )
    if len(set(inputs)) == 1:
        labels = [each.space or each.result for each in measured]
    elif len(spaces) == 1:
        measured, labels = [replace(each, place=each.of_input) for each in measured], inputs
    else:
        labels = [each.result for each in measured]
    unique = len(set(labels)) == len(labels)
    return [
        replace(e, label=label if unique else e.result) for e, label in zip(measured, labels, strict=True)
    ]


def input_of(result: str, space: str) -> str:
    """The name of a result without its space."""
    return result.removesuffix(f"{BETWEEN}{space}")


def curves(measured: Sequence[Measured]) -> Iterator[Curves | Multiples]:
    """One chart for all results; where they do not share axes, one for each number of dimensions, or small ones."""
    declared = measured[0].metric
    title = titled(declared["label"])
    apart = declared.get("apart", "")
    names = {tuple(each.metric.get("names", ())) for each in measured}
    if (apart == "result" and len(measured) > 1) or len(names) > 1:
        charts = [_curves(each.label, [replace(each, place=0)], each.metric) for each in thinned(measured)]
        yield multiples(title, charts, len(measured), declared["help"])
    elif apart == "dimensions":
        for part in by_length(measured):
            yield _curves(_told(title, part, measured), labelled(part), declared)
    else:
        yield _curves(title, list(measured), declared)


def thinned(measured: Sequence[Measured]) -> list[Measured]:
    """At most MULTIPLES of them, evenly chosen, both ends among them."""
    if len(measured) <= MULTIPLES:
        return list(measured)
    return [measured[round(n * (len(measured) - 1) / (MULTIPLES - 1))] for n in range(MULTIPLES)]


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
    return f"{title}: {', '.join(each.result for each in part)}"


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
    every = [
        Line(
            each.metric.get("null_is", "null"), *_points(each.metric, "null"), "null", each.place, each.label
        )
        for each in measured
        if each.metric.get("null")
    ]
    lines = _different(every)
    return lines if len(lines) == 1 else [replace(line, label=_of(line.label, line.result)) for line in lines]


def _different(every: Sequence[Line]) -> list[Line]:
    """Those that would not cover each other; of those that would, the longest."""
    lines: list[Line] = []
    for line in every:
        same = next((n for n, other in enumerate(lines) if _same(other, line)), None)
        if same is None:
            lines.append(line)
        elif len(line.x) > len(lines[same].x):
            lines[same] = line
    return lines


def _of(label: str, result: str) -> str:
    return f"{label}, {result}" if result else label


def _same(first: Line, second: Line) -> bool:
    """Whether two nulls would cover each other, as far as both reach; constants do wherever they are measured."""
    if _constant(first) and _constant(second):
        return _near(first.y[0], second.y[0])
    return all(
        x == x_2 and _near(y, y_2)
        for x, x_2, y, y_2 in zip(first.x, second.x, first.y, second.y, strict=False)
    )


def _constant(line: Line) -> bool:
    return all(_near(line.y[0], value) for value in line.y)


def _near(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= NEAR * max(abs(first), abs(second))


def _initial(measured: Sequence[Measured]) -> list[Line]:
    """What a few results were at initialisation: once, where they began alike."""
    if len(measured) > BEFORE:
        return []
    lines = _different(
        [
            Line("at initialisation", *_points(each.metric, "initial"), "initial", each.place, each.label)
            for each in measured
            if each.metric.get("initial")
        ]
    )
    return lines if len(lines) == 1 else [replace(line, label=f"{line.result}, initial") for line in lines]


def _points(metric: Metric, part: str) -> tuple[tuple[float, ...], Values]:
    drawn = points(metric[part], metric.get("at"))
    return tuple(x for x, _ in drawn), tuple(y for _, y in drawn)


def families(measured: Sequence[tuple[str, Metric]]) -> Curves | Multiples:
    """The families of curves of all results, each in axes of its own: told apart where a family is small, else in shades."""
    title, declared = titled(measured[0][1]["label"]), measured[0][1]
    charts = [_family(name if len(measured) > 1 else title, metric) for name, metric in measured]
    return (
        charts[0] if len(charts) == 1 else multiples(title, charts[:MULTIPLES], len(charts), declared["help"])
    )


def _family(title: str, metric: Metric) -> Curves:
    lines = [
        Line(label, *_points(member, "values"), "result", place, label)
        for place, (label, member) in enumerate(metric["values"].items())
    ]
    return _chart(title, lines, metric, shades=len(lines) > FAMILY)


def multiples(title: str, charts: Sequence[Curves], of: int, help: str) -> Multiples:
    """With axes of one range, so that they can be compared; where places have names, x stays each one's."""
    first, lines = charts[0], [line for chart in charts for line in chart.lines]
    xs = [x for line in lines for x in line.x]
    ys = [y for line in lines for y in (*line.y, *line.low, *line.high)]
    x = side(first.x.label, xs, any(chart.x.scale.log for chart in charts), from_zero=False)
    y = side(first.y.label, ys, any(chart.y.scale.log for chart in charts))
    part = f" ({len(charts)} of {of})" if len(charts) < of else ""
    named = any(chart.x.names for chart in charts)
    return Multiples(title + part, tuple(replace(c, x=c.x if named else x, y=y) for c in charts), help)
