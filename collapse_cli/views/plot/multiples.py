"""The same curve of many results, each in small axes of its own with the same range."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

import collapse_cli.views.plot.curves as curves
import collapse_cli.views.plot.labels as labels
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Curves, Multiples
from collapse_cli.views.plot.text import in_lines, letters, names, plain

SMALL = 1.9  # inches of small axes, about
HIGH, LOW = 1.5, 1.2  # inches of a row of them, and in a narrow figure


def columns(chart: Multiples, width: float) -> int:
    """As many as fit, of those numbers the one that leaves the fewest places empty."""
    count = len(chart.charts)
    fitting = range(min(2, count), max(min(int(width / SMALL), count), min(2, count)) + 1)
    return min(fitting, key=lambda across: (-count % across, -across))


def height(chart: Multiples, width: float) -> float:
    """Inches of all rows, with what stands above them and the label below."""
    high = HIGH if width >= style.NARROW else LOW
    return _head(chart, width) + 0.4 + high * -(-len(chart.charts) // columns(chart, width))


def _head(chart: Multiples, width: float) -> float:
    """Inches of the title and the key."""
    lines = in_lines(chart.title, width).count("\n") + 1
    texts = list(_named(chart))
    return 0.15 + 1.35 * style.size() * 1.17 / 72 * lines + (labels.high(texts, width) if texts else 0.0)


def paint(part: SubFigure, chart: Multiples) -> list[tuple[Axes, Curves]]:
    """A title and a key, and below them rows of small axes, of which the left and lowest ones have numbers."""
    width, whole = part.figure.get_size_inches()[0], height(chart, part.figure.get_size_inches()[0])
    top = _head(chart, width)
    head, body = part.subfigures(2, 1, squeeze=False, height_ratios=[top, whole - top])[:, 0]
    head.text(0.01, 0.97, in_lines(chart.title, width), va="top", fontweight="bold",
              fontsize=matplotlib.rcParams["axes.titlesize"])  # fmt: skip
    if named := _named(chart):
        texts = list(named)
        head.legend(handles=labels.lines(list(named.values())), labels=names(texts, letters(width) - 8), fontsize="small",
                    loc="lower left", ncols=labels.columns(texts, width), handlelength=1.8, borderpad=0.2)  # fmt: skip
    return _body(body, chart, columns(chart, width))


def _named(chart: Multiples) -> dict[str, dict[str, Any]]:
    """The looks of all lines that are not what their small axes are titled, by label: nulls, members of families."""
    found: dict[str, dict[str, Any]] = {}
    for small in chart.charts:
        looks = curves.looks_of(small)
        for number in labels.named_lines(small):
            if small.lines[number].label != small.title:
                found.setdefault(small.lines[number].label, looks[number])
    return found


def _body(part: SubFigure, chart: Multiples, across: int) -> list[tuple[Axes, Curves]]:
    """Every small axes with its chart; places of the last row may stay empty."""
    first = chart.charts[0]
    part.supxlabel(plain(first.x.label, 60), fontsize="medium")
    part.supylabel(plain(first.y.label, 40), fontsize="medium")
    rows = -(-len(chart.charts) // across)
    every = part.subplots(rows, across, sharex=not first.x.names, sharey=True, squeeze=False).flat
    width = letters(0.85 * part.figure.get_size_inches()[0] / across)
    titles = names([small.title for small in chart.charts], width, 2)
    for number, (axes, small, title) in enumerate(zip(every, chart.charts, titles, strict=False)):
        curves.paint(axes, small, labelled=False)
        axes.set_title(title, fontweight="normal", fontsize="medium", pad=3)
        axes.set(xlabel="", ylabel="")
        axes.tick_params(labelbottom=bool(first.x.names) or number + across >= len(chart.charts))
    for axes in every[len(chart.charts) :]:
        axes.set_axis_off()
    return list(zip(every, chart.charts, strict=False))
