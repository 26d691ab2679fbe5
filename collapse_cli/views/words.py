"""Numbers, settings and verdicts in words: the same ones at the terminal, in plots and on pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARKS = {
    "healthy": ("✓", "green"),
    "dimensional collapse": ("▲", "yellow"),
    "complete collapse": ("✗", "red"),
    "inconclusive": ("?", "dim"),
}


def plain(text: object) -> str:
    """Text of a user (a path, a class) without what a terminal would obey: escapes, newlines, surrogates."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(text))


def shortened(text: str, width: int) -> str:
    """Cut in the middle: the end of a path says more than its middle."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 2 // 3
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"


def figures(value: float | int | None) -> str:
    """Three or four significant digits; whole numbers as they are; a dash for what is not a number."""
    if value is None:
        return "–"
    if isinstance(value, int):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    size = abs(value)
    if size and (size >= 1e6 or size < 1e-3):
        mantissa, exponent = f"{value:.2e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    if size < 1:
        return f"{value:.4f}".rstrip("0").rstrip(".") if size >= 0.1 else f"{value:.3g}"
    return f"{value:.{2 if size < 9.995 else 1 if size < 999.95 else 0}f}"


def quantity(metric: Mapping[str, Any]) -> str:
    """A value with its interval: `0.42 ± 0.03` where it is symmetric, else `0.42 [0.37, 0.44]`."""
    value, interval = figures(metric["value"]), metric.get("interval")
    if metric["value"] is None or interval is None or None in interval:
        return value
    below, above = metric["value"] - interval[0], interval[1] - metric["value"]
    if abs(above - below) <= 0.1 * max(abs(above), abs(below)):
        return f"{value} ± {figures(float(f'{(above + below) / 2:.2g}'))}"
    return f"{value} [{figures(interval[0])}, {figures(interval[1])}]"


def titled(text: str) -> str:
    """The first letter large, the others as they are (`std` stays `Std`, `SVCCA` stays itself)."""
    return text[:1].upper() + text[1:]


def said(value: Any) -> str:
    """The value of a setting or of an input, in words."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {said(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(said(one) for one in value)
    return figures(value) if isinstance(value, int | float) or value is None else plain(value)


def pairs(settings: Mapping[str, Any]) -> str:
    """One line: `N 1797 · D 128 · centred yes`."""
    return " · ".join(f"{plain(key)} {said(value)}" for key, value in settings.items())


def verdict(one: Mapping[str, Any], name: str) -> tuple[str, str]:
    """A verdict as a head (`▲ dimensional collapse · z`) and a sentence."""
    mark = MARKS.get(one["status"], ("•", ""))[0]
    return " ".join([mark, plain(one["status"]), *(["·", name] if name else [])]), plain(one["sentence"])


def source(one: Mapping[str, Any]) -> str:
    """An input in one line: its path, then what else is known; long hashes cut."""
    facts = {key: value[:12] if _hash(value) else value for key, value in one.items()}
    path = facts.pop("path", "")
    return " · ".join(text for text in (plain(path), pairs(facts)) if text)


def _hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 32 and set(value) <= set("0123456789abcdef")
