"""A document -> its charts: one for each curve, each `each`, each matrix, a scatter of two numbers, the checks of a gate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.views.charts import curves, margins, rows
from collapse_cli.views.charts.chart import Chart, Clouds, Heat, Points, Scatter, Sentence, Values
from collapse_cli.views.charts.curves import Measured, input_of, labelled
from collapse_cli.views.charts.sides import of_number, side
from collapse_cli.views.document import Document, Group, Metric, groups, names
from collapse_cli.views.words import SPACES, titled

NUMBERS = 6  # drawn where a document has nothing else


def charts(document: Document) -> list[Chart]:
    """Everything to be drawn, each once; the numbers themselves where there is nothing else."""
    places = places_of(document)
    chosen = [chart for group in groups(document) for chart in _of_group(group, places)]
    if all(isinstance(chart, Sentence) for chart in chosen):
        chosen += [chart for group in groups(document) for chart in _numbers(group, places)]
    return [chart for n, chart in enumerate(chosen) if chart not in chosen[:n]]


def sketches(document: Document) -> list[Chart]:
    """The charts of those curves that say most, which a terminal sketches: what a reader should see first."""
    places = places_of(document)
    return [
        chart
        for group in groups(document)
        for key, metric in group.declared("curve").items()
        if metric.get("sketch")
        for chart in curves.curves(_measured(group, key, places))
    ]


def places_of(document: Document) -> dict[str, int]:
    """The place of every result that has numbers, by its name."""
    measured = [
        name for name, entry in zip(names(document), document["results"], strict=True) if entry["metrics"]
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(measured))}


def _orders(group: Group) -> dict[str, int]:
    """The order of every input by its name."""
    inputs = dict.fromkeys(input_of(name, entry["space"]) for name, entry in group)
    return {name: order for order, name in enumerate(inputs)}


def _of_group(group: Group, places: dict[str, int]) -> Iterator[Chart]:
    scatter = _scatter(group, places)
    yield from [scatter] if scatter else []
    for name, result in group:
        if checks := margins.checks(result["metrics"]):
            yield margins.chart(_titled(group.title, group, name), checks)
    for key in group.declared("curve"):
        yield from curves.curves(_measured(group, key, places))
    for key in group.declared("lines"):
        yield curves.families(group.measured(key))
    for key in group.declared("each"):
        if any(metric["values"] for _, metric in group.measured(key)):
            yield rows.each(_measured(group, key, places))
    for key in group.declared("matrix"):
        yield from _heats(group, key)
    for key in group.declared("frames"):
        for name, metric in group.measured(key):
            yield Clouds(_titled(metric["label"], group, name), places[name], metric, metric["help"])


def _titled(title: str, group: Group, name: str) -> str:
    """The title with what tells the result from the others of its group."""
    if len(group.names) == 1:
        return titled(title)
    label = next(each.label for each in labelled(_every(group)) if each.result == name)
    return titled(f"{title} of {label}" if label in SPACES else f"{title} · {label}")


def _every(group: Group) -> list[Measured]:
    return [Measured(name, entry["space"], 0, {}) for name, entry in group]


def _measured(group: Group, key: str, places: dict[str, int]) -> list[Measured]:
    """The results of one metric, each with what tells it from the others."""
    orders, have = _orders(group), [(name, entry) for name, entry in group if key in entry["metrics"]]
    return labelled(
        [
            Measured(
                name,
                entry["space"],
                places[name],
                entry["metrics"][key],
                orders[input_of(name, entry["space"])],
            )
            for name, entry in have
        ]
    )


def _heats(group: Group, key: str) -> Iterator[Heat]:
    """The matrices of all results, on one colour scale."""
    measured = group.measured(key)
    every = [v for _, metric in measured for row in metric["values"] for v in row if v is not None]
    declared = measured[0][1]
    most, least = max(every, default=1.0), min([0.0, *every])
    diverging = declared.get("low", least) < 0
    size = max(abs(most), abs(least))
    low, high = (-size, size) if diverging else (0.0, most or 1.0)
    if "high" in declared:
        low, high = declared.get("low", low), declared["high"]
    for name, metric in measured:
        yield _heat(_titled(metric["label"], group, name), metric, (low, high), diverging)


def _heat(title: str, metric: Metric, scale: tuple[float, float], diverging: bool) -> Heat:
    values: tuple[Values, ...] = tuple(tuple(row) for row in metric["values"])
    across = len(values[0]) if values else 0
    row_names, column_names = metric.get("row_names", ()), metric.get("column_names", ())
    down = side(metric["rows"], [float(n) for n in range(len(values))], names=row_names)
    right = side(metric["columns"], [float(n) for n in range(across)], names=column_names)
    return Heat(title, values, down, right, *scale, diverging, metric["help"])


def _scatter(group: Group, places: dict[str, int]) -> Scatter | None:
    """Two numbers of every result against each other, where a kind of result declares two axes.

    A result that is the mean of runs has a point for each of them.
    """
    declared = group.declared("number")
    chosen = [next((k for k, m in declared.items() if m.get("axis") == end), None) for end in ("x", "y")]
    x, y = (dict(group.measured(key)) if key else {} for key in chosen)
    by_name = {n: _points(x[n], y[n]) for n in x if n in y and None not in (x[n]["value"], y[n]["value"])}
    every = [point for at in by_name.values() for point in at]
    if len(every) < 2:
        return None
    metrics = x[next(iter(by_name))], y[next(iter(by_name))]
    sides = [of_number(m, [point[n] for point in every], from_zero=False) for n, m in enumerate(metrics)]
    points = tuple(Points(name, places[name], tuple(at)) for name, at in by_name.items())
    title = f"{titled(metrics[0]['label'])} and {metrics[1]['label']}"
    return Scatter(title, sides[0], sides[1], points, "; ".join(metric["help"] for metric in metrics))


def _points(x: Metric, y: Metric) -> Sequence[tuple[float, float]]:
    """One for each run, or the value itself."""
    return list(zip(x.get("runs", [x["value"]]), y.get("runs", [y["value"]]), strict=True))


def _numbers(group: Group, places: dict[str, int]) -> Iterator[Chart]:
    """The headlines, each with the null beside it."""
    declared = group.declared("number")
    strong = {key: metric for key, metric in declared.items() if metric.get("headline")} or declared
    chosen = [(strong[key], _measured(group, key, places)) for key in list(strong)[:NUMBERS]]
    yield from rows.numbers(chosen)
