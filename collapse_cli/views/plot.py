"""A document as a figure: its panels on a grid, one legend for all of them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from collapse_cli.files import whole
from collapse_cli.printable import for_others, in_markup
from collapse_cli.views import style
from collapse_cli.views.document import Document, groups
from collapse_cli.views.fonts import missing_told
from collapse_cli.views.panel import Panel, Spots, plain
from collapse_cli.views.panels import handles, panels
from collapse_cli.views.words import titled

WIDTH, NARROW = 5.6, 4.8  # inches of a panel, among others and on its own
OFFSETS = (
    (7, 5),
    (-7, 5),
    (7, -13),
    (-7, -13),
    (7, -4),
    (-7, -4),
    (0, 10),
    (0, -18),
    (12, 14),
    (-12, 14),
    (12, -24),
    (-12, -24),
)


def draw(document: Document, path: Path) -> None:
    """Write the figure as png, svg or pdf, by the suffix; nothing is written where drawing fails."""
    with whole(path) as part, matplotlib.rc_context(style.STYLE), missing_told():
        kind = path.suffix.lower().removeprefix(".")
        figure(document).savefig(part, format=kind)
        if kind == "svg":
            part.write_text(in_markup(part.read_text("utf-8")), "utf-8")


def figure(document: Document) -> Figure:
    """All panels of a document on one figure."""
    document = for_others(document)
    shown = panels(document)
    with matplotlib.rc_context(style.STYLE):
        return _compose(shown, document, _title(document), WIDTH)


def on_axes(document: Document, axes: Axes) -> Figure:
    """The first panel of a document, with its legend, on axes of the caller's; the figure that they are on."""
    document = for_others(document)
    first = panels(document)[:1]
    with matplotlib.rc_context(style.STYLE):
        for panel in first:
            axes.set_title(plain(panel.title, 60))
            panel.fill(axes)
        if lines := handles(first, document):
            axes.legend(handles=lines)
    drawn = axes.get_figure(root=True)
    assert isinstance(drawn, Figure)
    return drawn


def drawings(document: Document) -> list[tuple[str, str]]:
    """(title, svg) of each panel on its own: a page arranges them by its width."""
    document = for_others(document)
    with matplotlib.rc_context(style.STYLE), missing_told():
        return [(panel.title, _svg(_compose([panel], document, "", NARROW))) for panel in panels(document)]


def _compose(shown: list[Panel], document: Document, title: str, width: float) -> Figure:
    """One or two columns of panels, rows as high as their highest panel needs, a legend below."""
    columns = min(len(shown), 2) or 1
    rows = [shown[n : n + columns] for n in range(0, len(shown), columns)]
    heights = [max(panel.height for panel in row) for row in rows] or [1.0]
    lines = handles(shown, document)
    rows_of_names = -(-len(lines) // _fit(lines, width * columns))
    room = (0.5 if title else 0) + 0.2 * rows_of_names
    drawn = empty(width * columns, sum(heights) + room)
    if title:
        drawn.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if lines:
        across = -(-len(lines) // rows_of_names)
        drawn.legend(handles=lines, loc="outside lower center", ncols=across, handlelength=2.6)
    _fill(drawn, drawn.add_gridspec(len(heights), columns, height_ratios=heights), shown)
    return drawn


def empty(width: float, height: float) -> Figure:
    """A figure of its own, known to no window and no pyplot."""
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1, wspace=0.03, hspace=0.04)
    drawn = Figure((width, height), layout=layout)
    FigureCanvasAgg(drawn)
    return drawn


def _fill(drawn: Figure, grid: GridSpec, shown: list[Panel]) -> None:
    """The panels, row by row; labels of points last, once the layout is known."""
    places = [drawn.add_subplot(grid[divmod(n, grid.ncols)]) for n in range(len(shown))]
    for axes, panel in zip(places, shown, strict=True):
        axes.set_title(plain(panel.title, 60))
        panel.fill(axes)
    if any(panel.spots for panel in shown):
        drawn.canvas.draw()
    for axes, panel in zip(places, shown, strict=True):
        _label(axes, panel.spots)


def _fit(lines: list[Any], width: float) -> int:
    """Names of the legend that stand side by side, below all panels, where they cover nothing."""
    longest = max((len(str(line.get_label())) for line in lines), default=0)
    return max(int(width * 12 / (longest + 8)), 1)


def _title(document: Document) -> str:
    """What was measured, and of what."""
    kinds = [group.title for group in groups(document)]
    paths = [Path(source["path"]).as_posix() for source in document["inputs"] if source.get("path")]
    of = f" — {paths[0]}" if len(paths) == 1 else f" — {len(paths)} inputs" if paths else ""
    return plain((kinds[0] if len(kinds) == 1 else titled(document["command"])) + of, 80)


def _label(axes: Axes, spots: Spots) -> None:
    """Label the points of a scatter, each where it covers no point and no other label."""
    taken = [_box(axes, at) for _, at in spots]
    for text, at in spots:
        tried = (_annotated(axes, text, at, offset) for offset in OFFSETS)
        annotation = next((candidate for candidate in tried if _free(axes, candidate, taken)), None)
        annotation = annotation or _annotated(axes, text, at, OFFSETS[0])
        taken.append(annotation.get_window_extent())


def _annotated(axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int]) -> Annotation:
    side = "left" if offset[0] > 0 else "right" if offset[0] < 0 else "center"
    annotation = axes.annotate(text, at, offset, textcoords="offset points", ha=side, fontsize=9)
    annotation.set_in_layout(False)
    return annotation


def _free(axes: Axes, annotation: Annotation, taken: list[Bbox]) -> bool:
    """Whether a label lies inside the axes and on nothing else; if not, it is taken away."""
    box = annotation.get_window_extent()
    free = axes.bbox.contains(*box.p0) and axes.bbox.contains(*box.p1) and not any(map(box.overlaps, taken))
    if not free:
        annotation.remove()
    return free


def _box(axes: Axes, at: tuple[float, float]) -> Bbox:
    """The few pixels that a point covers."""
    x, y = axes.transData.transform(at)
    return Bbox.from_extents(x - 5, y - 5, x + 5, y + 5)


def _svg(drawn: Figure) -> str:
    """Only the <svg> itself, in colours that the page can change between light and dark."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    drawn.savefig(text, format="svg", facecolor="none", metadata=nothing)
    svg = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->",
        "",
        text.getvalue()[text.getvalue().index("<svg") :],
        flags=re.DOTALL,
    )
    for colour, variable in style.PAGE.items():
        svg = svg.replace(colour, variable)
    return svg
