"""A document -> its charts: one for each curve, each `each`, each matrix, a scatter of two numbers, the checks of a gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from collapse_cli.views.charts import curves, margins, rows
from collapse_cli.views.charts.chart import Chart, Clouds, Heat, Points, Scatter, Sentence, Values
from collapse_cli.views.charts.places import Measured, Order, labelled, order
from collapse_cli.views.charts.sides import near, of_number, side
from collapse_cli.views.document import Document, Group, Metric, groups
from collapse_cli.views.words import SPACES, titled

NUMBERS = 6  # drawn where a document has nothing else


def charts(document: Document) -> list[Chart]:
    """Everything to be drawn, each once; the numbers themselves where there is nothing else."""
    places = order(document)
    chosen = [chart for group in groups(document) for chart in _of_group(group, places)]
    if all(isinstance(chart, Sentence) for chart in chosen):
        chosen += [chart for group in groups(document) for chart in _numbers(group, places)]
    return [chart for n, chart in enumerate(chosen) if chart not in chosen[:n]]


def sketches(document: Document) -> list[Chart]:
    """The charts of those curves that say most, which a terminal sketches: what a reader should see first."""
    places = order(document)
    return [
        chart
        for group in groups(document)
        for key, metric in group.declared("curve").items()
        if metric.get("sketch")
        for chart in curves.curves(_measured(group, key, places))
    ]


def _of_group(group: Group, places: Order) -> Iterator[Chart]:
    results = _all(group, places)
    scatter = _scatter(group, results)
    yield from [scatter] if scatter else []
    for name, entry in group:
        if checks := margins.checks(entry["metrics"]):
            yield margins.chart(_titled(group.title, results, name), checks)
    for key in group.declared("curve"):
        yield from curves.curves(_measured(group, key, places))
    for key in group.declared("lines"):
        yield curves.families(group.measured(key))
    for key in group.declared("each"):
        measured = [each for each in _measured(group, key, places) if each.metric["values"]]
        yield from [rows.each(measured)] if measured else []
    for key in group.declared("matrix"):
        yield from _heats(group, key, results)
    for key in group.declared("frames"):
        for name, metric in group.measured(key):
            title, place = _titled(metric["label"], results, name), results[name].place
            yield Clouds(title, place, metric, metric["help"])


def _titled(title: str, results: dict[str, Measured], name: str) -> str:
    """The title with what tells the result from the others of its group."""
    if len(results) == 1:
        return titled(title)
    label = results[name].label
    return titled(f"{title} of {label}" if label in SPACES else f"{title} · {label}")


def _measured(group: Group, key: str, places: Order) -> list[Measured]:
    """The results of one metric, each with what tells it from the others."""
    have = [(name, entry, entry["metrics"][key]) for name, entry in group if key in entry["metrics"]]
    return labelled([places.measured(*each) for each in have])


def _all(group: Group, places: Order) -> dict[str, Measured]:
    """The results of a group by name, without a metric."""
    measured = labelled([places.measured(name, entry, {}) for name, entry in group if entry["metrics"]])
    return {each.result: each for each in measured}


def _heats(group: Group, key: str, results: dict[str, Measured]) -> Iterator[Heat | Sentence]:
    """The matrices of all results, on one colour scale."""
    measured = [(name, metric) for name, metric in group.measured(key) if any(metric["values"])]
    if not measured:
        return
    every = [v for _, metric in measured for row in metric["values"] for v in row if v is not None]
    if not every:
        title = titled(measured[0][1]["label"])
        yield Sentence(title, f"{title}: no value.")
        return
    scale, diverging = _colours(every, measured[0][1])
    for name, metric in measured:
        yield _heat(_titled(metric["label"], results, name), metric, scale, diverging)


def _colours(values: Sequence[float], declared: Metric) -> tuple[tuple[float, float], bool]:
    """The ends of a colour scale, and whether it is about 0, from which both are then as far."""
    least, most = declared.get("low", 0.0), declared.get("high", 0.0)
    least, most = min([0.0, least, *values]), max([0.0, most, *values])
    size = max(-least, most) or 1.0
    return ((-size, size), True) if least < 0 else ((0.0, size), False)


def _heat(title: str, metric: Metric, scale: tuple[float, float], diverging: bool) -> Heat:
    values: tuple[Values, ...] = tuple(tuple(row) for row in metric["values"])
    across = len(values[0]) if values else 0
    row_names, column_names = metric.get("row_names", ()), metric.get("column_names", ())
    down = side(metric["rows"], [float(n) for n in range(len(values))], names=row_names)
    right = side(metric["columns"], [float(n) for n in range(across)], names=column_names)
    return Heat(title, values, down, right, *scale, diverging, metric["help"])


def _scatter(group: Group, results: dict[str, Measured]) -> Scatter | None:
    """Two numbers of every result against each other, where a kind of result declares two axes.

    A result that is the mean of runs has a point for each of them.
    """
    declared = group.declared("number")
    chosen = [next((k for k, m in declared.items() if m.get("axis") == end), None) for end in ("x", "y")]
    x, y = (dict(group.measured(key)) if key else {} for key in chosen)
    by_name = {n: (x[n], y[n]) for n in x if n in y and None not in (x[n]["value"], y[n]["value"])}
    points = tuple(_points(results[name], *pair) for name, pair in by_name.items())
    if sum(len(each.at) for each in points) < 2:
        return None
    metrics = by_name[next(iter(by_name))]
    nulls = [_covering([metric[n].get("null") for metric in by_name.values()]) for n in (0, 1)]
    null = None if nulls[0] is None or nulls[1] is None else (nulls[0], nulls[1])
    sides = [of_number(m, _held(points, null, n), from_zero=False) for n, m in enumerate(metrics)]
    null_is = " and ".join(dict.fromkeys(metric.get("null_is", "null") for metric in metrics)) if null else ""
    title = f"{titled(metrics[0]['label'])} and {metrics[1]['label']}"
    help = "; ".join(metric["help"] for metric in metrics)
    return Scatter(title, sides[0], sides[1], points, help, null, null_is)


def _covering(nulls: Sequence[float | None]) -> float | None:
    """The first of these nulls, where all others would cover it."""
    return nulls[0] if all(near(nulls[0], null) for null in nulls) else None


def _held(points: Sequence[Points], null: tuple[float, float] | None, side: int) -> Iterator[float]:
    """Everything that an axis of a scatter holds."""
    for each in points:
        yield from (at[side] for at in each.at)
        yield from chain.from_iterable(ends[side] or () for ends in each.intervals)
    yield from [] if null is None else [null[side]]


def _points(result: Measured, x: Metric, y: Metric) -> Points:
    """One for each run, or the value itself, with its intervals."""
    if "runs" in x and "runs" in y:
        runs = [at for at in zip(x["runs"], y["runs"], strict=True) if None not in at]
        return Points(result.label, result.place, tuple(runs))
    ends = rows.interval(x), rows.interval(y)
    at = ((x["value"], y["value"]),)
    return Points(result.label, result.place, at, (ends,) if any(ends) else ())


def _numbers(group: Group, places: Order) -> Iterator[Chart]:
    """The headlines, each with the null beside it."""
    declared = group.declared("number")
    strong = {key: metric for key, metric in declared.items() if metric.get("headline")} or declared
    chosen = [(strong[key], _measured(group, key, places)) for key in list(strong)[:NUMBERS]]
    yield from rows.numbers(chosen)
