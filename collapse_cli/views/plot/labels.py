"""Labels beside what they name: at the right of each line, and a note or a key above the axes."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D, ScaledTranslation

from collapse_cli.views import style
from collapse_cli.views.charts.chart import Curves
from collapse_cli.views.plot.text import inches, letters, names

SMALL = "small"
APART = 1.25  # distance of two labels, in heights of a letter
WIDE = 20  # letters of a label at the end of a line; where one is longer, a key has room for it
LETTER = 0.52  # of the size of letters, that a small one is wide
LINE = 1.3  # of the size of letters, that a line of a key is high
MARK = 5  # letters, that the mark in a key is wide with its distances
INNER = 0.85  # of the height of axes, that is left once titles and labels have their room
END = "label at the end of a line"


def at_ends(axes: Axes, chart: Curves, looks: Sequence[dict[str, Any]]) -> None:
    """The label of each line at the height where it ends, moved apart where several end together."""
    for old in [artist for artist in (*axes.lines, *axes.texts) if artist.get_gid() == END]:
        old.remove()
    named = named_lines(chart)
    if not named:
        return
    heights = [_end(axes, chart, number) for number in named]
    places = spread(heights, _apart(axes, len(named)))
    texts = names([chart.lines[number].label for number in named], WIDE)
    for number, place, text in zip(named, places, texts, strict=True):
        _label(axes, text, place, looks[number])


def named_lines(chart: Curves) -> list[int]:
    """The lines that are labelled: of a family in shades the first and the last; none where there is but one."""
    if chart.shades:
        return [0, len(chart.lines) - 1]
    labelled = [number for number, line in enumerate(chart.lines) if line.label]
    return labelled if len(chart.lines) > 1 else []


def fit(chart: Curves, height: float) -> bool:
    """Whether labels fit beside axes this many inches high: few enough, and none too long."""
    texts = [chart.lines[number].label for number in named_lines(chart)]
    return len(texts) * APART * _letter() <= INNER * height and max(map(len, texts), default=0) <= WIDE


def _end(axes: Axes, chart: Curves, number: int) -> float:
    """Where the last value of a line lies, as a share of the axes' height."""
    line, scale = chart.lines[number], chart.y.scale
    last = next((value for value in reversed(line.y) if value is not None), scale.low)
    last = max(last, scale.low) if scale.log else last
    to_axes = axes.transData + axes.transAxes.inverted()
    return float(to_axes.transform((line.x[-1], last))[1])


def _letter() -> float:
    """Inches that a label is high."""
    return 0.88 * style.size() / 72


def _apart(axes: Axes, count: int) -> float:
    """How far apart labels stand, as a share of the axes' height; nearer where they would not all fit."""
    height = float(axes.bbox.height) / axes.figure.get_figure(root=True).dpi
    return min(APART * _letter() / height, 1 / max(count - 1, 1))


def spread(heights: Sequence[float], apart: float) -> list[float]:
    """The heights moved as little as needed, so that neighbours are this far apart, within 0 and 1."""
    order = sorted(range(len(heights)), key=lambda n: heights[n])
    placed = [min(max(heights[n], 0.0), 1.0) for n in order]
    for n in range(1, len(placed)):
        placed[n] = max(placed[n], placed[n - 1] + apart)
    over = max(placed[-1] - 1.0, 0.0) if placed else 0.0
    if placed:
        placed[-1] -= over
    for n in range(len(placed) - 2, -1, -1):
        placed[n] = min(placed[n], placed[n + 1] - apart)
    result = [0.0] * len(heights)
    for n, place in zip(order, placed, strict=True):
        result[n] = place
    return result


def _label(axes: Axes, text: str, at: float, look: dict[str, Any]) -> None:
    """A piece of the line with its marker, and the text in ink."""
    root = axes.figure.get_figure(root=True)
    beside = Affine2D().scale(1 / 72) + root.dpi_scale_trans + ScaledTranslation(1, at, axes.transAxes)  # type: ignore[arg-type]
    mark = {name: part for name, part in look.items() if name != "markevery"} | {"markersize": 3.6}
    axes.plot([3, 12, 21], [0, 0, 0], transform=beside, clip_on=False, markevery=[1], gid=END, **mark)
    axes.text(24, 0, text, transform=beside, va="center", fontsize=SMALL, gid=END)


def note(axes: Axes, text: str) -> None:
    """Lines between the title and the axes, as many as the text takes."""
    lines = wrap(text, letters(0.85 * inches(axes)))
    axes.set_title(axes.get_title(loc="left"), pad=6 + 1.25 * style.size() * len(lines))
    axes.annotate("\n".join(lines), (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
                  color=style.NULL_INK)  # fmt: skip


def lines(looks: Sequence[dict[str, Any]]) -> list[Artist]:
    """Pieces of lines for a key, each with one marker."""
    return [
        Line2D([], [], **{name: part for name, part in look.items() if name != "markevery"}) for look in looks
    ]


def key(axes: Axes, texts: Sequence[str], marks: Sequence[Artist], right: bool = False) -> None:
    """Marks and names between the title and the axes, in columns, for what no label fits beside."""
    side, at = ("lower right", 1.01) if right else ("lower left", -0.01)
    across = columns(texts, inches(axes))
    lines = -(-len(texts) // across)
    axes.set_title(axes.get_title(loc="left"), pad=7 + LINE * style.size() * lines)
    axes.legend(handles=marks, labels=_fitting(texts, inches(axes)), loc=side, bbox_to_anchor=(at, 1.0), ncols=across,
                fontsize=SMALL, handlelength=1.8, columnspacing=1.2, borderaxespad=0, borderpad=0.2)  # fmt: skip


def columns(texts: Sequence[str], width: float) -> int:
    """Of a key that is this many inches wide."""
    longest = max(map(len, _fitting(texts, width)), default=1) + MARK
    return min(max(int(width / (LETTER * style.size() / 72 * longest)), 1), len(texts))


def high(texts: Sequence[str], width: float) -> float:
    """Inches of a key that is this many inches wide."""
    return LINE * style.size() / 72 * -(-len(texts) // columns(texts, width))


def _fitting(texts: Sequence[str], width: float) -> list[str]:
    """Names that a column as wide as the key holds."""
    return names(texts, max(int(width * 72 / (LETTER * style.size())) - MARK, 12))
