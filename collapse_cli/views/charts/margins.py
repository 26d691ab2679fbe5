"""The checks of a gate: how far each number is from its bound, right of 0 where it is met."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from collapse_cli.views.charts.chart import Check, Checks, Ends, Side
from collapse_cli.views.document import Metric
from collapse_cli.views.scale import Axis
from collapse_cli.views.words import RESULTS, figures

END = 1.0  # of the axis on both sides, as a share of the bound
AXIS = Side("Distance from the bound (right: met)", Axis(-END, END))


def checks(metrics: dict[str, Metric]) -> list[Metric]:
    """Those numbers of which something was required."""
    return [metric for metric in metrics.values() if "required" in metric]


def chart(title: str, metrics: Sequence[Metric]) -> Checks:
    """A row for each check: its margin with the interval, and in words what it came to."""
    return Checks(title, tuple(map(_check, metrics)), AXIS)


def _check(metric: Metric) -> Check:
    result, distance = metric["required"]["result"], margin(metric, metric["value"])
    low, high = (margin(metric, end) for end in metric.get("interval") or (None, None))
    ends: Ends = None if low is None or high is None else (min(low, high), max(low, high))
    text = f"{RESULTS[result].partition(' ')[2]} {figures(metric['value'])}"
    shown = None if distance is None else _clamped(distance)
    shown_ends = None if ends is None else (_clamped(ends[0]), _clamped(ends[1]))
    return Check(metric["label"], result, distance, ends, text, shown, shown_ends, _beyond(distance or 0.0))


def _clamped(distance: float) -> float:
    return min(max(distance, -END), END)


def _beyond(distance: float) -> Literal[-1, 0, 1]:
    """The side of the axis that a distance lies beyond."""
    return 1 if distance > END else -1 if distance < -END else 0


def margin(metric: Metric, value: float | None) -> float | None:
    """By how much a value meets the bound, as a share of the bound's size (of 1 for a bound of 0); None for no number."""
    if value is None:
        return None
    required = metric["required"]
    beyond = (value - required["bound"]) / (abs(required["bound"]) or 1.0)
    return float(beyond if required["relation"][0] == ">" else -beyond)
