"""What a document has to draw: one panel for each curve, each `each`, each matrix, and a scatter of two numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from collapse_cli.views import clouds, margins, panel_curves, panel_matrix, panel_rows, style
from collapse_cli.views.document import Document, Group, Metric, groups, names
from collapse_cli.views.panel import BEFORE, Panel, measured_in, plain
from collapse_cli.views.words import titled

NUMBERS = 6  # drawn where a document has nothing else


def panels(document: Document) -> list[Panel]:
    """Everything to be drawn; the numbers themselves where there is nothing else."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names(document)))}
    drawings = [panel for group in groups(document) for panel in _of_group(group, places)]
    return drawings or [panel for group in groups(document) for panel in _numbers(group, places)]


def handles(shown: list[Panel], document: Document) -> list[Artist]:
    """The legend of some panels: every result that a colour stands for, then what bands and dotted lines are, and the null."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names(document)))}
    used = {name for panel in shown for name in panel.names}
    nulls = dict.fromkeys(panel.null for panel in shown if panel.null)
    look = _dotted if any(panel.dots for panel in shown) else style.line
    lines: list[Artist] = [Line2D([], [], label=plain(n), **look(p)) for n, p in places.items() if n in used]
    lines = lines if len(places) > 1 else []
    if any(panel.band for panel in shown):
        lines.append(
            Patch(color=style.NULL, alpha=0.45, linewidth=0, label="from the lowest to the highest seed")
        )
    if any(panel.before for panel in shown):
        lines.append(Line2D([], [], color=style.INK, **BEFORE, label="at initialisation"))
    chance = plain(", ".join(nulls), 80)
    return lines + ([Line2D([], [], color=style.NULL, linestyle="--", label=chance)] if nulls else [])


def _dotted(place: int) -> dict[str, Any]:
    return style.line(place) | style.marker(place)


def _of_group(group: Group, places: dict[str, int]) -> Iterator[Panel]:
    scatter = _scatter(group, places)
    yield from [scatter] if scatter else []
    for name, result in group:
        if checks := margins.checks(result["metrics"]):
            yield _margins(group.title, checks, name if len(group.names) > 1 else "")
    for key in group.declared("curve"):
        yield panel_curves.curve(group.measured(key), places)
    for key in group.declared("lines"):
        for name, metric in group.measured(key):
            yield panel_curves.lines(metric, name if len(group.names) > 1 else "")
    for key in group.declared("each"):
        yield panel_rows.each(group.measured(key), places)
    for key in group.declared("matrix"):
        for name, metric in group.measured(key):
            yield panel_matrix.matrix(metric, name if len(group.names) > 1 else "")
    for key in group.declared("frames"):
        for name, metric in group.measured(key):
            yield _frames(metric, name if len(group.names) > 1 else "", places[name])


def _margins(title: str, checks: list[Metric], name: str) -> Panel:
    heading = titled(f"{title}: {name}" if name else title)
    return Panel(heading, lambda axes: margins.draw(axes, checks), height=margins.height(len(checks)))


def _frames(metric: Metric, name: str, place: int) -> Panel:
    """A few of the frames side by side, the first and the last among them."""
    title = plain(" · ".join([titled(metric["label"]), *([name] if name else [])]), 60)
    return Panel(
        title, lambda axes: clouds.multiples(axes, metric, style.line(place)["color"]), height=clouds.HEIGHT
    )


def _scatter(group: Group, places: dict[str, int]) -> Panel | None:
    """Two numbers of every result against each other, where a kind of result declares two axes.

    A result that is the mean of runs has a point for each of them, and the legend names it; else its name stands by.
    """
    declared = group.declared("number")
    chosen = [next((k for k, m in declared.items() if m.get("axis") == side), None) for side in ("x", "y")]
    x, y = (dict(group.measured(key)) if key else {} for key in chosen)
    points_by_name = {
        n: _points(x[n], y[n]) for n in x if n in y and None not in (x[n]["value"], y[n]["value"])
    }
    if sum(map(len, points_by_name.values())) < 2:
        return None
    metrics = x[next(iter(points_by_name))], y[next(iter(points_by_name))]
    title = f"{titled(metrics[0]['label'])} and {metrics[1]['label']}"

    def fill(axes: Axes) -> None:
        for n, points in points_by_name.items():
            across, up = zip(*points, strict=True)
            axes.scatter(across, up, 46, **style.marker(places[n]), zorder=3)
        axes.margins(0.18)
        axes.set(xlabel=measured_in(metrics[0]), ylabel=measured_in(metrics[1]))

    if any(len(points) > 1 for points in points_by_name.values()):
        return Panel(title, fill, tuple(points_by_name), dots=True)
    return Panel(title, fill, spots=tuple((plain(n, 24), points[0]) for n, points in points_by_name.items()))


def _points(x: Metric, y: Metric) -> list[tuple[float, float]]:
    """One for each run, or the value itself."""
    return list(zip(x.get("runs", [x["value"]]), y.get("runs", [y["value"]]), strict=True))


def _numbers(group: Group, places: dict[str, int]) -> Iterator[Panel]:
    """A bar for each result, and a dashed line at chance."""
    declared = group.declared("number")
    strong = {key: metric for key, metric in declared.items() if metric.get("headline")} or declared
    for key in list(strong)[:NUMBERS]:
        yield panel_rows.number(group.measured(key), places)
