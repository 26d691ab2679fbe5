"""The checks of a gate on one axis: how far each number is from its bound, right of 0 where it is met."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.document import Metric
from collapse_cli.views.words import RESULTS, figures, shortened

LOOKS = {"pass": (style.COLOURS[2], "o"), "inconclusive": (style.NULL, "s"), "fail": (style.COLOURS[1], "X")}
END = 1.0  # of the axis, as a share of the bound; what is farther stands there as an arrow
ROW = 0.28  # inches


def checks(metrics: dict[str, Metric]) -> list[Metric]:
    """Those numbers of which something was required."""
    return [metric for metric in metrics.values() if "required" in metric]


def height(rows: int) -> float:
    """Inches of a panel."""
    return 1.3 + ROW * rows


def draw(axes: Axes, metrics: Sequence[Metric]) -> None:
    """A row for each check, the first on top: its margin with the interval; at the right, what it came to, in words."""
    for row, metric in enumerate(metrics):
        _check(axes, row, metric)
    axes.axvline(0, color=style.INK, linewidth=1.2)
    axes.set(xlim=(-1.08 * END, 1.08 * END), ylim=(len(metrics) - 0.4, -0.6))
    axes.set_yticks(
        range(len(metrics)), [shortened(metric["label"], 34).replace("$", r"\$") for metric in metrics]
    )
    axes.set_xticks([-1, -0.5, 0, 0.5, 1], ["−100 %", "−50 %", "bound", "+50 %", "+100 %"])
    axes.set_xlabel("Distance from the bound, as a share of it; met on the right")


def _check(axes: Axes, row: int, metric: Metric) -> None:
    result = metric["required"]["result"]
    colour, marker = LOOKS[result]
    at = margin(metric, metric["value"])
    if at is not None:
        ends = [margin(metric, end) for end in metric["interval"] or ()]
        ends_shown = [min(max(end, -END), END) for end in (*ends, at) if end is not None]
        arrow = "<" if at < -END else ">" if at > END else marker
        axes.plot([min(ends_shown), max(ends_shown)], [row, row], color=colour, linewidth=2.2)
        axes.plot(min(max(at, -END), END), row, arrow, color=colour, markersize=7)
    text = f"{RESULTS[result].partition(' ')[2]} {figures(metric['value'])}"
    axes.annotate(
        text, (1.02, row), xycoords=("axes fraction", "data"), va="center", fontsize=9, color=colour
    )


def margin(metric: Metric, value: float | None) -> float | None:
    """By how much a value meets the bound, as a share of the bound's size (of 1 for a bound of 0); None for no number."""
    if value is None:
        return None
    required = metric["required"]
    beyond = (value - required["bound"]) / (abs(required["bound"]) or 1.0)
    return float(beyond if required["relation"][0] == ">" else -beyond)
