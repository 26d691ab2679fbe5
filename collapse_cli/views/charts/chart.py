"""The kinds of charts: plain data, with every text, limit and value that a painter needs. A painter decides colours and places.

`place` says whose something is (`places.py`): a painter gives the same colour and marker to the same place in every chart, and
ink to -1, which belongs to no result alone. Values that are no number are None: a gap in a line, a missing bar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from collapse_cli.views.scale import Axis
from collapse_cli.views.words import figures

Role = Literal["result", "null", "initial"]
Values = tuple[float | None, ...]
Ends = tuple[float, float] | None
"""Of an interval, the lower first."""

GROUPED = 3  # results whose bars stand together


@dataclass(frozen=True)
class Side:
    """An axis of a chart: its label with the unit, its range and scale; names: of the places 0, 1, 2 … in place of numbers.

    whole: its values are whole numbers, as a layer or an epoch is.
    """

    label: str
    scale: Axis
    names: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Line:
    """Values y over x. label: where the line stands, as `h`, `isotropic`, `at initialisation`; result: whose it is.

    low, high: the ends of a band, what it is `band`: a 95 % interval, or from the lowest to the highest seed; joined: False for
    points in no order.
    """

    label: str
    x: tuple[float, ...]
    y: Values
    role: Role = "result"
    place: int = 0
    result: str = ""
    low: Values = ()
    high: Values = ()
    band: str = ""
    joined: bool = True


@dataclass(frozen=True)
class Curves:
    """Lines over one pair of axes. shades: they are an ordered family, from dark to light, the first and the last labelled;
    note: what the lines do not show, as a result without a value.
    """

    title: str
    x: Side
    y: Side
    lines: tuple[Line, ...]
    help: str = ""
    shades: bool = False
    note: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know beside the lines: what bands are, what lies below a floor, the chart's own note."""
        bands = dict.fromkeys(line.band for line in self.lines if line.band)
        texts = [f"band: {', '.join(bands)}"] if bands else []
        for side in (self.x, self.y):
            if side.scale.floored:
                texts.append(f"values below {figures(side.scale.low)} are drawn there")
        return (*texts, *([self.note] if self.note else []))


@dataclass(frozen=True)
class Multiples:
    """The same curve of many results, each in small axes of its own, all of the same range, under its own title."""

    title: str
    charts: tuple[Curves, ...]
    help: str = ""


@dataclass(frozen=True)
class Bar:
    """One result's values by row. intervals: (low, high) by row, where there are any."""

    label: str
    place: int
    values: Values
    intervals: tuple[Ends, ...] = ()


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from 0, or dots where many results share a row. nulls: of each row; null_is: what they are.

    more: rows that are left out; gap: the row before which they are, 0 where that is not between rows.
    """

    title: str
    rows: tuple[str, ...]
    bars: tuple[Bar, ...]
    x: Side
    nulls: Values = ()
    null_is: str = ""
    help: str = ""
    more: int = 0
    gap: int = 0

    @property
    def dots(self) -> bool:
        """Whether so many results share a row that each is a dot."""
        return len(self.bars) > GROUPED


@dataclass(frozen=True)
class Heat:
    """A matrix with one colour scale from low to high, which all results of one kind share. diverging: about 0."""

    title: str
    values: tuple[Values, ...]
    rows: Side
    columns: Side
    low: float
    high: float
    diverging: bool = False
    help: str = ""


@dataclass(frozen=True)
class Points:
    """The points of one result in a scatter. intervals: of each point, along x and along y, where there are any."""

    label: str
    place: int
    at: tuple[tuple[float, float], ...]
    intervals: tuple[tuple[Ends, Ends], ...] = ()


@dataclass(frozen=True)
class Scatter:
    """Two numbers of every result against each other. null: the point of the null that all share; null_is: its name."""

    title: str
    x: Side
    y: Side
    points: tuple[Points, ...]
    help: str = ""
    null: tuple[float, float] | None = None
    null_is: str = ""


@dataclass(frozen=True)
class Check:
    """A check of a gate: its margin from the bound as a share of it, met on the right of 0, and what it came to in words.

    shown, shown_interval: the margin and its interval as far as the axis reaches; beyond: the side on which it lies farther.
    """

    label: str
    result: str
    margin: float | None
    interval: Ends
    text: str
    shown: float | None = None
    shown_interval: Ends = None
    beyond: Literal[-1, 0, 1] = 0


@dataclass(frozen=True)
class Checks:
    """The checks of a gate on one axis, the bounds of all at its 0."""

    title: str
    rows: tuple[Check, ...]
    x: Side


@dataclass(frozen=True)
class Clouds:
    """Points of the plane at several times, about marks that stay."""

    title: str
    place: int
    metric: Any
    help: str = ""


@dataclass(frozen=True)
class Sentence:
    """What a chart would show, in words: equal values, or numbers that have no null, no interval and no companion."""

    title: str
    text: str


Chart = Curves | Multiples | Bars | Heat | Scatter | Checks | Clouds | Sentence
