"""A document as a figure for papers and slides: its charts on a grid, painted with matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collapse_cli.files import whole
from collapse_cli.printable import for_others, in_markup
from collapse_cli.views import WIDTH, style
from collapse_cli.views.charts.chart import Sentence
from collapse_cli.views.charts.choose import charts
from collapse_cli.views.charts.only import only_those
from collapse_cli.views.document import Document, groups
from collapse_cli.views.fonts import missing_told
from collapse_cli.views.plot.compose import compose
from collapse_cli.views.plot.describe import described
from collapse_cli.views.plot.paint import paint_inside
from collapse_cli.views.words import titled

DATES: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
"""What would make two files of the same answer differ."""


def draw(document: Document, path: Path, width: float = WIDTH, only: str = "") -> None:
    """Write the figure as png, svg or pdf, by the suffix, this many inches wide; nothing is written where drawing fails."""
    kind = path.suffix.lower().removeprefix(".")
    with whole(path) as part, matplotlib.rc_context(style.of_width(width)), missing_told():
        shown = for_others(document)
        chosen, title = only_those(charts(shown), only), _title(shown)
        compose(chosen, title, width).savefig(part, format=kind, metadata={"Title": title, **DATES[kind]})
        if kind == "svg":
            part.write_text(in_markup(described(part.read_text("utf-8"), chosen)), "utf-8")


def figure(document: Document, width: float = WIDTH, only: str = "") -> Figure:
    """All charts of a document on one figure, or only those whose titles hold one of these words."""
    document = for_others(document)
    with matplotlib.rc_context(style.of_width(width)):
        return compose(only_those(charts(document), only), _title(document), width)


def on_axes(document: Document, axes: Axes, only: str = "") -> Figure:
    """The first chart of a document on axes of the caller's; the figure that they are on."""
    chosen = only_those(charts(for_others(document)), only)
    with matplotlib.rc_context(style.STYLE):
        for chart in [chart for chart in chosen if not isinstance(chart, Sentence)][:1]:
            paint_inside(axes, chart)
    shown = axes.get_figure(root=True)
    assert isinstance(shown, Figure)
    return shown


def _title(document: Document) -> str:
    """What was measured, and the base name of what: a plot is made to be shown."""
    kinds = [group.title for group in groups(document)]
    paths = [Path(source["path"]).name for source in document["inputs"] if source.get("path")]
    of = f" — {paths[0]}" if len(paths) == 1 else f" — {len(paths)} inputs" if paths else ""
    return (kinds[0] if len(kinds) == 1 else titled(document["command"])) + of
