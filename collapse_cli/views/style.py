"""How plots look: one place for colours, type and lines. Okabe and Ito's colours can be told apart by everyone."""

from __future__ import annotations

from typing import Any

import matplotlib

from collapse_cli.views.fonts import families

INK, FAINT, PAPER = "#2b2f36", "#d9dce1", "#ffffff"
NULL = "#8a8f98"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
LINES = ("-", (0, (5, 1.5)), (0, (1, 1)))  # once the colours are used up
MARKERS = ("o", "s", "^")
HEAT, DIVERGING = "cividis", "PuOr_r"
PAGE = {INK: "var(--ink)", FAINT: "var(--line)", COLOURS[0]: "var(--first)"}  # lighter in the dark

STYLE: dict[str, Any] = {
    "figure.facecolor": PAPER,
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "savefig.facecolor": PAPER,
    "font.family": families(),
    "font.size": 10,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 9.5,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "lines.linewidth": 1.9,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "collapse",
    "pdf.fonttype": 42,
}


def line(place: int) -> dict[str, Any]:
    """Colour and dashes of the result at this place, the same in every axes."""
    turn = place // len(COLOURS) % len(LINES)
    return {"color": COLOURS[place % len(COLOURS)], "linestyle": LINES[turn]}


def family(size: int) -> list[Any]:
    """The colours of a family of curves: told apart where they are few, else from dark to light."""
    if size <= len(COLOURS):
        return list(COLOURS[:size])
    return [matplotlib.colormaps[HEAT](0.92 * place / (size - 1)) for place in range(size)]


def marker(place: int) -> dict[str, Any]:
    """Colour and shape of this result's points."""
    return {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place // len(COLOURS) % len(MARKERS)]}
