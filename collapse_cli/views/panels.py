"""What a document has to draw: one panel for each curve, each `each`, each matrix, and a scatter of two numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from collapse_cli.views import clouds, margins, scale, style
from collapse_cli.views.document import Document, Group, Metric, groups, names
from collapse_cli.views.words import figures, shortened, titled

BARS = 20  # rows of an `each`; the others are in the JSON
GROUPED = 3  # results whose bars stand together; of more, each is a dot
FAMILY = 6  # curves of one family, each of which the legend names
WRITTEN = 10  # rows and columns of a matrix in whose cells numbers can be read
LUMA = (0.299, 0.587, 0.114)  # how light red, green and blue look (ITU-R BT.601)
NUMBERS = 6  # drawn where a document has nothing else
BEFORE: dict[str, Any] = {"linestyle": ":", "linewidth": 1.4}
Spots = tuple[tuple[str, tuple[float, float]], ...]  # (name, (x, y)) of the points of a scatter


@dataclass(frozen=True)
class Panel:
    """One axes: its title, its height in inches, the results in it (for a legend), how to fill it, and points to label.

    dots: its results are points, whose shape the legend shows; before: dotted lines say what was before training.
    """

    title: str
    fill: Callable[[Axes], None]
    names: tuple[str, ...] = ()
    null: str = ""
    height: float = 3.4
    spots: Spots = ()
    dots: bool = False
    before: bool = False


def panels(document: Document) -> list[Panel]:
    """Everything to be drawn; the numbers themselves where there is nothing else."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names(document)))}
    found = [panel for group in groups(document) for panel in _of_group(group, places)]
    return found or [panel for group in groups(document) for panel in _numbers(group, places)]


def handles(shown: list[Panel], document: Document) -> list[Line2D]:
    """The legend of some panels: every result that a colour stands for, then chance."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names(document)))}
    used = {name for panel in shown for name in panel.names}
    nulls = dict.fromkeys(panel.null for panel in shown if panel.null)
    look = _dotted if any(panel.dots for panel in shown) else style.line
    lines = [Line2D([], [], label=plain(n), **look(p)) for n, p in places.items() if n in used]
    lines = lines if len(places) > 1 else []
    if any(panel.before for panel in shown):
        lines.append(Line2D([], [], color=style.INK, **BEFORE, label="before training"))
    chance = plain(", ".join(nulls), 80)
    return lines + ([Line2D([], [], color=style.NULL, linestyle="--", label=chance)] if nulls else [])


def _dotted(place: int) -> dict[str, Any]:
    return style.line(place) | style.marker(place)


def plain(text: str, width: int = 34) -> str:
    """Text of a user that matplotlib must not read as mathematics."""
    return shortened(text, width).replace("$", r"\$")


def _of_group(group: Group, places: dict[str, int]) -> Iterator[Panel]:
    scatter = _scatter(group, places)
    yield from [scatter] if scatter else []
    for name, one in group:
        if found := margins.checks(one["metrics"]):
            yield _margins(group.title, found, name if len(group.names) > 1 else "")
    for key in group.declared("curve"):
        yield _curve(group.measured(key), places)
    for key in group.declared("lines"):
        for name, metric in group.measured(key):
            yield _lines(metric, name if len(group.names) > 1 else "")
    for key in group.declared("each"):
        yield _each(group.measured(key), places)
    for key in group.declared("matrix"):
        for name, metric in group.measured(key):
            yield _matrix(metric, name if len(group.names) > 1 else "")
    for key in group.declared("frames"):
        for name, metric in group.measured(key):
            yield _frames(metric, name if len(group.names) > 1 else "", places[name])


def _margins(title: str, found: list[Metric], name: str) -> Panel:
    said = titled(f"{title}: {name}" if name else title)
    return Panel(said, lambda axes: margins.draw(axes, found), height=margins.height(len(found)))


def _curve(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    """The same curve of every result, over its null and what it was before training."""
    metric = measured[0][1]

    def fill(axes: Axes) -> None:
        x, y = _axes(axes, measured, metric)
        for null in {tuple(one["null"]): one for _, one in measured if one.get("null")}.values():
            _line(axes, null, "null", (x, y), color=style.NULL, linestyle="--", linewidth=1.4)
        for name, one in measured:
            if one.get("initial"):
                _line(axes, one, "initial", (x, y), **style.line(places[name]) | BEFORE)
            dot = "o" if len(one["values"]) == 1 or metric.get("dots") else ""
            look = style.line(places[name]) | ({"linestyle": ""} if metric.get("dots") else {})
            _line(axes, one, "values", (x, y), label=plain(name), marker=dot, markersize=5, **look)

    null = metric.get("null_is", "null") if any(one.get("null") for _, one in measured) else ""
    before = any(one.get("initial") for _, one in measured)
    return Panel(titled(metric["label"]), fill, tuple(name for name, _ in measured), null, before=before)


def _axes(axes: Axes, measured: list[tuple[str, Metric]], metric: Metric) -> tuple[scale.Axis, scale.Axis]:
    """Scales and names of both axes; a floor is stated where values lie below it."""
    log = metric.get("log", "")
    x = scale.axis(
        [v for _, one in measured for v, _ in scale.points(one["values"], one.get("at"))], "x" in log
    )
    y = scale.axis([v for _, one in measured for v in [*one["values"], *(one.get("null") or [])]], "y" in log)
    axes.set(xlabel=_named(metric["x"], x), ylabel=_named(metric.get("y") or metric["label"], y))
    if x.log:
        axes.set_xscale("log")
    if y.log:
        axes.set_yscale("log")
    return x, y


def _named(name: str, axis: scale.Axis) -> str:
    """The name of an axis; what lies below its floor is drawn at the floor, and said so."""
    return titled(plain(name, 60)) + (f"\n≤ {axis.low:.0e}: drawn there" if axis.floored else "")


def _line(axes: Axes, metric: Metric, part: str, scales: tuple[scale.Axis, scale.Axis], **look: Any) -> None:
    """Values over x; below a floor they lie on it, and what is not a number is a gap."""
    x, y = scales
    drawn = scale.points(metric[part], metric.get("at"))
    across = [max(at, x.low) for at, _ in drawn]
    up = [numpy.nan if v is None else max(v, y.low) if y.log else v for _, v in drawn]
    axes.plot(across, up, **look)


def _lines(metric: Metric, name: str) -> Panel:
    """A family of curves of one result, from the first of them dark to the last light, both named where they end."""
    family = [(said, one | {"x": metric["x"]}) for said, one in metric["values"].items()]
    title = plain(" · ".join([titled(metric["label"]), *([name] if name else [])]), 60)

    def fill(axes: Axes) -> None:
        scales = _axes(axes, family, metric)
        for (said, one), colour in zip(family, style.family(len(family)), strict=True):
            _line(axes, one, "values", scales, label=plain(said), color=colour, linewidth=1.4)
        _name_family(axes, metric["of"])

    return Panel(title, fill)


def _name_family(axes: Axes, of: str) -> None:
    """The names of a few curves in a legend, of many only the first and the last, where these end."""
    drawn = axes.get_lines()
    if len(drawn) <= FAMILY:
        axes.legend(title=plain(of), title_fontsize=8, fontsize=8, handlelength=1.4)
        return
    ends = [(str(one.get_label()), numpy.asarray(one.get_xydata())[-1]) for one in (drawn[0], drawn[-1])]
    for (said, (x, y)), side in zip(sorted(ends, key=lambda end: end[1][1]), ("top", "bottom"), strict=True):
        axes.annotate(said, (x, y), (5, 0), textcoords="offset points", va=side, fontsize=8)


def _each(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    """A row for each name, with a bar for each result, or a dot where many results share the row."""
    metric = measured[0][1]
    every = list(dict.fromkeys(row for _, one in measured for row in one["values"]))
    rows = every[:BARS]

    def fill(axes: Axes) -> None:
        for place, (name, one) in enumerate(measured):
            values = [numpy.nan if one["values"].get(r) is None else one["values"][r] for r in rows]
            _row_marks(axes, values, place, len(measured), places[name], name)
        _row_axis(axes, [plain(row, 24) for row in rows])
        axes.set_xlabel(titled(plain(metric.get("unit") or metric["label"], 60)))

    more = f" (… {len(every) - BARS} more)" if len(every) > BARS else ""
    title = f"{titled(metric['label'])}, by {metric['of']}{more}"
    return Panel(title, fill, tuple(name for name, _ in measured), height=_height(len(rows), len(measured)))


def _row_marks(axes: Axes, values: list[float], place: int, of: int, colour: int, name: str) -> None:
    """Bars side by side for a few results, dots on one line for many."""
    look = style.line(colour)["color"]
    at = numpy.arange(len(values), dtype=float)
    if of > GROUPED:
        axes.plot(values, at, "o", color=look, markersize=5.5, alpha=0.9, label=plain(name))
    else:
        thick = 0.78 / of
        axes.barh(at + (place - (of - 1) / 2) * thick, values, thick * 0.92, color=look, label=plain(name))


def _row_axis(axes: Axes, rows: list[str]) -> None:
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)


def _height(rows: int, results: int) -> float:
    """Inches for so many rows of bars."""
    return max(3.4, 1.0 + rows * 0.13 * max(min(results, GROUPED), 1.6))


def _matrix(metric: Metric, name: str) -> Panel:
    """A heat map; of two colours where there are values below zero."""
    values = numpy.array(metric["values"], dtype=float)

    def fill(axes: Axes) -> None:
        most = numpy.nanmax(abs(values), initial=0)
        look = (
            {"cmap": style.DIVERGING, "vmin": -most, "vmax": most}
            if (values < 0).any()
            else {"cmap": style.HEAT}
        )
        image = axes.imshow(values, aspect="auto", interpolation="nearest", **look)
        axes.figure.colorbar(image, ax=axes, fraction=0.05, pad=0.02).outline.set_visible(False)
        axes.grid(visible=False)
        axes.set(xlabel=titled(metric["columns"]), ylabel=titled(metric["rows"]))
        axes.locator_params(integer=True)
        if "row_names" in metric and "column_names" in metric:
            _name_cells(axes, values, metric, image.to_rgba)

    return Panel(plain(" · ".join([titled(metric["label"]), *([name] if name else [])]), 60), fill)


def _name_cells(axes: Axes, values: Any, metric: Metric, colour: Any) -> None:
    """Rows and columns by name, and where all of it can be read, each value in its cell, light on a dark one."""
    axes.set_yticks(range(values.shape[0]), [plain(one, 12) for one in metric["row_names"]])
    axes.set_xticks(range(values.shape[1]), [plain(one, 12) for one in metric["column_names"]])
    for (row, column), value in numpy.ndenumerate(values) if max(values.shape) <= WRITTEN else ():
        said = figures(None if numpy.isnan(value) else float(value))
        dark = numpy.dot(colour(value)[:3], LUMA) < 0.5
        axes.text(column, row, said, ha="center", va="center", color=style.PAPER if dark else style.INK)


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
    found = {n: _points(x[n], y[n]) for n in x if n in y and None not in (x[n]["value"], y[n]["value"])}
    if sum(map(len, found.values())) < 2:
        return None
    metrics = x[next(iter(found))], y[next(iter(found))]
    title = f"{titled(metrics[0]['label'])} and {metrics[1]['label']}"

    def fill(axes: Axes) -> None:
        for n, points in found.items():
            across, up = zip(*points, strict=True)
            axes.scatter(across, up, 46, **style.marker(places[n]), zorder=3)
        axes.margins(0.18)
        axes.set(xlabel=_measured_in(metrics[0]), ylabel=_measured_in(metrics[1]))

    if any(len(points) > 1 for points in found.values()):
        return Panel(title, fill, tuple(found), dots=True)
    return Panel(title, fill, spots=tuple((plain(n, 24), points[0]) for n, points in found.items()))


def _points(x: Metric, y: Metric) -> list[tuple[float, float]]:
    """One for each run, or the value itself."""
    return list(zip(x.get("runs", [x["value"]]), y.get("runs", [y["value"]]), strict=True))


def _measured_in(metric: Metric) -> str:
    return plain(titled(metric["label"]) + (f" ({metric['unit']})" if metric.get("unit") else ""), 60)


def _numbers(group: Group, places: dict[str, int]) -> Iterator[Panel]:
    """A bar for each result, and a dashed line at chance."""
    declared = group.declared("number")
    strong = {key: metric for key, metric in declared.items() if metric.get("headline")} or declared
    for key in list(strong)[:NUMBERS]:
        yield _number(group.measured(key), places)


def _number(measured: list[tuple[str, Metric]], places: dict[str, int]) -> Panel:
    metric = measured[0][1]

    def fill(axes: Axes) -> None:
        for row, (name, one) in enumerate(measured):
            value = one["value"]
            axes.barh(row, value or 0, 0.6, color=style.line(places[name])["color"])
            axes.annotate(figures(value), (value or 0, row), (4, 0), textcoords="offset points", va="center")
            if one.get("null") is not None:
                axes.vlines(one["null"], row - 0.4, row + 0.4, color=style.NULL, linestyle="--")
        _row_axis(axes, [plain(name, 24) for name, _ in measured])
        axes.set_xlabel(_measured_in(metric))
        axes.margins(x=0.14)

    null = metric.get("null_is", "null") if any(one.get("null") is not None for _, one in measured) else ""
    return Panel(titled(metric["label"]), fill, (), null, height=_height(len(measured), 2))
