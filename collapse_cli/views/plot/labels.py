"""Labels beside what they name: at the right of each line, and a note or a key above the axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.transforms import Affine2D, ScaledTranslation

from collapse_cli.views import style
from collapse_cli.views.charts.chart import Curves
from collapse_cli.views.plot.text import plain

SMALL = "small"
APART = 1.25  # distance of two labels, in heights of a letter
WIDE = 20  # letters of a label
LETTER = 0.52  # of the size of letters, that a small one is wide
INNER = 0.9  # of the height of axes, that is left once titles and labels have their room


def at_ends(axes: Axes, chart: Curves, looks: Sequence[dict[str, Any]]) -> None:
    """The label of each line at the height where it ends, moved apart where several end together."""
    named = _named(chart)
    if not named:
        return
    heights = [_end(axes, chart, number) for number in named]
    places = spread(heights, _apart(axes, len(named)))
    for number, place in zip(named, places, strict=True):
        _label(axes, chart.lines[number].label, place, looks[number])


def _named(chart: Curves) -> list[int]:
    """The lines that are labelled: of a family in shades the first and the last; none where there is but one."""
    if chart.shades:
        return [0, len(chart.lines) - 1]
    labelled = [number for number, line in enumerate(chart.lines) if line.label]
    return labelled if len(chart.lines) > 1 else []


def _end(axes: Axes, chart: Curves, number: int) -> float:
    """Where the last value of a line lies, as a share of the axes' height."""
    line, scale = chart.lines[number], chart.y.scale
    last = next((value for value in reversed(line.y) if value is not None), scale.low)
    last = max(last, scale.low) if scale.log else last
    to_axes = axes.transData + axes.transAxes.inverted()
    return float(to_axes.transform((line.x[-1], last))[1])


def _apart(axes: Axes, count: int) -> float:
    """How far apart labels stand, as a share of the axes' height; nearer where they would not all fit."""
    inches = float(axes.bbox.height) / axes.figure.get_figure(root=True).dpi * INNER
    letter = 0.88 * style.size() / 72
    return min(APART * letter / inches, 1 / max(count - 1, 1))


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
    axes.plot([3, 12, 21], [0, 0, 0], transform=beside, clip_on=False, markevery=[1], **mark)
    axes.text(24, 0, plain(text, WIDE), transform=beside, va="center", fontsize=SMALL)


def note(axes: Axes, text: str) -> None:
    """A line between the title and the axes."""
    axes.set_title(axes.get_title(loc="left"), pad=17)
    axes.annotate(text, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=SMALL,
                  color=style.NULL_INK)  # fmt: skip


def key(axes: Axes, names: Sequence[tuple[str, dict[str, Any]]], right: bool = False) -> None:
    """Coloured marks and names between the title and the axes, for bars and points that no label fits beside."""
    side, at = ("lower right", 1.01) if right else ("lower left", -0.01)
    handles = [axes.plot([], [], label=plain(name, WIDE), **look)[0] for name, look in names]
    letter = LETTER * style.size() / 72
    longest = max(len(plain(name, WIDE)) for name, _ in names) + 5
    room = float(axes.bbox.width) / axes.figure.get_figure(root=True).dpi
    across = min(max(int(room / (letter * longest)), 1), len(names))
    lines = -(-len(names) // across)
    axes.set_title(axes.get_title(loc="left"), pad=6 + 1.45 * style.size() * lines)
    axes.legend(handles=handles, loc=side, bbox_to_anchor=(at, 1.0), ncols=across, fontsize=SMALL,
                handlelength=1.2, columnspacing=1.2, borderaxespad=0, borderpad=0.2)  # fmt: skip
