"""Points of the plane over time, about marks that stay: one frame, and several side by side."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.document import Metric
from collapse_cli.views.words import figures

ROWS, COLUMNS = 2, 3
CAPTION = 0.024  # inches of a caption with its distances, times the size of letters
ROOM = 1.35  # how far the plane is seen, as a multiple of the farthest mark's distance


def multiples(axes: Axes, metric: Metric, colour: Any) -> None:
    """Small frames in place of one axes: the first, the last, and what lies evenly between."""
    axes.axis("off")
    caption_share = CAPTION * style.size() / (axes.bbox.height / axes.figure.get_figure(root=True).dpi)
    chosen = thinned(len(metric["values"]), ROWS * COLUMNS)
    for place, frame in enumerate(chosen):
        row, column = divmod(place, COLUMNS)
        box = column / COLUMNS, 1 - (row + 1) / ROWS, 0.97 / COLUMNS, 1 / ROWS - caption_share
        small = axes.inset_axes(box)
        draw(small, metric, frame, colour)
        small.set_title(caption(metric, frame), fontsize="small", fontweight="normal", loc="center", pad=2)


def height(width: float) -> float:
    """Inches: square frames with their captions, and the title."""
    return ROWS * (0.85 * width / COLUMNS + CAPTION * style.size()) + 0.45


def draw(axes: Axes, metric: Metric, frame: int, colour: Any) -> Any:
    """One frame: marks as open rings, points over them; equal axes without numbers. Gives the points drawn."""
    middle, half = window(metric)
    if metric["marks"]:
        axes.scatter(
            *_finite(metric["marks"]), s=70, facecolors="none", edgecolors=style.NULL, linewidths=0.9
        )
    points = axes.scatter(*_finite(metric["values"][frame]), s=4, color=colour, alpha=0.55, linewidths=0)
    axes.set(
        xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half), aspect="equal"
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=style.FAINT)
    return points


def caption(metric: Metric, frame: int) -> str:
    return f"{metric['x']} {figures(metric['at'][frame])}"


def thinned(count: int, most: int) -> list[int]:
    """At most so many of 0..count-1, evenly chosen, both ends among them."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]


def window(metric: Metric) -> tuple[tuple[float, float], float]:
    """The square that is seen, the same for all frames: about the marks, else about all points."""
    points = metric["marks"] or [point for cloud in metric["values"] for point in cloud]
    xs, ys = _finite(points)
    if not xs:
        return (0.0, 0.0), 1.0
    middle = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2
    return middle, ROOM * max(max(xs) - min(xs), max(ys) - min(ys), 1e-9) / 2


def _finite(points: Any) -> tuple[list[float], list[float]]:
    """x and y of the points that are numbers."""
    complete = [point for point in points if None not in point]
    return [x for x, _ in complete], [y for _, y in complete]
