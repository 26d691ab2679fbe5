"""How plots look: one place for colours, type and lines.

Every colour of a line has a contrast of 3:1 or more with white. Results are solid lines with a marker each: none
is told by colour alone. Dashes are for nulls, dots for what was at initialisation.
"""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.colors import to_rgb

from collapse_cli.views.charts import looks
from collapse_cli.views.charts.chart import Role
from collapse_cli.views.fonts import families

INK, FAINT, PAPER = "#2b2f36", "#d9dce1", "#ffffff"
NULL = NULL_INK = "#6b7280"
COLOURS = looks.COLOURS
MARKERS = tuple("os^DvPhX")  # of `looks.MARKERS`, as matplotlib names them
LIGHT = 0.55  # of white in the second of bars that stand together
HATCH = "//////"  # of the third
NULL_DASHES, INITIAL_DASHES = (0, (4, 2.5)), (0, (1, 1.2))
HEAT, DIVERGING = "cividis", "PuOr_r"
NARROW = 4.5  # inches of a figure, below which letters are those of a paper's column

STYLE: dict[str, Any] = {
    "figure.facecolor": PAPER,
    "figure.dpi": 100,
    "figure.titlesize": 12,
    "savefig.dpi": 200,
    "savefig.facecolor": PAPER,
    "font.family": families(),
    "font.size": 9,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 7,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "lines.linewidth": 1.7,
    "lines.dash_capstyle": "butt",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "collapse",
    "pdf.fonttype": 42,
}
COLUMN = {"font.size": 7.5, "axes.labelsize": 7.5, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
          "figure.titlesize": 8.5, "lines.linewidth": 1.3, "savefig.dpi": 300, "hatch.linewidth": 0.7}  # fmt: skip


def of_width(width: float) -> dict[str, Any]:
    """The style of a figure this many inches wide: letters of a paper's column stay readable in print."""
    return STYLE | COLUMN if width < NARROW else STYLE


def size() -> float:
    """Points of a letter, as the style in use has them."""
    return float(matplotlib.rcParams["font.size"])


def line(role: Role, place: int) -> dict[str, Any]:
    """Colour, dashes and marker of a line: nulls are grey; what was at initialisation has its result's colour, or ink
    where it belongs to several (place -1)."""
    if role == "null":
        return {"color": NULL, "linestyle": NULL_DASHES, "marker": ""}
    if role == "initial":
        colour = INK if place < 0 else COLOURS[looks.colour(place)]
        return {"color": colour, "linestyle": INITIAL_DASHES, "marker": ""}
    return marker(place) | {"linestyle": "-"}


def shades(size: int) -> list[Any]:
    """The colours of a family of curves, from dark to light."""
    return [matplotlib.colormaps[HEAT](0.55 * place / max(size - 1, 1)) for place in range(size)]


def marker(place: int) -> dict[str, Any]:
    """Colour and shape of this result's points: 64 results differ."""
    return {"color": COLOURS[looks.colour(place)], "marker": MARKERS[looks.marker(place)]}


def bar(place: int, order: int) -> dict[str, Any]:
    """The face and edge of a result's bars, told apart in grey too: full, light or hatched, by their order in the row."""
    colour = COLOURS[looks.colour(place)]
    light = tuple(1 - (1 - part) * (1 - LIGHT) for part in to_rgb(colour))
    face = (colour, light, PAPER)[order % 3]
    return {
        "facecolor": face,
        "edgecolor": colour,
        "linewidth": 0.8,
        "hatch": HATCH if order % 3 == 2 else "",
    }
