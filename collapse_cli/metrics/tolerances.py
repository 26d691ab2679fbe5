"""By how much a number may be worse than a baseline's: one tolerance for all, and others for numbers by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import NUMBER, brief

FORMS = (
    "it takes a share of the baseline, as 5%, or a number, as 0.1; of one number alone: effective_rank.h=2%"
)


@dataclass(frozen=True)
class Tolerance:
    """How much worse than a baseline a number may be: absolute, or a share of the baseline's absolute value."""

    number: float
    relative: bool

    def of(self, base: float) -> float:
        return self.number * abs(base) if self.relative else self.number

    def __str__(self) -> str:
        return f"{100 * self.number:.12g}%" if self.relative else brief(self.number)


@dataclass(frozen=True)
class Tolerances:
    """The tolerance of every number that is not among those by name, `effective_rank` in every space or `effective_rank.h`."""

    general: Tolerance
    by_name: Mapping[str, Tolerance] = field(default_factory=dict)

    def of(self, key: str) -> Tolerance:
        """Of a number by name and space, the name with its space first."""
        named = (self.by_name[name] for name in (key, key.rpartition(".")[0]) if name in self.by_name)
        return next(named, self.general)

    def __str__(self) -> str:
        return ", ".join([str(self.general), *(f"{name} {each}" for name, each in self.by_name.items())])


def tolerances(texts: Sequence[str], default: str) -> Tolerances:
    """`5%`, `0.1`, `effective_rank.h=2%`; raises CollapseError for other texts, and for two tolerances of one number."""
    by_name: dict[str, Tolerance] = {}
    for text in texts:
        before, equals, after = text.partition("=")
        name, amount = (before.strip(), after) if equals else ("", before)
        if name in by_name:
            raise CollapseError(f"two tolerances for {name or 'every number'}", "give one of them")
        if equals and not name:
            raise CollapseError(f"{text!r} is no tolerance", FORMS)
        by_name[name] = _tolerance(amount, text)
    general = by_name.pop("", None) or _tolerance(default, default)
    return Tolerances(general, by_name)


def _tolerance(amount: str, text: str) -> Tolerance:
    """`5%` or `0.1`, not negative, in a text that it is refused by."""
    match = re.fullmatch(rf"\s*({NUMBER})\s*(%?)\s*", amount)
    value = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if match is None or not 0 <= value < math.inf:
        raise CollapseError(f"{text!r} is no tolerance", FORMS)
    return Tolerance(value, bool(match[2]))
