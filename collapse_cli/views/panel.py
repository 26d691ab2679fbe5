"""One axes of a plot as it is passed on: a title, what it holds, and how it is filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from collapse_cli.views.document import Metric
from collapse_cli.views.words import shortened, titled

Spots = tuple[tuple[str, tuple[float, float]], ...]  # (name, (x, y)) of the points of a scatter
BEFORE: dict[str, Any] = {"linestyle": ":", "linewidth": 1.4}  # of the line of what was before training
BAND: dict[str, Any] = {"alpha": 0.2, "linewidth": 0}  # of the area between the lowest and the highest run


@dataclass(frozen=True)
class Panel:
    """One axes: its title, its height in inches, the results in it (for a legend), how to fill it, and points to label.

    dots: its results are points, whose shape the legend shows; before: dotted lines say what was before training; band: a
    shaded band reaches from the lowest to the highest run of a result.
    """

    title: str
    fill: Callable[[Axes], None]
    names: tuple[str, ...] = ()
    null: str = ""
    height: float = 3.4
    spots: Spots = ()
    dots: bool = False
    before: bool = False
    band: bool = False


def plain(text: str, width: int = 34) -> str:
    """Text of a user that matplotlib must not read as mathematics."""
    return shortened(text, width).replace("$", r"\$")


def measured_in(metric: Metric) -> str:
    return plain(titled(metric["label"]) + (f" ({metric['unit']})" if metric.get("unit") else ""), 60)
