"""Charts of rows: a bar or a dot for each name of an `each`, and for each of the numbers that share a unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from collapse_cli.figures import alike
from collapse_cli.views.charts.chart import Bar, Bars, Ends, Sentence, Values
from collapse_cli.views.charts.places import Measured
from collapse_cli.views.charts.sides import of_number, side
from collapse_cli.views.document import Metric
from collapse_cli.views.words import figures, titled

ROWS = 30  # of an `each`; of more, the lowest and the highest are drawn


def each(measured: Sequence[Measured]) -> Bars | Sentence:
    """A row for each name; a sentence where all values are equal, or none is a number."""
    declared = measured[0].metric
    every = list(dict.fromkeys(row for result in measured for row in result.metric["values"]))
    title = f"{titled(declared['label'])} by {declared['of']}"
    if equal := _equal([value for result in measured for value in result.metric["values"].values()]):
        return Sentence(title, f"{title}: {equal} for every {declared['of']} ({len(every)} in all).")
    values = {row: tuple(result.metric["values"].get(row) for result in measured) for row in every}
    if not any(map(_any, values.values())):
        return Sentence(title, f"{title}: no value ({len(every)} in all).")
    rows, gap, told = extremes(values) if len(every) > ROWS else (every, 0, "")
    if not rows:
        return Sentence(title, f"{title}{told}.")
    bars = tuple(_bar(result, rows) for result in measured)
    nulls = _any_or_none([_row_null(measured, row) for row in rows])
    held = [value for bar in bars for value in (*bar.values, *_ends(bar))]
    x = of_number(declared, [*held, *nulls])
    null_is = declared.get("null_is", "null") if nulls else ""
    return Bars(
        title + told, tuple(rows), bars, x, nulls, null_is, declared["help"], len(every) - len(rows), gap
    )


def _any_or_none(values: Sequence[float | None]) -> Values:
    return tuple(values) if _any(tuple(values)) else ()


def _row_null(measured: Sequence[Measured], row: str) -> float | None:
    """The null that all results have in this row."""
    return common_null({"null": result.metric.get("nulls", {}).get(row)} for result in measured)


def extremes(values: Mapping[str, Values]) -> tuple[list[str], int, str]:
    """Of many rows those with the lowest and the highest values, by size, the row before which others are left out, and what
    that is in words.

    They are ranked by the first result that has a number. Rows that tie at an end, and would fill it, are counted instead.
    """
    half = ROWS // 2
    numbered = [row for row in values if _any(values[row])]
    ranked = sorted(numbered, key=lambda row: _first(values[row]))
    tied = [at for at in dict.fromkeys((values[ranked[0]], values[ranked[-1]])) if _count(values, at) > half]
    differing = [row for row in ranked if values[row] not in tied]
    rows = differing if len(differing) <= ROWS else differing[:half] + differing[-half:]
    counts = [f"{_count(values, at)} at {_joined(at)}" for at in tied]
    if len(numbered) < len(values):
        counts.append(f"{len(values) - len(numbered)} without a value")
    left_out = len(rows) < len(differing)
    part = f"the {half} lowest and {half} highest" if left_out else f"{len(rows)}"
    told = [f"{part} of {len(values)}" if rows else f"{len(values)} in all", *counts]
    return rows, half if left_out else 0, f": {', '.join(told)}"


def _first(values: Values) -> float:
    return next(value for value in values if value is not None)


def _count(values: Mapping[str, Values], at: Values) -> int:
    return sum(each == at for each in values.values())


def _joined(values: Values) -> str:
    return " and ".join(dict.fromkeys(map(figures, values)))


def _bar(result: Measured, rows: Sequence[str]) -> Bar:
    """The values of one result by row, with the intervals of those that have one."""
    spans = result.metric.get("intervals", {})
    intervals = tuple(interval({"interval": spans.get(row)}) for row in rows)
    values = tuple(result.metric["values"].get(row) for row in rows)
    return Bar(result.label, result.place, values, intervals if any(intervals) else ())


def _ends(bar: Bar) -> Iterator[float]:
    """The ends of all its intervals, which the axis holds."""
    return chain.from_iterable(interval for interval in bar.intervals if interval)


def _equal(values: Sequence[float | None]) -> str:
    """The value that all are, as it is written; empty where they differ, or there is but one."""
    written = set(alike(values))
    if len(values) < 2 or len(written) > 1 or None in values:
        return ""
    return written.pop() if len(set(values)) == 1 else f"about {written.pop()}"


def numbers(measured: Sequence[tuple[Metric, Sequence[Measured]]]) -> Iterator[Bars | Sentence]:
    """Numbers with their results: those of one unit and limits share a chart, counts without a null are a sentence."""
    counts = [(metric, results) for metric, results in measured if _is_count(results)]
    drawn = [pair for pair in measured if pair not in counts]
    for kind in dict.fromkeys(_kind(metric) for metric, _ in drawn):
        yield _bars([(metric, results) for metric, results in drawn if _kind(metric) == kind])
    if counts:
        told = [_in_words(metric, results) for metric, results in counts]
        yield Sentence("", f"{'; '.join(told)}.")


def _is_count(results: Sequence[Measured]) -> bool:
    return all(
        isinstance(result.metric["value"], int)
        and result.metric.get("null") is None
        and not result.metric.get("interval")
        for result in results
    )


def _kind(metric: Metric) -> tuple[object, ...]:
    return metric.get("unit", ""), metric.get("low"), metric.get("high"), metric.get("null_is", "")


def _in_words(metric: Metric, results: Sequence[Measured]) -> str:
    values = [
        f"{figures(result.metric['value'])}{f' ({result.label})' if result.label else ''}"
        for result in results
    ]
    return f"{titled(metric['label'])}: {', '.join(values)}"


def _bars(measured: Sequence[tuple[Metric, Sequence[Measured]]]) -> Bars:
    declared = measured[0][0]
    names = dict.fromkeys((result.label, result.place) for _, results in measured for result in results)
    by_name = [{(result.label, result.place): result.metric for result in results} for _, results in measured]
    bars = tuple(
        Bar(*name, tuple(row[name]["value"] if name in row else None for row in by_name),
            tuple(interval(row[name]) if name in row else None for row in by_name))
        for name in names
    )  # fmt: skip
    nulls = tuple(common_null(result.metric for result in results) for _, results in measured)
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


def interval(metric: Mapping[str, Any]) -> Ends:
    """Of a number, where both ends are numbers."""
    low, high = metric.get("interval") or (None, None)
    return None if low is None or high is None else (low, high)


def common_null(metrics: Iterable[Mapping[str, Any]]) -> float | None:
    """The null that all have in common."""
    nulls = {metric.get("null") for metric in metrics}
    return nulls.pop() if len(nulls) == 1 else None
