"""A number held against a bound, or against a baseline's number, each with its interval."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Literal

from collapse_cli.metrics.tolerances import Tolerance

RELATIONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt, "==": operator.eq}

Result = Literal["pass", "fail", "inconclusive"]
Interval = Sequence[float | None]
"""(low, high); None: without end."""


def judge(relation: str, bound: float, value: float | None, interval: Interval | None = None) -> Result:
    """Inconclusive where the value is not known, and where its interval reaches across the bound, or to it for `==`."""
    if value is None:
        return "inconclusive"
    ends = (value, *_ends(value, interval))
    if relation == "==" and min(ends) < max(ends):
        return "inconclusive" if min(ends) <= bound <= max(ends) else "fail"
    met = {RELATIONS[relation](end, bound) for end in ends}
    return "inconclusive" if len(met) == 2 else "pass" if met == {True} else "fail"


def beside(
    relation: str,
    bound: float,
    around: Interval | None,
    value: float | None,
    interval: Interval | None = None,
) -> Result:
    """Whether a number meets a bound that was measured itself, `around` being the interval of that.

    It misses it only where the intervals say so too: by value but with both intervals in touch it is inconclusive. A value that
    meets it passes whatever the intervals: a run is no worse than itself.
    """
    if value is None:
        return "inconclusive"
    if RELATIONS[relation](value, bound):
        return "pass"
    if interval is None and around is None:
        return "fail"
    (low, high), (bound_low, bound_high) = _ends(value, interval), _ends(bound, around)
    touch = high >= bound_low if relation in (">=", ">") else low <= bound_high
    return "inconclusive" if touch else "fail"


def worst(better: str, base: float, allowed: Tolerance) -> tuple[str, float]:
    """Relation and bound for what is better `high` or `low` than a baseline's value, but for the tolerance."""
    return (">=", base - allowed.of(base)) if better == "high" else ("<=", base + allowed.of(base))


def near_zero(around: Interval | None) -> bool:
    """Whether the interval of a baseline's number reaches 0, so that a share of the number says nothing."""
    if around is None:
        return False
    low, high = _ends(0.0, around)
    return low <= 0 <= high


def no_worse(
    better: str,
    allowed: Tolerance,
    base: float,
    around: Interval | None,
    value: float | None,
    interval: Interval | None = None,
) -> Result:
    """Whether a number has not become worse than a baseline's by more than the tolerance.

    Judged as `beside`, the baseline's interval shifted by the tolerance. Where a share says nothing, the baseline's number being
    near 0, there is none: what cannot be told from the baseline's number passes, and what can be told to be worse fails.
    """
    if allowed.relative and near_zero(around):
        relation, bound = worst(better, base, Tolerance(0, False))
        result = beside(relation, bound, around, value, interval)
        return "pass" if result == "inconclusive" and value is not None else result
    relation, bound = worst(better, base, allowed)
    low, high = _ends(base, around)
    shifted = None if around is None else (low + bound - base, high + bound - base)
    return beside(relation, bound, shifted, value, interval)


def scaled(around: Interval | None, multiple: float) -> Interval | None:
    """The interval of a multiple, not negative, of a number."""
    return around and tuple(None if end is None else multiple * end for end in around)


def _ends(value: float, interval: Interval | None) -> tuple[float, float]:
    """Of an interval; without one, the value itself."""
    if interval is None:
        return value, value
    low, high = interval
    return -math.inf if low is None else low, math.inf if high is None else high
