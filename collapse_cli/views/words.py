"""Numbers, settings and verdicts in words: the same ones at the terminal, in plots and on pages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MARKS = {
    "healthy": ("✓", "green"),
    "dimensional collapse": ("▲", "yellow"),
    "complete collapse": ("✗", "red"),
    "inconclusive": ("?", "dim"),
    "mode collapse": ("▲", "yellow"),
    "blurred": ("▲", "yellow"),
    "all modes": ("✓", "green"),
    "holds": ("✓", "green"),
    "does not hold": ("✗", "red"),
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
}

RESULTS = {"pass": "✓ pass", "warn": "▲ warn", "inconclusive": "? inconclusive", "fail": "✗ FAIL"}
"""What a check of a gate came to."""

BEST = {
    "apart": ("●", "best: every other value differs from it significantly (95 % interval of the difference)"),
    "value": (
        "○",
        "best value; with a single run, or no variation between seeds, significance cannot be judged",
    ),
}
SHARED = (
    "several marks in one row: the differences between them are not significant; never marked: complete collapse, "
    "single runs beside repeated ones, and numbers whose null differs"
)
SPREAD = "± one standard deviation over the runs of a group; a single run has none"
AGREE = "k/n: k of n seeds differ in the direction of the mean"


def plain(text: object) -> str:
    """Text of a user (a path, a class) without what a terminal would obey: escapes, newlines, surrogates."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


def shortened(text: str, width: int) -> str:
    """Cut in the middle: the end of a path says more than its middle."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def figures(value: float | int | None, pad: bool = False) -> str:
    """Three or four significant digits; whole numbers as they are; a dash for what is not a number.

    pad: keep the zeros at the end, so that columns of numbers line up.
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    size = abs(value)
    if isinstance(value, int) and 1e6 <= size < 1e9:
        return f"{value:,}"
    if value == round(value) and size < 1e6:
        return str(round(value))
    if size >= 1e6 or size < 1e-3:
        return _power(value)
    if size < 1:
        return f"{value:.3g}" if size < 0.1 else f"{value:.4f}" if pad else f"{value:.4g}"
    return f"{value:.{2 if size < 9.995 else 1 if size < 999.95 else 0}f}"


def _power(value: float) -> str:
    """`1.23e-5`, without the zeros that C puts there."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def quantity(metric: Mapping[str, Any]) -> str:
    """A value with its interval: `0.420 ± 0.031` where it is symmetric, else `0.4200 [0.3711, 0.4389]`."""
    value, interval = metric["value"], metric.get("interval")
    if value is None or interval is None or None in interval:
        return figures(value, pad=True)
    below, above = value - interval[0], interval[1] - value
    if isinstance(value, int) and below == above == round(below):
        return f"{value} ± {round(below)}"
    if abs(above - below) <= 0.1 * max(abs(above), abs(below)):
        return _plus_minus(value, (above + below) / 2)
    return f"{figures(value, pad=True)} [{figures(interval[0], pad=True)}, {figures(interval[1], pad=True)}]"


def convention(metric: Mapping[str, Any]) -> str:
    """By which convention a number was measured, and what its interval is where that needs a word."""
    interval = metric.get("interval_is")
    parts = (metric.get("convention"), f"interval: {interval}" if interval else "")
    return "; ".join(part for part in parts if part)


def legend(metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """What ± and the marks of these numbers mean, those that are there."""
    found = {metric.get("best") for metric in metrics}
    best = [f"{mark} {text}" for name, (mark, text) in BEST.items() if name in found]
    spread = [SPREAD] if any(len(metric.get("runs", ())) > 1 for metric in metrics) else []
    agree = [AGREE] if any("agree" in metric for metric in metrics) else []
    return [*spread, *best, *([SHARED] if best else []), *agree]


def _plus_minus(value: float, error: float) -> str:
    """The error with two digits, the value to the same decimal; very small and large errors stand for themselves."""
    if not 1e-4 < error < 1e4:
        return f"{figures(value)} ± {figures(error)}"
    decimals = max(1 - math.floor(math.log10(error)), 0)
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def titled(text: str) -> str:
    """The first letter large, the others as they are (`std` stays `Std`, `SVCCA` stays itself)."""
    return text[:1].upper() + text[1:]


def in_words(value: Any) -> str:
    """The value of a setting or of an input, in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {in_words(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(in_words(one) for one in value)
    return figures(value) if isinstance(value, int | float) or value is None else plain(value)


def pairs(settings: Mapping[str, Any]) -> str:
    """One line: `N 1797 · D 128 · centred yes`."""
    return " · ".join(f"{plain(key)} {in_words(value)}" for key, value in settings.items())


def verdict(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """A verdict as its mark, its status, and its sentence without the status it may have begun with."""
    mark, status = MARKS.get(one["status"], ("•", ""))[0], plain(one["status"])
    sentence = plain(one["sentence"]).strip()
    if sentence.lower().startswith(status):
        sentence = sentence[len(status) :].lstrip(" :,—-")
    return mark, f"{status}, borderline" if one.get("borderline") else status, sentence


def footnote(number: int) -> str:
    """A small raised number."""
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def source(one: Mapping[str, Any]) -> str:
    """An input in one line: its path, then what else is known; hashes and long lists stay in the JSON."""
    facts = {key: value for key, value in one.items() if not _long(value)}
    path = facts.pop("path", "")
    return " · ".join(text for text in (plain(path), pairs(facts)) if text)


def _long(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or (
        isinstance(value, str) and len(value) >= 32 and value.isalnum()
    )
