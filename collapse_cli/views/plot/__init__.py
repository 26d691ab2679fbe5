"""A document as a figure for papers and slides: its charts on a grid, painted with matplotlib."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse_cli.files import whole
from collapse_cli.printable import for_others, in_markup
from collapse_cli.views import style
from collapse_cli.views.charts.chart import Sentence
from collapse_cli.views.charts.choose import charts
from collapse_cli.views.document import Document, groups
from collapse_cli.views.fonts import missing_told
from collapse_cli.views.plot.compose import WIDTH, compose
from collapse_cli.views.plot.paint import paint
from collapse_cli.views.plot.text import plain
from collapse_cli.views.words import titled


def draw(document: Document, path: Path, width: float = WIDTH) -> None:
    """Write the figure as png, svg or pdf, by the suffix, this many inches wide; nothing is written where drawing fails."""
    kind = path.suffix.lower().removeprefix(".")
    with whole(path) as part, matplotlib.rc_context(style.of_width(width)), missing_told():
        figure(document, width).savefig(part, format=kind)
        if kind == "svg":
            part.write_text(in_markup(part.read_text("utf-8")), "utf-8")


def figure(document: Document, width: float = WIDTH) -> Figure:
    """All charts of a document on one figure."""
    document = for_others(document)
    with matplotlib.rc_context(style.of_width(width)):
        return compose(charts(document), _title(document), width)


def on_axes(document: Document, axes: Axes) -> Figure:
    """The first chart of a document on axes of the caller's; the figure that they are on."""
    drawn = [chart for chart in charts(for_others(document)) if not isinstance(chart, Sentence)]
    with matplotlib.rc_context(style.STYLE):
        for chart in drawn[:1]:
            paint(axes, chart)
    shown = axes.get_figure(root=True)
    assert isinstance(shown, Figure)
    return shown


def _title(document: Document) -> str:
    """What was measured, and the base name of what: a plot is made to be shown."""
    kinds = [group.title for group in groups(document)]
    paths = [Path(source["path"]).name for source in document["inputs"] if source.get("path")]
    of = f" — {paths[0]}" if len(paths) == 1 else f" — {len(paths)} inputs" if paths else ""
    return plain((kinds[0] if len(kinds) == 1 else titled(document["command"])) + of, 80)
