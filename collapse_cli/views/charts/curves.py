"""Charts of curves: the same curve of every result over its null, and a family of curves of one result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from collapse_cli.views.charts.chart import Curves, Line, Multiples, Sentence, Values
from collapse_cli.views.charts.places import Measured, labelled
from collapse_cli.views.charts.sides import near, side
from collapse_cli.views.document import Metric
from collapse_cli.views.scale import points
from collapse_cli.views.words import figures, titled

BEFORE = 3  # results, of more of which the curves at initialisation would hide the others
MULTIPLES = 24  # small axes
FAMILY = 6  # curves that are told apart by colour; more are shades
SHORT = 1.1  # times a curve's end, from which on another's lies far beyond it
SEEDS, INTERVAL = "lowest to highest seed", "95 % interval"


def curves(every: Sequence[Measured]) -> Iterator[Curves | Multiples | Sentence]:
    """One chart for all results; where they do not share axes, one for each number of dimensions, or small ones."""
    declared = every[0].metric
    title = titled(declared["label"])
    measured = [each for each in every if _any(each.metric["values"])]
    missing = [each.label for each in every if each not in measured]
    if not measured:
        yield Sentence(title, f"{title}: {_no_value(missing)}.")
        return
    apart = declared.get("apart", "")
    names = {tuple(each.metric.get("names", ())) for each in measured}
    note = _no_value(missing) if missing else ""
    if (apart == "result" and len(measured) > 1) or len(names) > 1:
        charts = [_curves(each.label, [replace(each, place=0)], each.metric) for each in thinned(measured)]
        yield multiples(title, charts, len(every), declared["help"])
    elif apart == "dimensions":
        for part in by_length(measured):
            yield _curves(_title_of(title, part, measured), labelled(part), declared, note)
    else:
        yield _curves(title, measured, declared, note)


def _any(values: Iterable[float | None]) -> bool:
    """Whether there is a number among them."""
    return any(value is not None for value in values)


def _no_value(labels: Sequence[str]) -> str:
    return f"no value of {', '.join(labels)}" if any(labels) else "no value"


def thinned(measured: Sequence[Measured]) -> list[Measured]:
    """At most MULTIPLES of them, evenly chosen, both ends among them."""
    if len(measured) <= MULTIPLES:
        return list(measured)
    return [measured[round(n * (len(measured) - 1) / (MULTIPLES - 1))] for n in range(MULTIPLES)]


def by_length(measured: Sequence[Measured]) -> list[list[Measured]]:
    """Those with as many values share axes."""
    lengths = dict.fromkeys(len(each.metric["values"]) for each in measured)
    return [[each for each in measured if len(each.metric["values"]) == length] for length in lengths]


def _title_of(title: str, part: Sequence[Measured], every: Sequence[Measured]) -> str:
    """The title with the space, or the results, that this chart is of, where there are several charts."""
    if len(part) == len(every):
        return title
    spaces = {each.space for each in part}
    others = {each.space for each in every if each not in part}
    if spaces.isdisjoint(others) and all(spaces):
        return f"{title} of {' and '.join(sorted(spaces))}"
    return f"{title}: {', '.join(each.result for each in part)}"


def _curves(title: str, measured: Sequence[Measured], declared: Metric, note: str = "") -> Curves:
    results = [_result(each) for each in measured]
    lines = [line for line in (*_nulls(measured), *_initial(measured), *results) if _any(line.y)]
    notes = filter(None, (note, _ends(results, declared)))
    return _chart(title, lines, declared, note="; ".join(notes))


def _ends(results: Sequence[Line], declared: Metric) -> str:
    """Where each curve ends, where some end long before others: it has fewer keys, or steps, not other values there."""
    ends = [max(line.x) for line in results]
    if declared.get("names") or not all(line.joined for line in results) or max(ends) <= SHORT * min(ends):
        return ""
    told = ", ".join(f"{figures(end)} ({line.label})" for end, line in zip(ends, results, strict=True))
    return f"{titled(declared['x'])} ends at {told}"


def _chart(
    title: str, lines: Sequence[Line], declared: Metric, shades: bool = False, note: str = ""
) -> Curves:
    log = declared.get("log", "")
    names = declared.get("names", ())
    across = [x for line in lines for x in line.x]
    up = chain.from_iterable((*line.y, *line.low, *line.high) for line in lines)
    x = side(declared["x"], across, "x" in log, names=names, from_zero=False)
    named = declared.get("y") or declared["label"]
    y = side(named, up, "y" in log, declared.get("low"), declared.get("high"))
    return Curves(title, x, y, tuple(lines), declared.get("help", ""), shades, note)


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
    """Each different null once, by its name, with its result where it is not that of all."""
    every = [
        Line(
            each.metric.get("null_is", "null"), *_points(each.metric, "null"), "null", each.place, each.label
        )
        for each in measured
        if _has(each, "null")
    ]
    lines = _different(every)
    if len(lines) == 1 and len(every) == len(measured):
        return lines
    return [replace(line, label=_of(line.label, line.result)) for line in lines]


def _has(each: Measured, part: str) -> bool:
    return _any(each.metric.get(part) or ())


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
        return near(first.y[0], second.y[0])
    return all(
        x == x_2 and near(y, y_2)
        for x, x_2, y, y_2 in zip(first.x, second.x, first.y, second.y, strict=False)
    )


def _constant(line: Line) -> bool:
    return all(near(line.y[0], value) for value in line.y)


def _initial(measured: Sequence[Measured]) -> list[Line]:
    """What a few results were at initialisation: once where all began alike, then as nobody's."""
    if len(measured) > BEFORE:
        return []
    every = [
        Line("at initialisation", *_points(each.metric, "initial"), "initial", each.place, each.label)
        for each in measured
        if _has(each, "initial")
    ]
    lines = _different(every)
    if len(lines) == 1 and len(every) == len(measured):
        return lines if len(every) == 1 else [replace(lines[0], place=-1, result="")]
    return [replace(line, label=_initial_of(line)) for line in lines]


def _initial_of(line: Line) -> str:
    return f"{line.result}, initial" if line.result else line.label


def _points(metric: Metric, part: str) -> tuple[tuple[float, ...], Values]:
    drawn = points(metric[part], metric.get("at"))
    return tuple(x for x, _ in drawn), tuple(y for _, y in drawn)


def families(measured: Sequence[tuple[str, Metric]]) -> Curves | Multiples | Sentence:
    """The families of curves of all results, each in axes of its own: told apart where a family is small, else in shades."""
    title, declared = titled(measured[0][1]["label"]), measured[0][1]
    charts = [_family(name if len(measured) > 1 else title, metric) for name, metric in measured]
    drawn = [chart for chart in charts if chart.lines]
    if len(drawn) > 1:
        return multiples(title, drawn[:MULTIPLES], len(measured), declared["help"])
    return drawn[0] if drawn else Sentence(title, f"{title}: no value.")


def _family(title: str, metric: Metric) -> Curves:
    every = [
        Line(label, *_points(member, "values"), "result", place, label)
        for place, (label, member) in enumerate(metric["values"].items())
    ]
    lines = [line for line in every if _any(line.y)]
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
