"""Text of a user in a figure."""

from __future__ import annotations

from textwrap import fill

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.words import shortened


def plain(text: str, width: int = 34) -> str:
    """Text that matplotlib must not read as mathematics, cut in its middle to this many letters."""
    return shortened(text, width).replace("$", r"\$")


LETTER = 0.62  # of the size of a letter, that a bold one is wide
LINES = 2  # of a title


def title(axes: Axes, text: str) -> None:
    """The title of a chart, in lines that its axes have room for."""
    inches = axes.bbox.width / axes.figure.get_figure(root=True).dpi
    axes.set_title(in_lines(text, inches))


def in_lines(text: str, inches: float) -> str:
    """A title in at most two lines of this width."""
    width = max(int(72 * inches / (LETTER * 1.17 * style.size())), 12)
    return fill(plain(text, LINES * width - 8), width)
