"""What the script must know of lines: where the box lies, what the scales are, and the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collapse_cli.views.charts.chart import Curves, Line
from collapse_cli.views.page.digits import stored
from collapse_cli.views.page.svg import Box
from collapse_cli.views.scale import Axis

GAP = 13.0  # from one name beside a line to the next

Scales = dict[str, Axis]


def of_curves(chart: Curves, box: Box, x: Scales, y: Scales) -> dict[str, Any]:
    """All of it, each list of places on the axis once."""
    shared = list(dict.fromkeys(line.x for line in chart.lines))
    return {
        "kind": "curves",
        "box": [round(v, 1) for v in (box.left, box.top, box.width, box.height)],
        "x": {"label": chart.x.label, "names": list(chart.x.names), "scales": _scales(x)},
        "y": {"label": chart.y.label, "names": [], "scales": _scales(y)},
        "xs": [[stored(place) for place in places] for places in shared],
        "lines": [_line(line, shared) for line in chart.lines],
        "gap": GAP,
    }


def _scales(scales: Scales) -> dict[str, list[float | None]]:
    """By name, that which the chart chose in front."""
    return {name: [stored(scale.low), stored(scale.high)] for name, scale in scales.items()}


def _line(line: Line, shared: Sequence[tuple[float, ...]]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "label": line.label, "role": line.role, "joined": line.joined, "xs": shared.index(line.x),
        "y": [stored(y) for y in line.y],
    }  # fmt: skip
    if line.low:
        ends = {"low": [stored(y) for y in line.low], "high": [stored(y) for y in line.high]}
        data |= ends | {"band": line.band}
    return data
