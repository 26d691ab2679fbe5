"""The checks of a gate on one axis: how far each number is from its bound, right of 0 where it is met."""

from __future__ import annotations

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.charts.chart import Check, Checks
from collapse_cli.views.plot.text import names

LOOKS = {"pass": (style.COLOURS[2], "o"), "inconclusive": (style.NULL, "s"), "fail": (style.COLOURS[1], "X")}
END = 1.0  # of the axis, as a share of the bound; what is farther stands there as an arrow
ROW = 0.28  # inches


def height(chart: Checks) -> float:
    """Inches of so many rows."""
    return 1.1 + ROW * len(chart.rows)


def paint(axes: Axes, chart: Checks) -> None:
    """A row for each check, the first on top; at the right, what it came to, in words."""
    for row, check in enumerate(chart.rows):
        _check(axes, row, check)
    axes.axvline(0, color=style.INK, linewidth=1.2)
    axes.set(xlim=(-1.08 * END, 1.08 * END), ylim=(len(chart.rows) - 0.4, -0.6))
    axes.set_yticks(range(len(chart.rows)), names([check.label for check in chart.rows], 34))
    axes.set_xticks([-1, 0, 1], ["−100 %", "bound", "+100 %"])
    axes.set_xlabel("Distance from the bound (right: met)")


def _check(axes: Axes, row: int, check: Check) -> None:
    colour, marker = LOOKS[check.result]
    if check.margin is not None:
        ends = [min(max(end, -END), END) for end in (*(check.interval or ()), check.margin)]
        arrow = "<" if check.margin < -END else ">" if check.margin > END else marker
        axes.plot([min(ends), max(ends)], [row, row], color=colour, linewidth=2.2)
        axes.plot(min(max(check.margin, -END), END), row, arrow, color=colour, markersize=7)
    axes.annotate(
        check.text,
        (1.02, row),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize="medium",
        color=style.INK,
    )
