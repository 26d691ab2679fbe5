"""Axes of charts: they begin where a reader expects it, and hold everything that is drawn."""

from __future__ import annotations

from collections.abc import Iterable

from collapse_cli.views.charts.chart import Side
from collapse_cli.views.document import Metric
from collapse_cli.views.scale import Axis, axis
from collapse_cli.views.words import titled

ALIKE = 0.03  # of a null: two that differ by less cover each other
NEAR = 0.5  # of a limit: from here on an axis reaches up to it


def side(
    label: str,
    values: Iterable[float | None],
    log: bool = False,
    low: float | None = None,
    high: float | None = None,
    names: Iterable[str] = (),
    from_zero: bool = True,
) -> Side:
    """The axis of these values. low, high: what they can be at the least and the most; from_zero: it begins at 0 where no value
    lies below. Values beyond what they can be are held as well.
    """
    numbers = [value for value in values if value is not None]
    whole = all(value == round(value) for value in numbers)
    return Side(titled(label), _scale(numbers, log, low, high, from_zero), tuple(names), whole)


def _scale(values: list[float], log: bool, low: float | None, high: float | None, from_zero: bool) -> Axis:
    measured = axis(values, log)
    if measured.log or not values:
        return measured
    least, most = measured.low, measured.high
    if from_zero and min(values) >= 0:
        least = 0.0
    elif low is not None and min(values) <= NEAR * low < 0:
        least = min(low, *values)
    if from_zero and max(values) <= 0:
        most = 0.0
    if high is not None and max(values) > NEAR * high > 0:
        most = max(high, *values)
    return Axis(least, most) if most > least else Axis(least - 0.5, most + 0.5)


def of_number(metric: Metric, values: Iterable[float | None], from_zero: bool = True) -> Side:
    """The axis of a number, with its name and unit."""
    unit = f" ({metric['unit']})" if metric.get("unit") else ""
    return side(
        metric["label"] + unit, values, low=metric.get("low"), high=metric.get("high"), from_zero=from_zero
    )


def near(first: float | None, second: float | None) -> bool:
    """Whether two nulls would cover each other."""
    if first is None or second is None:
        return first is second
    return abs(first - second) <= ALIKE * max(abs(first), abs(second))
