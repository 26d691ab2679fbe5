"""Plain SVG: elements whose texts and attributes are escaped, axes with their ticks, and the markers of series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup, escape

from collapse_cli.views.charts import looks
from collapse_cli.views.charts.chart import Side
from collapse_cli.views.scale import Axis, axis
from collapse_cli.views.words import figures, shortened

WIDTH, HEIGHT = 440.0, 228.0  # units of a chart, of which a letter takes LETTER
LETTER, LINE = 7.1, 14.0
TICKS = 5  # aimed at on an axis
SMALL, LARGE = 0.01, 1e5  # beyond which a logarithmic axis has powers of ten
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MARKERS = (
    "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0z",
    "M-3.2-3.2h6.4v6.4h-6.4z",
    "M0-4.2l4 7h-8z",
    "M0-4.6l4.2 4.6l-4.2 4.6l-4.2-4.6z",
    "M0 4.2l4-7h-8z",
    "M-1.4-4.2h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8v-2.8h2.8z",
    "M-4.4 0l2.2-3.8h4.4l2.2 3.8l-2.2 3.8h-4.4z",
    "M-4-2.2l1.8-1.8l2.2 2.2l2.2-2.2l1.8 1.8l-2.2 2.2l2.2 2.2l-1.8 1.8l-2.2-2.2l-2.2 2.2l-1.8-1.8l2.2-2.2z",
)


@dataclass(frozen=True)
class Box:
    """Where the values of a chart are drawn."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, scale: Axis, value: float) -> float:
        return self.left + scale.at(value) * self.width

    def y(self, scale: Axis, value: float) -> float:
        return self.bottom - scale.at(value) * self.height


def tag(name: str, *children: str, **attributes: object) -> Markup:
    """An element; `class_` is the attribute class, `stroke_width` stroke-width, and None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup("").join(children)
    return Markup(f"<{name}{given}>{inside}</{name}>" if children else f"<{name}{given}/>")


def _short(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def text(content: str, x: float, y: float, **attributes: object) -> Markup:
    return tag("text", escape(content), x=x, y=y, **attributes)


def group(children: Iterable[str], **attributes: object) -> Markup:
    return tag("g", *children, **attributes)


def drawing(children: Iterable[str], label: str, width: float = WIDTH, height: float = HEIGHT) -> Markup:
    """The chart itself, an image for a screen reader, which hears the label."""
    size = f"0 0 {width:g} {math.ceil(height)}"
    return tag("svg", *children, viewBox=size, role="img", aria_label=label)


def marker(place: int, x: float, y: float, **attributes: object) -> Markup:
    return tag("path", d=MARKERS[looks.marker(place)], transform=f"translate({x:.1f} {y:.1f})", **attributes)


def path(points: Iterable[tuple[float, float] | None]) -> str:
    """The commands of a line through these points, with a gap at None."""
    commands, pen = [], "M"
    for point in points:
        if point is not None:
            commands.append(f"{pen}{point[0]:.1f} {point[1]:.1f}")
        pen = "M" if point is None else "L"
    return "".join(commands)


def band(upper: Sequence[tuple[float, float] | None], lower: Sequence[tuple[float, float] | None]) -> str:
    """The area between two lines: a closed part for each stretch where both are numbers."""
    both = [(high, low) for high, low in zip(upper, lower, strict=True)]
    parts = []
    for present, stretch in groupby(both, lambda ends: None not in ends):
        if present:
            above, below = zip(*stretch, strict=True)
            parts.append(f"{path([*above, *reversed(below)])}z")
    return "".join(parts)


def width_of(texts: Iterable[str]) -> float:
    """About how wide the widest of these texts is."""
    return max((len(each) for each in texts), default=0) * LETTER


def cut(name: str, letters: int) -> str:
    return shortened(name, letters, 0.5)


def both_scales(side: Side, values: Sequence[float]) -> dict[str, Axis]:
    """The scales that an axis can have by their names, that which the chart chose in front."""
    chosen = {"log" if side.scale.log else "linear": side.scale}
    if side.names:
        return chosen
    if side.scale.log:
        linear = axis(values, False)
        return chosen | {"linear": Axis(min(0.0, linear.low), linear.high)}
    if values and min(values) > 0 and max(values) > min(values):
        return chosen | {"log": axis(values, True)}
    return chosen


def ticks(side: Side, scale: Axis, most: int = TICKS) -> list[tuple[float, str]]:
    """Values of an axis with their texts; the names of its places where it has some."""
    if side.names:
        step = math.ceil(len(side.names) / 24)
        return [(float(n), name) for n, name in enumerate(side.names) if n % step == 0]
    values = _decades(scale, most) if scale.log else _even(scale, most, side.whole)
    if scale.log and any(value < SMALL or value >= LARGE for value in values):
        return [(value, _power(value)) for value in values]
    return [(value, figures(value)) for value in values]


def _power(value: float) -> str:
    """A value of a logarithmic axis: `10⁻⁴`, `3·10⁻⁴`."""
    exponent = math.floor(math.log10(value) + 1e-9)
    factor = round(value / 10.0**exponent, 1)
    power = f"10{str(exponent).translate(RAISED)}"
    return power if factor == 1 else f"{factor:g}·{power}"


def _even(scale: Axis, most: int, whole: bool) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    span = scale.high - scale.low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * most >= span)
    step = max(step, 1.0) if whole else step
    digits = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(scale.low / step - 1e-9), math.floor(scale.high / step + 1e-9)
    return [round(n * step, digits) for n in range(first, last + 1)]


def _decades(scale: Axis, most: int) -> list[float]:
    """Powers of ten, and what lies between them where there are few."""
    low, high = math.log10(scale.low), math.log10(scale.high)
    powers = range(math.floor(low), math.ceil(high) + 1)
    widest = max(math.ceil((high - low) / most), 1)
    tried = [(step, (1.0,)) for step in range(widest, 0, -1)]
    for step, parts in (*tried, (1, (1, 3)), (1, (1, 2, 5)), (1, (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))):
        chosen = [factor * 10.0**power for power in powers if power % step == 0 for factor in parts]
        inside = [value for value in chosen if scale.low * 0.999 <= value <= scale.high * 1.001]
        if len(inside) >= 3:
            return inside
    return [scale.low, scale.high]


def y_ticks(box: Box, side: Side, scale: Axis, shown: bool = True) -> Markup:
    """Lines across the box, and their values left of it."""
    rows: list[str] = []
    for value, name in ticks(side, scale):
        y = box.y(scale, value)
        rows.append(tag("path", d=f"M{box.left:.1f} {y:.1f}H{box.right:.1f}", class_="grid"))
        rows.append(text(name, box.left - 6, y + 4, class_="tick end"))
    return group(rows, class_=_tick_class("y", scale, shown))


def x_ticks(box: Box, side: Side, scale: Axis, shown: bool = True) -> Markup:
    """Values below the box; names that do not fit side by side are slanted."""
    marks = ticks(side, scale)
    slanted = side.names and width_of(name for _, name in marks) * len(marks) > box.width
    columns: list[str] = []
    for value, name in marks:
        x = box.x(scale, value)
        columns.append(tag("path", d=f"M{x:.1f} {box.bottom:.1f}v4", class_="axis"))
        if slanted:
            turned = f"rotate(-35 {x:.1f} {box.bottom + 14:.1f})"
            columns.append(text(cut(name, 16), x, box.bottom + 14, class_="tick end", transform=turned))
        else:
            columns.append(text(name, x, box.bottom + 16, class_="tick middle"))
    return group(columns, class_=_tick_class("x", scale, shown))


def below(side: Side, width: float) -> float:
    """Room that the names below an axis take."""
    names = [cut(name, 16) for _, name in ticks(side, side.scale)] if side.names else []
    slanted = width_of(names) * len(names) > width
    return 34 + (0.6 * width_of(names) if slanted else 0)


def _tick_class(which: str, scale: Axis, shown: bool) -> str:
    return f"ticks {which} {'log' if scale.log else 'linear'}{'' if shown else ' off'}"


def baseline(box: Box) -> Markup:
    return tag("path", d=f"M{box.left:.1f} {box.bottom:.1f}H{box.right:.1f}", class_="axis")


def spread(wished: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to the wished ones as a gap between them allows, in the same order from low to high."""
    order = sorted(range(len(wished)), key=lambda n: wished[n])
    placed: list[float] = []
    for n in order:
        placed.append(max(wished[n], placed[-1] + gap if placed else low))
    limit = high
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], limit)
        limit = placed[k] - gap
    places = [0.0] * len(wished)
    for n, place in zip(order, placed, strict=True):
        places[n] = place
    return places
