"""Values that know more than themselves: their null and interval, where they lie, what their rows are called."""

from __future__ import annotations

import math
from collections.abc import Iterable


class Measured(float):
    """A number that knows what chance would have given, and how uncertain it is.

    `null`: the same quantity where nothing is to be found (isotropic data of the same N and D, guessing …).
    `interval`: (low, high), nominally 95 %.
    `null_is`: what this null is, where it is another than its field declares.
    """

    null: float | None
    interval: tuple[float, float] | None
    null_is: str

    def __new__(
        cls,
        value: float,
        null: float | None = None,
        interval: tuple[float, float] | None = None,
        null_is: str = "",
    ) -> Measured:
        measured = super().__new__(cls, value)
        measured.null, measured.interval, measured.null_is = null, interval, null_is
        return measured


def null_of(value: float) -> float:
    """What the null of a measured value is; nan where it has none."""
    null = getattr(value, "null", None)
    return math.nan if null is None else float(null)


class Curve(tuple[float, ...]):
    """Values over x (1, 2, 3 … when not given), with the curve of the null, and the same at initialisation.

    interval: the lower and the upper ends of every value's interval, nominally 95 %; names: of the places 0, 1, 2 … on x, as
    layers have; null_is: what this null is, where it is another than its field declares.
    """

    x: tuple[float, ...] | None
    null: tuple[float, ...] | None
    initial: tuple[float, ...] | None
    interval: tuple[tuple[float, ...], tuple[float, ...]] | None
    names: tuple[str, ...] | None
    null_is: str

    def __new__(
        cls,
        values: Iterable[float],
        x: Iterable[float] | None = None,
        null: Iterable[float] | None = None,
        initial: Iterable[float] | None = None,
        interval: tuple[Iterable[float], Iterable[float]] | None = None,
        names: Iterable[str] | None = None,
        null_is: str = "",
    ) -> Curve:
        curve = super().__new__(cls, (float(v) for v in values))
        curve.x = None if x is None else tuple(float(v) for v in x)
        curve.null = None if null is None else tuple(float(v) for v in null)
        curve.initial = None if initial is None else tuple(float(v) for v in initial)
        low, high = interval or ((), ())
        curve.interval = None if interval is None else (tuple(map(float, low)), tuple(map(float, high)))
        curve.names = None if names is None else tuple(names)
        curve.null_is = null_is
        return curve


class Matrix(tuple[tuple[float, ...], ...]):
    """Rows of values that know what their rows and columns are called (0, 1, 2 … when not said)."""

    row_names: tuple[str, ...] | None
    column_names: tuple[str, ...] | None

    def __new__(
        cls,
        values: Iterable[Iterable[float]],
        row_names: Iterable[str] | None = None,
        column_names: Iterable[str] | None = None,
    ) -> Matrix:
        matrix = super().__new__(cls, (tuple(float(v) for v in row) for row in values))
        matrix.row_names = None if row_names is None else tuple(row_names)
        matrix.column_names = None if column_names is None else tuple(column_names)
        return matrix


class Frames(tuple[tuple[tuple[float, float], ...], ...]):
    """Points of the plane at several times, and points that stay where they are (the modes that others should reach)."""

    at: tuple[float, ...]
    marks: tuple[tuple[float, float], ...]

    def __new__(
        cls,
        clouds: Iterable[Iterable[Iterable[float]]],
        at: Iterable[float],
        marks: Iterable[Iterable[float]] = (),
    ) -> Frames:
        frames = super().__new__(cls, tuple(_points(cloud) for cloud in clouds))
        frames.at, frames.marks = tuple(float(v) for v in at), _points(marks)
        return frames


def _points(rows: Iterable[Iterable[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in rows)
