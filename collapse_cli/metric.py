"""A declared field with its value, as plain types: what `answers.Entry` carries to every view, and JSON holds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, Literal, TypedDict

from collapse_cli.layout import Table


class Required(TypedDict):
    """A check of a gate: what was required `of` a number, by its name and space, and what it came to."""

    of: str
    relation: str
    bound: float
    result: str
    sentence: str


class Metric(TypedDict, total=False):
    """A declared field with its value, as plain types: the parts that its kind has are there, the others are missing.

    kind: number, curve, lines, each, matrix or frames; value: of a number, values: of the others; intervals, nulls: of an `each`,
    by the names of the values that have one; low, high: the least and the most that a value can be; lowest, highest: of a curve
    that is the mean of several runs; simultaneous: the interval that holds together with others.
    """

    kind: str
    label: str
    help: str
    value: Any
    null: Any
    interval: Any
    intervals: Any
    nulls: Any
    unit: str
    convention: str
    null_is: str
    interval_is: str
    headline: bool
    together: str
    json_only: bool
    better: Literal["high", "low"]
    low: float
    high: float
    axis: str
    values: Any
    at: Any
    initial: Any
    x: str
    y: str
    log: str
    sketch: bool
    dots: bool
    apart: str
    names: list[str]
    of: str
    rows: str
    columns: str
    row_names: list[str]
    column_names: list[str]
    marks: Any
    lowest: Any
    highest: Any
    runs: list[Any]
    simultaneous: Any
    best: str
    agree: list[int]
    required: Required


def counts(field: dataclasses.Field[Any]) -> bool:
    """Whether a declared number is a whole one."""
    return "int" in str(field.type).split(" | ")


def limits(field: dataclasses.Field[Any]) -> dict[str, float]:
    """The least and the most that a declared number can be, as `low` and `high`, those that there are."""
    declared = {end: field.metadata[end] for end in ("low", "high") if end in field.metadata}
    return ({"low": 0} if counts(field) else {}) | declared


def metrics(result: Any) -> dict[str, Metric]:
    """The declared fields of a result as plain dicts, in the order of its table; what was not measured (None) is left out."""
    table: Table = getattr(type(result), "TABLE", Table())
    fields = {field.name: field for field in dataclasses.fields(result) if "kind" in field.metadata}
    measured = [name for name in table.sorted(list(fields)) if getattr(result, name) is not None]
    return {name: _metric(fields[name], getattr(result, name), table) for name in measured}


def _metric(field: dataclasses.Field[Any], value: Any, table: Table) -> Metric:
    meaning: Any = {key: part for key, part in field.metadata.items() if part is not False and part != ""}
    meaning |= table.parts(field.name)
    if getattr(value, "null_is", ""):
        meaning["null_is"] = value.null_is
    meaning.setdefault("label", field.name.replace("_", " "))
    if field.metadata["kind"] == "number":
        interval = getattr(value, "interval", None)
        counted = int if counts(field) and math.isfinite(value) else float
        meaning |= {
            **limits(field),
            "unit": field.metadata["unit"],
            "convention": field.metadata["convention"],
            "value": _plain(counted(value)),
            "null": _plain(getattr(value, "null", None)),
            "interval": None if interval is None else [_plain(v) for v in interval],
        }
    elif field.metadata["kind"] == "curve":
        meaning |= _curve(value)
    elif field.metadata["kind"] == "lines":
        meaning["values"] = {str(name): _curve(line) for name, line in value.items()}
    elif field.metadata["kind"] == "frames":
        meaning |= {
            "values": [_plane(cloud) for cloud in value],
            "at": list(value.at),
            "marks": _plane(value.marks),
        }
    elif field.metadata["kind"] == "each":
        meaning |= _each(value)
    else:
        meaning["values"] = [[_plain(v) for v in row] for row in value]
        names = {part: getattr(value, part, None) for part in ("row_names", "column_names")}
        meaning |= {part: list(texts) for part, texts in names.items() if texts is not None}
    named: Metric = meaning
    return named


def _curve(value: Any) -> dict[str, Any]:
    """The points of a curve: values, where they are, their null and interval, and names of the places on x."""
    parts = ("x", "null", "initial", "interval", "names")
    at, null, initial, interval, names = (getattr(value, part, None) for part in parts)
    return {
        "values": [_plain(v) for v in value],
        "at": None if at is None else [_plain(v) for v in at],
        "null": None if null is None else [_plain(v) for v in null],
        **({} if initial is None else {"initial": [_plain(v) for v in initial]}),
        **({} if interval is None else {"interval": [[_plain(v) for v in end] for end in interval]}),
        **({} if names is None else {"names": list(names)}),
    }


def _each(value: Any) -> dict[str, Any]:
    """The values by name, with the intervals and the nulls of those that have one."""
    spans = {str(name): getattr(v, "interval", None) for name, v in value.items()}
    nulls = {str(name): getattr(v, "null", None) for name, v in value.items()}
    held = {
        "intervals": {
            name: [_plain(end) for end in span] for name, span in spans.items() if span is not None
        },
        "nulls": {name: _plain(null) for name, null in nulls.items() if null is not None},
    }
    values = {str(name): _plain(v) for name, v in value.items()}
    return {"values": values} | {part: by_name for part, by_name in held.items() if by_name}


def _plane(points: Iterable[tuple[float, float]]) -> list[list[float | int | None]]:
    return [[_plain(x), _plain(y)] for x, y in points]


def _plain(value: float | int | None) -> float | int | None:
    """JSON knows neither nan nor infinity: both become null."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def changed(metric: Metric, **parts: Any) -> Metric:
    """The same metric with some parts in place of its own, or beside them."""
    whole: Any = {**metric, **parts}
    altered: Metric = whole
    return altered


def without(metric: Metric, *parts: str) -> Metric:
    """The same metric without these parts."""
    rest: Any = {part: value for part, value in metric.items() if part not in parts}
    left: Metric = rest
    return left
