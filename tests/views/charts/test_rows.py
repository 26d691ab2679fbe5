"""Charts of rows: the intervals of values by name."""

from __future__ import annotations

from typing import Any

from collapse_cli.views.charts.chart import Bars
from collapse_cli.views.charts.curves import Measured
from collapse_cli.views.charts.rows import each


def measured(**parts: Any) -> Measured:
    metric: Any = {
        "kind": "each",
        "label": "recall",
        "help": "help",
        "of": "class",
        "unit": "share",
        "low": 0,
    }
    return Measured("h", "h", 0, metric | {"values": {"a": 0.2, "b": 0.4, "c": None}} | parts)


def test_values_by_name_have_their_intervals() -> None:
    """None where there is none, or an end is no number; the axis holds the ends."""
    chart = each([measured(intervals={"a": [0.1, 0.3], "b": [0.2, 0.9], "c": [None, 0.5]})])
    assert isinstance(chart, Bars)
    assert chart.bars[0].values == (0.2, 0.4, None)
    assert chart.bars[0].intervals == ((0.1, 0.3), (0.2, 0.9), None)
    assert (chart.x.scale.low, chart.x.scale.high) == (0, 0.9)


def test_values_without_intervals_have_none() -> None:
    chart = each([measured()])
    assert isinstance(chart, Bars)
    assert chart.bars[0].intervals == ()
    assert (chart.x.scale.low, chart.x.scale.high) == (0, 0.4)


def test_values_by_name_have_their_nulls_in_their_rows() -> None:
    """A line at 1 across both causes; the axis holds it; of results with other nulls there is none."""
    value = {"a": 0.2, "b": 0.4, "c": None}
    chart = each([measured(values=value, nulls={"a": 1.0, "b": 1.0}, null_is="threshold")])
    assert isinstance(chart, Bars)
    assert (chart.nulls, chart.null_is, chart.x.scale.high) == ((1.0, 1.0, None), "threshold", 1.0)
    chart = each([measured(nulls={"a": 1.0}), measured(nulls={"a": 2.0})])
    assert isinstance(chart, Bars)
    assert (chart.nulls, chart.null_is) == ((), "")


def test_an_axis_says_what_is_drawn_and_in_which_unit() -> None:
    chart = each([measured(label="closest pairs", unit="cosine")])
    assert isinstance(chart, Bars)
    assert chart.x.label == "Closest pairs (cosine)"
