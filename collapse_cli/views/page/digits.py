"""The data of charts in tables and in scripts: four significant digits, and as many points as can be read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from collapse_cli.figures import NONE

DIGITS = 4


def four(value: float | None) -> str:
    """A number with four significant digits; whole ones as they are."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 1e6 and (value == round(value) or abs(value) >= 1e4):
        return f"{value:,.0f}"
    mantissa, _, exponent = f"{value:.{DIGITS}g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def stored(value: float | None) -> float | None:
    """As a script has it: one digit more than is ever shown, and rounded where no one reads on."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def chosen(count: int, most: int, log: bool = False) -> list[int]:
    """At most so many of 0 … count-1, both ends among them: evenly, or evenly on a logarithmic axis."""
    if count <= most:
        return list(range(count))
    if log:
        steps = [count ** (k / (most - 1)) - 1 for k in range(most)]
        return sorted({min(round(step), count - 1) for step in steps})
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def interval(value: float | None, ends: Sequence[float | None] | None) -> str:
    """A value with the ends of its interval, where there is one."""
    if not ends or None in ends:
        return four(value)
    return f"{four(value)} [{four(ends[0])}, {four(ends[1])}]"
