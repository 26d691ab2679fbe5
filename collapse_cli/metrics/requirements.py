"""Requirements of a gate: parsed, never evaluated as code, and judged by what was measured and its interval."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from collapse_cli.errors import CollapseError
from collapse_cli.results import number

RELATIONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
EXAMPLES = "as in: effective_rank.h >= 20, uniformity <= -2, knn.h > 90%, effective_rank >= 50% of null"

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
PARTS = {
    "a metric's name": re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*)"),
    "one of >=, <=, >, <": re.compile(r"\s*(>=|<=|[<>](?!=))"),
    "a number": re.compile(rf"\s*({NUMBER})"),
    "%": re.compile(r"\s*(%?)"),
    "null": re.compile(r"\s*((?:(?:of\s+)?null\b)?)"),
    "the end": re.compile(r"\s*($)"),
}
"""What stands in a requirement, in order; the last three may be empty."""

Result = Literal["pass", "fail", "inconclusive"]
Interval = Sequence[float | None]
"""(low, high); None: without end."""


@dataclass(frozen=True)
class Requirement:
    """`effective_rank.z >= 20`; of_null: `number` is a multiple of what chance gives for the same N and D."""

    name: str
    relation: str
    number: float
    of_null: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.relation} {brief(self.number)}" + (" null" if self.of_null else "")


@dataclass(frozen=True)
class Tolerance:
    """How much worse than a baseline a number may be: absolute, or a share of the baseline's size."""

    number: float
    relative: bool

    def of(self, base: float) -> float:
        return self.number * abs(base) if self.relative else self.number

    def __str__(self) -> str:
        return f"{brief(100 * self.number)}%" if self.relative else brief(self.number)


@dataclass(frozen=True)
class Gate:
    """Gate."""

    passed: int = number("checks that pass", headline=True)
    failed: int = number("checks that fail", headline=True)
    inconclusive: int = number("checks that the sample cannot decide", headline=True)
    warned: int = number("verdicts that --strict would fail", headline=True)


def brief(value: float) -> str:
    """The shortest text that is read as the same number."""
    return repr(float(value)).removesuffix(".0")


def parse(text: str) -> Requirement:
    """NAME[.SPACE] RELATION NUMBER[%] [[of] null]; raises CollapseError naming the place where it is something else."""
    place, found = 0, []
    for part, pattern in PARTS.items():
        match = pattern.match(text, place)
        if match is None:
            raise CollapseError(
                f"{text!r} is no requirement: {part} should stand at {_at(text, place)}", EXAMPLES
            )
        found.append(match[1])
        place = match.end()
    name, relation, digits, percent, null, _ = found
    return Requirement(name, relation, _number(digits, percent, text), bool(null))


def _at(text: str, place: int) -> str:
    rest = text[place:].strip()
    return f"{rest!r}" if rest else "its end"


def _number(digits: str, percent: str, text: str) -> float:
    value = float(digits) / (100 if percent else 1)
    if not math.isfinite(value):
        raise CollapseError(f"{text!r}: {digits} is beyond the largest number", EXAMPLES)
    return value


def tolerance(text: str) -> Tolerance:
    """`5%` or `0.1`, not negative; raises CollapseError."""
    match = re.fullmatch(rf"\s*({NUMBER})\s*(%?)\s*", text)
    value = _number(match[1], match[2], text) if match else -1.0
    if match is None or value < 0:
        raise CollapseError(
            f"{text!r} is no tolerance", "it takes a share of the baseline, as 5%, or a number, as 0.1"
        )
    return Tolerance(value, bool(match[2]))


def judge(relation: str, bound: float, value: float | None, interval: Interval | None = None) -> Result:
    """Inconclusive where the value is not known, and where its interval has ends on both sides of the bound."""
    if value is None:
        return "inconclusive"
    met = {RELATIONS[relation](one, bound) for one in (value, *_ends(value, interval))}
    return "inconclusive" if len(met) == 2 else "pass" if met == {True} else "fail"


def worst(better: str, base: float, allowed: Tolerance) -> tuple[str, float]:
    """Relation and bound for what is better `high` or `low` than a baseline's value, but for the tolerance."""
    return (">=", base - allowed.of(base)) if better == "high" else ("<=", base + allowed.of(base))


def no_worse(
    better: str,
    allowed: Tolerance,
    base: float,
    around: Interval | None,
    value: float | None,
    interval: Interval | None = None,
) -> Result:
    """Whether a number has not become worse than a baseline's by more than the tolerance.

    It has only where the intervals say so too: by value but with both intervals (shifted by the tolerance) in touch it is
    inconclusive. A value within the tolerance passes whatever the intervals: a run is no worse than itself.
    """
    relation, bound = worst(better, base, allowed)
    if value is None:
        return "inconclusive"
    if RELATIONS[relation](value, bound):
        return "pass"
    (low, high), (base_low, base_high) = _ends(value, interval), _ends(base, around)
    touch = high >= base_low + bound - base if better == "high" else low <= base_high + bound - base
    return "inconclusive" if touch else "fail"


def _ends(value: float, interval: Interval | None) -> tuple[float, float]:
    """Of an interval; without one, the value itself."""
    if interval is None:
        return value, value
    low, high = interval
    return -math.inf if low is None else low, math.inf if high is None else high
