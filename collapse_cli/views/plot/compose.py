"""Charts on one figure: in one or two columns without a hole, sentences in lines below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import collapse_cli.views.plot.multiples as multiples
from collapse_cli.views.charts.chart import Chart, Curves, Multiples, Sentence
from collapse_cli.views.plot.paint import fit, height, paint, settle
from collapse_cli.views.plot.sides import refit
from collapse_cli.views.plot.text import in_lines

PAIR = 6.5  # inches, from which on two charts stand side by side
STRETCHED = 1.7  # times its height, as far as a chart is drawn out for the one beside it
LINE = 0.22  # inches of a line of text
LETTERS = 14  # of such a line, in an inch


def compose(charts: Sequence[Chart], title: str, width: float) -> Figure:
    """Rows as high as their highest chart needs; the last of an odd number has the row for itself."""
    sentences = [chart for chart in charts if isinstance(chart, Sentence)]
    rows = _rows([chart for chart in charts if not isinstance(chart, Sentence)], width)
    heights = [max(height(chart, width / len(row)) for chart in row) for row in rows]
    text, heading = _text(sentences, width), in_lines(title, width) if title else ""
    room = LINE * len(text.splitlines())
    figure = empty(
        width, sum(heights) + room + (0.2 + LINE * len(heading.splitlines())) + (0 if rows else 0.2)
    )
    if title:
        figure.suptitle(heading, x=0.01, ha="left", fontweight="bold")
    if text:
        figure.supxlabel(text, x=0.01, ha="left", fontsize="medium")
    if rows:
        _fill(figure, figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0], rows)
    return figure


def empty(width: float, height: float) -> Figure:
    """A figure of its own, known to no window and no pyplot."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.03, hspace=0.04)
    figure = Figure((width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def _rows(charts: Sequence[Chart], width: float) -> list[list[Chart]]:
    """Two charts of about one height share a row, where it is wide enough; small multiples have one for themselves."""
    rows: list[list[Chart]] = []
    for chart in charts:
        if rows and width >= PAIR and len(rows[-1]) == 1 and _alike(rows[-1][0], chart, width / 2):
            rows[-1].append(chart)
        else:
            rows.append([chart])
    return rows


def _alike(first: Chart, second: Chart, width: float) -> bool:
    if isinstance(first, Multiples) or isinstance(second, Multiples):
        return False
    low, high = sorted((height(first, width), height(second, width)))
    return high <= STRETCHED * low


def _text(sentences: Sequence[Sentence], width: float) -> str:
    lines = [line for sentence in sentences for line in wrap(sentence.text, int(width * LETTERS))]
    return "\n".join(line.replace("$", r"\$") for line in lines)


def _fill(figure: Figure, parts: Iterable[SubFigure], rows: Sequence[Sequence[Chart]]) -> None:
    """The charts, a part of the figure for each row, so that none takes room from another row's.

    What depends on the layout follows it: titles and numbers of axes, then labels at lines and points.
    """
    drawn: list[tuple[Axes, Chart]] = []
    smalls: list[tuple[Axes, Curves]] = []
    for part, row in zip(parts, rows, strict=True):
        if isinstance(row[0], Multiples):
            smalls += multiples.paint(part, row[0])
            continue
        for axes, chart in zip(part.subplots(1, len(row), squeeze=False)[0], row, strict=True):
            paint(axes, chart)
            drawn.append((axes, chart))
    _lay_out(figure)
    for axes, chart in drawn:
        fit(axes, chart)
    for axes, small in smalls:
        refit(axes, small.x)
    _lay_out(figure)
    for axes, chart in drawn:
        settle(axes, chart)


def _lay_out(figure: Figure) -> None:
    layout = figure.get_layout_engine()
    assert layout is not None
    layout.execute(figure)
