"""The checks of a gate on one axis: how far each number is from its bound, right of 0 where it is met."""

from __future__ import annotations

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.charts.chart import Check, Checks
from collapse_cli.views.plot.sides import limits
from collapse_cli.views.plot.text import names, plain

LOOKS = {
    "pass": (style.COLOURS[2], "o"),
    "warn": (style.COLOURS[4], "D"),
    "inconclusive": (style.NULL, "s"),
    "fail": (style.COLOURS[1], "X"),
}
ROW = 0.28  # inches


def height(chart: Checks) -> float:
    """Inches of so many rows."""
    return 1.1 + ROW * len(chart.rows)


def paint(axes: Axes, chart: Checks) -> None:
    """A row for each check, the first on top; at the right, what it came to, in words."""
    for row, check in enumerate(chart.rows):
        _check(axes, row, check)
    axes.axvline(0, color=style.INK, linewidth=1.2)
    axes.set(xlim=limits(chart.x), ylim=(len(chart.rows) - 0.4, -0.6), xlabel=plain(chart.x.label, 60))
    axes.set_yticks(range(len(chart.rows)), names([check.label for check in chart.rows], 34))
    axes.set_xticks([chart.x.scale.low, 0.0, chart.x.scale.high])
    axes.xaxis.set_major_formatter(
        lambda value, _: "bound" if value == 0 else f"{value:+.0%}".replace("%", " %")
    )


def _check(axes: Axes, row: int, check: Check) -> None:
    colour, marker = LOOKS[check.result]
    if check.shown is not None:
        low, high = check.shown_interval or (check.shown, check.shown)
        axes.plot([min(low, check.shown), max(high, check.shown)], [row, row], color=colour, linewidth=2.2)
        look = {-1: "<", 0: marker, 1: ">"}[check.beyond]
        axes.plot(check.shown, row, look, color=colour, markersize=7)
    axes.annotate(check.text, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize="medium",
                  color=style.INK)  # fmt: skip
