"""A number that decides, with its bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collapse_cli.figures import beside, quantity, written

Status = Literal["complete collapse", "dimensional collapse", "healthy", "inconclusive"]


@dataclass(frozen=True)
class Threshold:
    """A number that decided, its 95 % interval, the same in rows of the same kind, and the bound below which it means `below`."""

    number: str
    value: float
    interval: tuple[float, float] | None
    null: float | None
    bound: float
    below: Status | Literal["codebook collapse"]
    source: str

    @classmethod
    def of(
        cls,
        number: str,
        value: float,
        bound: float,
        below: Status | Literal["codebook collapse"],
        source: str,
    ) -> Threshold:
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
        value = int(self.value) if self._counted else self.value
        null = "" if self.null is None else f" (null: {beside(self.null, value, self.interval)})"
        return f"{name}: {quantity(value, self.interval)}{null}; below {written(self.bound)} it is a {self.below}."

    @property
    def _counted(self) -> bool:
        """Whether it is a count: whole, and so are the ends of its interval."""
        return all(end == round(end) for end in (self.value, *(self.interval or ())))
