"""A stretch of numbers, linear or logarithmic: what a sketch and a plot both need of an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

DECADES = 12  # a logarithmic axis reaches this far down, no further: float64 has little to say below


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`; `floored`: some values lay below `low` (a collapsed tail) and are drawn there."""

    low: float
    high: float
    log: bool = False
    floored: bool = False

    def at(self, value: float) -> float:
        """The place of a value: 0 at `low`, 1 at `high`."""
        value = min(max(value, self.low), self.high)
        low, high = self._bend(self.low), self._bend(self.high)
        return (self._bend(value) - low) / (high - low)

    def middle(self) -> float:
        return math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2

    def _bend(self, value: float) -> float:
        return math.log10(value) if self.log else value


def axis(values: Iterable[float | None], log: bool) -> Axis:
    """The axis that holds all values; linear where a logarithm has nothing to show."""
    numbers = [value for value in values if value is not None]
    positive = [value for value in numbers if value > 0]
    if log and positive:
        return _logarithmic(positive, min(numbers))
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 1.0)
    return Axis(low, high) if high > low else Axis(low - 0.5, high + 0.5)


def _logarithmic(positive: list[float], least: float) -> Axis:
    """Zeros get a decade of their own below the least positive value."""
    high = max(positive)
    low = min(positive) if least > 0 else min(positive) / 10
    low = max(low, high * 10.0**-DECADES)
    if low < high:
        return Axis(low, high, True, least < low)
    return Axis(low / 2, high * 2, True, False)


def points(values: list[float | None], at: list[float] | None) -> list[tuple[float, float | None]]:
    """(x, value); x counts 1, 2, 3 … where it is not given."""
    return list(zip(at or [float(n) for n in range(1, len(values) + 1)], values, strict=True))
