"""Whether everything stands in a saved answer where a reader of numbers looks for it, and is of its kind.

It holds only what is read: `views/schema.json` says more, and answers of earlier versions have less.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

NEEDED = {
    "curve": ("x",),
    "lines": ("x", "of"),
    "each": ("of",),
    "matrix": ("rows", "columns"),
    "frames": ("x",),
}
WORDS = (
    *("label", "help", "kind", "unit", "convention", "null_is", "interval_is", "together", "better", "axis"),
    *("best", "x", "y", "log", "apart", "of", "rows", "columns"),
)  # fmt: skip
"""Fields of a metric that are text, where they are there."""


def well_formed(document: dict[str, Any]) -> bool:
    """Of schema 1 or 2. False also for numbers that are not finite, which no answer of ours holds."""
    try:
        json.dumps(document, allow_nan=False)
        ours = document["tool"]["name"] == "collapse" and isinstance(document["command"], str)
        ours = ours and isinstance(document["tool"]["version"], str)
        worded = _listed(document["warnings"], str) and _listed(document["inputs"], dict)
        worded = worded and _listed(document.get("argv", []), str) and all(map(_about, document["inputs"]))
        return (
            ours
            and worded
            and all(_measured(result, document["inputs"]) for result in document["results"])
            and all(_placed(result) for result in document["results"] if document["schema"] > 1)
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        return False


def _about(facts: dict[str, Any]) -> bool:
    """Whether what is said of an input is text where it is text."""
    names = ("path", "sha256", "layout", "status", "method", "split", "described", "network")
    texts = all(isinstance(facts.get(name) or "", str) for name in names)
    return texts and all(_whole(facts.get(name) or 0) for name in ("epoch", "epochs"))


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _placed(result: dict[str, Any]) -> bool:
    """Whether a result of schema 2 says what it is of."""
    return all(isinstance(result[name], str) for name in ("kind", "subject", "space"))


def _measured(result: dict[str, Any], inputs: list[dict[str, Any]]) -> bool:
    """Whether this is a result; raises LookupError … where it is none."""
    place, verdict = result["input"], result["verdict"]
    placed = _whole(place) and place >= 0 and _listed(result.get("inputs", []), int)
    facts = inputs[place] if inputs else {}
    placed = placed and isinstance(facts.get("options", facts.get("asked", {})), dict)
    named = all(isinstance(result[name], str) for name in ("of", "title")) and isinstance(
        result["settings"], dict
    )
    named = named and all(isinstance(result.get(name, ""), str) for name in ("sentence", "effect", "cure"))
    spoken = isinstance(result.get("answer", ""), str) and _listed(result.get("key_numbers", []), str)
    judged = verdict is None or _verdict(verdict)
    return judged and placed and named and spoken and all(map(_metric, result["metrics"].values()))


def _verdict(verdict: dict[str, Any]) -> bool:
    texts = all(isinstance(verdict[name], str) for name in ("status", "sentence"))
    texts = texts and _listed(verdict["reasons"], str)
    texts = texts and all(_listed(verdict.get(part, []), str) for part in ("advice", "commands", "findings"))
    texts = texts and all(isinstance(verdict.get(part, ""), str) for part in ("meaning", "lead"))
    return texts and all(map(_threshold, verdict.get("thresholds", [])))


def _threshold(bound: dict[str, Any]) -> bool:
    """A number that decided, and its bound."""
    texts = isinstance(bound["number"], str) and all(
        isinstance(bound.get(name, ""), str) for name in ("below", "source")
    )
    numbers = all(_numeric(bound.get(name)) for name in ("value", "bound", "null"))
    return texts and numbers and _interval(bound.get("interval"))


def _metric(metric: dict[str, Any]) -> bool:
    kind, words = metric["kind"], ("label", "help", "kind")
    if not all(isinstance(metric[name], str) for name in words):
        return False
    if not all(isinstance(metric.get(name) or "", str) for name in WORDS):
        return False
    if not all(_numeric(metric.get(end)) for end in ("low", "high")):
        return False
    if not all(isinstance(metric.get(name), str) for name in NEEDED.get(kind, ())):
        return False
    match kind:
        case "number":
            return _number(metric)
        case "curve":
            return _points(metric)
        case "lines":
            return all(map(_points, metric["values"].values()))
        case "each":
            spans = metric.get("intervals", {})
            even = isinstance(spans, dict) and all(map(_interval, spans.values()))
            return even and isinstance(metric["values"], dict) and _numbers(metric["values"].values())
        case "matrix":
            return _matrix(metric)
        case "frames":
            return _frames(metric)
    return False


def _matrix(metric: dict[str, Any]) -> bool:
    """Rows of one length, as many names as there are rows and columns."""
    rows = metric["values"]
    if not isinstance(rows, list) or not all(map(_row, rows)) or len({len(row) for row in rows}) > 1:
        return False
    names = {"row_names": len(rows), "column_names": len(rows[0]) if rows else 0}
    return all(_listed(metric[n], str) and len(metric[n]) == size for n, size in names.items() if n in metric)


def _frames(metric: dict[str, Any]) -> bool:
    """A time for each cloud of points."""
    clouds, times, marks = metric["values"], metric["at"], metric["marks"]
    if not isinstance(clouds, list) or not _row(times) or len(times) != len(clouds):
        return False
    return all(_row(point) and len(point) == 2 for cloud in [*clouds, marks] for point in cloud)


def _number(metric: dict[str, Any]) -> bool:
    required = metric.get("required") or {}
    held = not required or all(
        isinstance(required[name], str) for name in ("of", "relation", "result", "sentence")
    )
    spans = all(_interval(metric[name]) for name in ("interval", "simultaneous") if name in metric)
    words = isinstance(metric["convention"], str) and isinstance(metric["unit"], str)
    value = isinstance(metric["value"], bool) or _numeric(metric["value"])
    listed = _row(metric.get("runs") or []) and _listed(metric.get("agree") or [], int)
    return held and words and spans and value and listed and _numeric(metric["null"])


def _points(curve: dict[str, Any]) -> bool:
    """As many places, nulls and values at initialisation as values, as far as they are there; every place is a number."""
    count, places = len(curve["values"]), curve.get("at") or []
    parts = [
        curve["values"],
        *(curve.get(name) or [] for name in ("null", "at", "initial", "lowest", "highest")),
    ]
    even = all(_row(part) and len(part) in (0, count) for part in parts) and None not in places
    return even and _band(curve) and _listed(curve.get("names", []), str)


def _band(curve: dict[str, Any]) -> bool:
    """The ends of the interval of every value."""
    ends = curve.get("interval") or []
    even = all(_row(end) and len(end) == len(curve["values"]) for end in ends)
    return isinstance(ends, list) and even and len(ends) in (0, 2)


def _interval(value: Any) -> bool:
    return value is None or (_row(value) and len(value) == 2)


def _row(values: Any) -> bool:
    return isinstance(values, list) and _numbers(values)


def _numbers(values: Iterable[Any]) -> bool:
    return all(map(_numeric, values))


def _numeric(value: Any) -> bool:
    """What JSON calls a number, or null."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value is None or number
