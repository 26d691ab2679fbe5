"""The checks of a gate: how far each number is from its bound, right of 0 where it is met."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_cli.views.charts.chart import Check, Checks
from collapse_cli.views.document import Metric
from collapse_cli.views.words import RESULTS, figures


def checks(metrics: dict[str, Metric]) -> list[Metric]:
    """Those numbers of which something was required."""
    return [metric for metric in metrics.values() if "required" in metric]


def chart(title: str, metrics: Sequence[Metric]) -> Checks:
    """A row for each check: its margin with the interval, and in words what it came to."""
    return Checks(title, tuple(map(_check, metrics)))


def _check(metric: Metric) -> Check:
    result = metric["required"]["result"]
    low, high = (margin(metric, end) for end in metric.get("interval") or (None, None))
    ends = None if low is None or high is None else (min(low, high), max(low, high))
    text = f"{RESULTS[result].partition(' ')[2]} {figures(metric['value'])}"
    return Check(metric["label"], result, margin(metric, metric["value"]), ends, text)


def margin(metric: Metric, value: float | None) -> float | None:
    """By how much a value meets the bound, as a share of the bound's size (of 1 for a bound of 0); None for no number."""
    if value is None:
        return None
    required = metric["required"]
    beyond = (value - required["bound"]) / (abs(required["bound"]) or 1.0)
    return float(beyond if required["relation"][0] == ">" else -beyond)
