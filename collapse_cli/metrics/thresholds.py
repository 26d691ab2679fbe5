"""A number that decides, with its bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["complete collapse", "dimensional collapse", "healthy", "inconclusive"]


@dataclass(frozen=True)
class Threshold:
    """A number that decided, its 95 % interval, the same in rows of the same kind, and the bound below which it means `below`."""

    number: str
    value: float
    interval: tuple[float, float] | None
    null: float | None
    bound: float
    below: Status
    source: str

    @classmethod
    def of(cls, number: str, value: float, bound: float, below: Status, source: str) -> Threshold:
        """A measured value with its own interval and null."""
        interval, null = getattr(value, "interval", None), getattr(value, "null", None)
        return cls(number, float(value), interval, null, bound, below, source)

    @property
    def crossed(self) -> bool | None:
        """Whether the number is below the bound; None where its interval reaches over it."""
        low, high = self.interval or (self.value, self.value)
        return True if high < self.bound else False if low >= self.bound else None

    def in_words(self, name: str) -> str:
        """The number with its interval, its null and what it means below the bound."""
        around = f" [{figure(self.interval[0])}, {figure(self.interval[1])}]" if self.interval else ""
        null = "" if self.null is None else f", null {figure(self.null)}"
        return f"{name} {figure(self.value)}{around}{null}; {self.below} is below {figure(self.bound)}"


def figure(value: float) -> str:
    """Counts whole, `2,048`; other numbers with three digits."""
    return f"{value:,.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.3g}"


def percent(share: float, decimals: int = 0) -> str:
    """A share in [0, 1] as `21 %`."""
    return f"{100 * share:.{decimals}f} %"
