"""Results are dataclasses whose fields say what they mean; everything seen is made from the declaration.

    @dataclass(frozen=True)
    class Alignment:
        '''Alignment and uniformity.'''
        alignment: float = number("mean ||u - u'||^alpha over positive pairs", unit="squared distance")

`metrics(result)` turns such an object into plain dicts, which `answers.Entry` carries to every view.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, Literal, TypedDict


class Required(TypedDict):
    """A check of a gate: what was required `of` a number, by its name and space, and what it came to."""

    of: str
    relation: str
    bound: float
    result: str
    sentence: str


class Metric(TypedDict, total=False):
    """A declared field with its value, as plain types: the parts that its kind has are there, the others are missing.

    kind: number, curve, lines, each, matrix or frames; value: of a number, values: of the others.
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
    better: Literal["high", "low"]
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
    runs: list[Any]
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
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding one float or int.

    help: what it is; convention: centred or not, normalised or not, eps, in words that stay, for a gate compares them with those
    of a saved baseline; null: what the null is (`isotropic`);
    interval: what its interval is, where it is not that of all (`Wilson 95 %`);
    headline: shown where only a few numbers fit; axis: `x` or `y`, to be drawn so when several inputs are compared;
    better: `high` or `low`, where a space that has not collapsed can be told to be better by it.
    """
    return _field("number", default, help, label, unit=unit, convention=convention, null_is=null,
                  headline=headline, axis=axis, better=better, interval_is=interval)  # fmt: skip


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
    """The declared fields of a result as plain dicts, in the order of declaration; what was not measured (None) is left out."""
    return {
        field.name: _metric(field, getattr(result, field.name))
        for field in dataclasses.fields(result)
        if "kind" in field.metadata and getattr(result, field.name) is not None
    }


def _metric(field: dataclasses.Field[Any], value: Any) -> Metric:
    meaning: Any = {key: text for key, text in field.metadata.items() if text not in ("", False)}
    meaning.setdefault("label", field.name.replace("_", " "))
    if field.metadata["kind"] == "number":
        interval = getattr(value, "interval", None)
        counted = int if "int" in str(field.type).split(" | ") and math.isfinite(value) else float
        meaning |= {
            "unit": field.metadata["unit"],
            "convention": field.metadata["convention"],
            "value": _plain(counted(value)),
            "null": _plain(getattr(value, "null", None)),
            "interval": None if interval is None else [_plain(v) for v in interval],
        }
    elif field.metadata["kind"] == "curve":
        meaning |= _curve(value)
    elif field.metadata["kind"] == "lines":
        meaning["values"] = {str(name): _curve(one) for name, one in value.items()}
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
