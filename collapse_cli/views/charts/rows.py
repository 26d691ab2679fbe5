"""Charts of rows: a bar or a dot for each name of an `each`, and for each of the numbers that share a unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from collapse_cli.figures import alike
from collapse_cli.views.charts.chart import Bar, Bars, Sentence, Values
from collapse_cli.views.charts.curves import Measured
from collapse_cli.views.charts.sides import of_number, side
from collapse_cli.views.document import Metric
from collapse_cli.views.words import figures, titled

ROWS = 30  # of an `each`; of more, the lowest and the highest are drawn


def each(measured: Sequence[Measured]) -> Bars | Sentence:
    """A row for each name; a sentence where all values are equal."""
    declared = measured[0].metric
    every = list(dict.fromkeys(row for one in measured for row in one.metric["values"]))
    title = f"{titled(declared['label'])} by {declared['of']}"
    if equal := _equal([value for one in measured for value in one.metric["values"].values()]):
        return Sentence(title, f"{title}: {equal} for every {declared['of']} ({len(every)} in all).")
    rows = _extremes(every, measured)
    if len(rows) < len(every):
        half = ROWS // 2
        title = f"{title}: the {half} lowest and {half} highest of {len(every)}"
    bars = tuple(_bar(one, rows) for one in measured)
    unit = declared.get("unit", "")
    values = [value for bar in bars for value in (*bar.values, *_ends(bar))]
    x = side(unit or declared["label"], values, low=declared.get("low"), high=declared.get("high"))
    return Bars(title, tuple(rows), bars, x, help=declared["help"], more=len(every) - len(rows))


def _bar(one: Measured, rows: Sequence[str]) -> Bar:
    """The values of one result by row, with the intervals of those that have one."""
    spans = one.metric.get("intervals", {})
    intervals = tuple(_interval({"interval": spans.get(row)}) for row in rows)
    values = tuple(one.metric["values"].get(row) for row in rows)
    return Bar(one.label, one.place, values, intervals if any(intervals) else ())


def _ends(bar: Bar) -> Iterator[float]:
    """The ends of all its intervals, which the axis holds."""
    return chain.from_iterable(interval for interval in bar.intervals if interval)


def _equal(values: Sequence[float | None]) -> str:
    """The value that all are, as it is written; empty where they differ, or there is but one."""
    written = set(alike(values))
    return written.pop() if len(values) > 1 and len(written) == 1 and None not in values else ""


def _extremes(every: list[str], measured: Sequence[Measured]) -> list[str]:
    """All rows where they are few, else those with the lowest and highest values of the first result that has them, by size."""
    if len(every) <= ROWS:
        return every
    values = {row: one.metric["values"][row] for one in reversed(measured) for row in one.metric["values"]}
    ordered = sorted((row for row in every if values[row] is not None), key=lambda row: values[row])
    return ordered[: ROWS // 2] + ordered[-(ROWS // 2) :]


def numbers(measured: Sequence[tuple[Metric, Sequence[Measured]]]) -> Iterator[Bars | Sentence]:
    """Numbers with their results: those of one unit and limits share a chart, counts without a null are a sentence."""
    counts = [(metric, results) for metric, results in measured if _is_count(results)]
    drawn = [pair for pair in measured if pair not in counts]
    for kind in dict.fromkeys(_kind(metric) for metric, _ in drawn):
        yield _bars([(metric, results) for metric, results in drawn if _kind(metric) == kind])
    if counts:
        told = [_told(metric, results) for metric, results in counts]
        yield Sentence("", f"{'; '.join(told)}.")


def _is_count(results: Sequence[Measured]) -> bool:
    return all(
        isinstance(one.metric["value"], int)
        and one.metric.get("null") is None
        and not one.metric.get("interval")
        for one in results
    )


def _kind(metric: Metric) -> tuple[object, ...]:
    return metric.get("unit", ""), metric.get("low"), metric.get("high"), metric.get("null_is", "")


def _told(metric: Metric, results: Sequence[Measured]) -> str:
    values = [f"{figures(one.metric['value'])}{f' ({one.label})' if one.label else ''}" for one in results]
    return f"{titled(metric['label'])}: {', '.join(values)}"


def _bars(measured: Sequence[tuple[Metric, Sequence[Measured]]]) -> Bars:
    declared = measured[0][0]
    names = dict.fromkeys((one.label, one.place) for _, results in measured for one in results)
    by_name = [{(one.label, one.place): one.metric for one in results} for _, results in measured]
    bars = tuple(
        Bar(*name, tuple(row[name]["value"] if name in row else None for row in by_name),
            tuple(_interval(row[name]) if name in row else None for row in by_name))
        for name in names
    )  # fmt: skip
    nulls = tuple(_null(results) for _, results in measured)
    values = [*chain.from_iterable((*bar.values, *_ends(bar)) for bar in bars), *nulls]
    alone = len(measured) == 1
    x = of_number(declared, values) if alone else side(declared.get("unit", ""), values,
        low=declared.get("low"), high=declared.get("high"))  # fmt: skip
    title = titled(declared["label"] if alone else ", ".join(metric["label"] for metric, _ in measured))
    rows = tuple(titled(metric["label"]) for metric, _ in measured)
    help = "; ".join(metric["help"] for metric, _ in measured)
    return Bars(title, rows, bars, x, nulls, declared.get("null_is", "null") if _any(nulls) else "", help)


def _any(values: Values) -> bool:
    return any(value is not None for value in values)


def _interval(metric: Metric) -> tuple[float, float] | None:
    low, high = metric.get("interval") or (None, None)
    return None if low is None or high is None else (low, high)


def _null(results: Sequence[Measured]) -> float | None:
    """The null that all results have in common."""
    nulls = {one.metric.get("null") for one in results}
    return nulls.pop() if len(nulls) == 1 else None
