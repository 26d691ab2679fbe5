"""Results are dataclasses whose fields say what they mean; everything seen is made from the declaration.

    @dataclass(frozen=True)
    class Alignment:
        '''Alignment and uniformity.'''
        alignment: float = number("mean ||u - u'||^alpha over positive pairs", unit="squared distance")

`metrics(result)` turns such an object into plain dicts, which `answers.Entry` carries to every view. How tables show its
numbers, a result type may declare as its `TABLE`, a `layout.Table`.
"""

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

    kind: number, curve, lines, each, matrix or frames; value: of a number, values: of the others; low, high: the least and the
    most that a number can be; lowest, highest: of a curve that is the mean of several runs; simultaneous: the interval that holds
    together with others.
    """

    kind: str
    label: str
    help: str
    value: Any
    null: Any
    interval: Any
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


def number(
    help: str,
    unit: str = "",
    label: str = "",
    convention: str = "",
    null: str = "",
    headline: bool = False,
    axis: str = "",
    better: Literal["", "high", "low"] = "",
    interval: str = "",
    low: float | None = None,
    high: float | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding one float or int.

    help: what it is; convention: centred or not, normalised or not, eps, in words that stay, for a gate compares them with those
    of a saved baseline; null: what the null is (`isotropic`);
    interval: what its interval is, where it is not that of all (`Wilson 95 %`);
    headline: shown where only a few numbers fit; axis: `x` or `y`, to be drawn so when several inputs are compared;
    better: `high` or `low`, where a space that has not collapsed can be told to be better by it;
    low, high: the least and the most that it can be, where there is such a value. An int counts, and is never below 0.
    """
    ends = {end: value for end, value in (("low", low), ("high", high)) if value is not None}
    return _field("number", default, help, label, unit=unit, convention=convention, null_is=null,
                  headline=headline, axis=axis, better=better, interval_is=interval, **ends)  # fmt: skip


def counts(field: dataclasses.Field[Any]) -> bool:
    """Whether a declared number is a whole one."""
    return "int" in str(field.type).split(" | ")


def limits(field: dataclasses.Field[Any]) -> dict[str, float]:
    """The least and the most that a declared number can be, as `low` and `high`, those that there are."""
    declared = {end: field.metadata[end] for end in ("low", "high") if end in field.metadata}
    return ({"low": 0} if counts(field) else {}) | declared


def curve(
    help: str,
    x: str,
    y: str = "",
    log: str = "",
    label: str = "",
    null: str = "",
    sketch: bool = False,
    dots: bool = False,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a `Curve`. x, y: names of the axes; log: `y`, `x` or `xy`; sketch: drawn in the terminal.

    dots: its points are in no order, and are not joined.
    """
    return _field("curve", default, help, label, x=x, y=y, log=log, null_is=null, sketch=sketch, dots=dots)


def lines(
    help: str,
    of: str,
    x: str,
    y: str = "",
    log: str = "",
    label: str = "",
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a mapping name -> `Curve`: a family of curves, one for each `of` (a direction, a layer), in order."""
    return _field("lines", default, help, label, of=of, x=x, y=y, log=log)


def each(help: str, of: str, unit: str = "", label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding a mapping name -> float: one number for each `of` (a class, a layer)."""
    return _field("each", default, help, label, of=of, unit=unit)


def matrix(help: str, rows: str, columns: str, label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding a tuple of rows of floats, or a `Matrix`, which names them."""
    return _field("matrix", default, help, label, rows=rows, columns=columns)


def frames(help: str, at: str, label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding `Frames`. at: what passes from one to the next (epoch, step)."""
    return _field("frames", default, help, label, x=at)


def _field(kind: str, default: Any, help: str, label: str, **meaning: Any) -> Any:
    return dataclasses.field(
        default=default, metadata={"kind": kind, "help": help, "label": label, **meaning}
    )


def metrics(result: Any) -> dict[str, Metric]:
    """The declared fields of a result as plain dicts, in the order of its table; what was not measured (None) is left out."""
    table: Table = getattr(type(result), "TABLE", Table())
    fields = {field.name: field for field in dataclasses.fields(result) if "kind" in field.metadata}
    measured = [name for name in table.sorted(list(fields)) if getattr(result, name) is not None]
    return {name: _metric(fields[name], getattr(result, name), table) for name in measured}


def _metric(field: dataclasses.Field[Any], value: Any, table: Table) -> Metric:
    meaning: Any = {key: part for key, part in field.metadata.items() if part is not False and part != ""}
    meaning |= table.parts(field.name)
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
        meaning["values"] = {str(name): _plain(v) for name, v in value.items()}
    else:
        meaning["values"] = [[_plain(v) for v in row] for row in value]
        names = {part: getattr(value, part, None) for part in ("row_names", "column_names")}
        meaning |= {part: list(texts) for part, texts in names.items() if texts is not None}
    named: Metric = meaning
    return named


def _curve(value: Any) -> dict[str, Any]:
    """The points of a curve: values, where they are, and what chance would have drawn."""
    at, null, initial = (getattr(value, part, None) for part in ("x", "null", "initial"))
    return {
        "values": [_plain(v) for v in value],
        "at": None if at is None else [_plain(v) for v in at],
        "null": None if null is None else [_plain(v) for v in null],
        **({} if initial is None else {"initial": [_plain(v) for v in initial]}),
    }


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
