"""Text of a user in a figure."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from matplotlib.axes import Axes

from collapse_cli.views import style
from collapse_cli.views.words import apart, folded, shortened

BOLD, NORMAL = 0.73, 0.57  # of the size of letters, that a letter of a title, and of a name, is wide
LINES = 3  # of a title
INDENT = 8  # letters that lines of a title may leave empty, all together


def literal(text: str) -> str:
    """Text that matplotlib must not read as mathematics. Done once: a second time would show the signs."""
    return text.replace("$", r"\$")


def plain(text: str, width: int = 34) -> str:
    """The same, cut in its middle to this many letters."""
    return literal(shortened(text, width))


def inches(axes: Axes) -> float:
    """How wide axes are, before the layout gives labels their room, or after it."""
    return float(axes.bbox.width) / float(axes.figure.get_figure(root=True).dpi)


def letters(width: float) -> int:
    """How many letters of a name fit into so many inches."""
    return max(int(72 * width / (NORMAL * style.size())), 8)


def names(texts: Sequence[str], width: int, lines: int = 1) -> list[str]:
    """Names in at most so many lines of this many letters; cut, those that differ still do."""
    most = width * lines - (width // 4 if lines > 1 else 0)
    return [literal("\n".join(_lines(text, width, lines))) for text in apart(texts, most)]


def _lines(text: str, width: int, lines: int) -> list[str]:
    """Broken where a sign joins words, or anywhere if that takes too many lines."""
    if lines == 1:
        return [text]
    folds = folded(text, width)
    return folds if len(folds) <= lines else [text[n : n + width] for n in range(0, len(text), width)]


def title(axes: Axes, text: str) -> None:
    """The title of a chart, in lines that its axes have room for."""
    axes.set_title(in_lines(text, inches(axes)))


def refit(axes: Axes, text: str) -> None:
    """The title again, in lines of the room that the layout has left: up to the end of the axes and of their labels."""
    shown = axes._left_title  # type: ignore[attr-defined]
    per_letter = shown.get_window_extent().width / max(map(len, shown.get_text().split("\n")), default=1)
    right = max([axes.bbox.x1, *(label.get_window_extent().x1 for label in axes.texts)])
    if text and per_letter:
        shown.set_text(_title(text, int((right - axes.bbox.x0) / per_letter)))


def in_lines(text: str, width: float) -> str:
    """A title in lines of this many inches."""
    return _title(text, int(72 * width / (BOLD * style.size())))


def _title(text: str, width: int) -> str:
    lines = wrap(text, max(width, 12))
    if len(lines) > LINES:
        lines = wrap(shortened(text, LINES * max(width, 12) - INDENT), max(width, 12))
    return literal("\n".join(lines))
