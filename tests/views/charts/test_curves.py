"""Charts of curves: whose places have names."""

from __future__ import annotations

from typing import Any

from collapse_cli.views.charts.chart import Curves, Multiples
from collapse_cli.views.charts.curves import Measured, curves


def by_layer(name: str, place: int, values: list[float], names: list[str]) -> Measured:
    metric: Any = {
        "kind": "curve", "label": "stable rank", "help": "help", "x": "layer", "y": "rank", "low": 0,
        "values": values, "at": [float(n) for n in range(len(values))], "null": None, "names": names,
    }  # fmt: skip
    return Measured(name, "", place, metric, label=name)


def test_results_with_the_same_layers_share_their_names() -> None:
    (chart,) = curves([by_layer("a", 0, [1, 2], ["x", "y"]), by_layer("b", 1, [3, 4], ["x", "y"])])
    assert isinstance(chart, Curves)
    assert chart.x.names == ("x", "y")
    assert [line.y for line in chart.lines] == [(1, 2), (3, 4)]


def test_results_with_other_layers_have_axes_of_their_own() -> None:
    """Each with its names, over a y axis that holds the values of both."""
    (chart,) = curves([by_layer("a", 0, [1, 2], ["x", "y"]), by_layer("b", 1, [3, 4, 5], ["u", "v", "w"])])
    assert isinstance(chart, Multiples)
    assert [each.x.names for each in chart.charts] == [("x", "y"), ("u", "v", "w")]
    assert [(each.x.scale.low, each.x.scale.high) for each in chart.charts] == [(0, 1), (0, 2)]
    assert [(each.y.scale.low, each.y.scale.high) for each in chart.charts] == [(0, 5), (0, 5)]
