"""Results are dataclasses whose fields say what they mean; everything seen is made from the declaration.

    @dataclass(frozen=True)
    class Alignment:
        '''Alignment and uniformity.'''
        alignment: float = number("mean ||u - u'||^alpha over positive pairs", unit="squared distance")

`metrics(result)` turns such an object into plain dicts, `answer(...)` wraps these into the one document that
`--json` prints, that a run folder keeps, and that every view draws.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

SCHEMA = 1


class Measured(float):
    """A number that knows what chance would have given, and how uncertain it is.

    `null`: the same quantity where nothing is to be found (isotropic data of the same N and D, guessing …).
    `interval`: (low, high), nominally 95 %.
    """

    null: float | None
    interval: tuple[float, float] | None

    def __new__(
        cls, value: float, null: float | None = None, interval: tuple[float, float] | None = None
    ) -> Measured:
        measured = super().__new__(cls, value)
        measured.null, measured.interval = null, interval
        return measured


class Curve(tuple[float, ...]):
    """Values over x (1, 2, 3 … when not given), with the curve that chance would have drawn."""

    x: tuple[float, ...] | None
    null: tuple[float, ...] | None

    def __new__(
        cls, values: Iterable[float], x: Iterable[float] | None = None, null: Iterable[float] | None = None
    ) -> Curve:
        curve = super().__new__(cls, (float(v) for v in values))
        curve.x = None if x is None else tuple(float(v) for v in x)
        curve.null = None if null is None else tuple(float(v) for v in null)
        return curve


def number(
    help: str,
    unit: str = "",
    label: str = "",
    convention: str = "",
    null: str = "",
    headline: bool = False,
    axis: str = "",
    better: Literal["", "high", "low"] = "",
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding one float or int.

    help: what it is; convention: centred or not, normalised or not, eps …; null: what the null is (`isotropic`);
    headline: shown where only a few numbers fit; axis: `x` or `y`, to be drawn so when several inputs are compared;
    better: `high` or `low`, where a space that has not collapsed can be told to be better by it.
    """
    return _field("number", default, help, label, unit=unit, convention=convention, null_is=null,
                  headline=headline, axis=axis, better=better)  # fmt: skip


def curve(
    help: str,
    x: str,
    y: str = "",
    log: str = "",
    label: str = "",
    null: str = "",
    sketch: bool = False,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a `Curve`. x, y: names of the axes; log: `y`, `x` or `xy`; sketch: drawn in the terminal."""
    return _field("curve", default, help, label, x=x, y=y, log=log, null_is=null, sketch=sketch)


def each(help: str, of: str, unit: str = "", label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding a mapping name -> float: one number for each `of` (a class, a layer)."""
    return _field("each", default, help, label, of=of, unit=unit)


def matrix(help: str, rows: str, columns: str, label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding a tuple of rows of floats."""
    return _field("matrix", default, help, label, rows=rows, columns=columns)


def _field(kind: str, default: Any, help: str, label: str, **meaning: Any) -> Any:
    return dataclasses.field(
        default=default, metadata={"kind": kind, "help": help, "label": label, **meaning}
    )


def metrics(result: Any) -> dict[str, dict[str, Any]]:
    """The declared fields of a result as plain dicts, in the order of declaration; what was not measured (None) is left out."""
    return {
        field.name: _metric(field, getattr(result, field.name))
        for field in dataclasses.fields(result)
        if "kind" in field.metadata and getattr(result, field.name) is not None
    }


def _metric(field: dataclasses.Field[Any], value: Any) -> dict[str, Any]:
    meaning = {key: said for key, said in field.metadata.items() if said not in ("", False)}
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
        meaning["values"] = [_plain(v) for v in value]
        for part in ("x", "null"):
            points = getattr(value, part, None)
            key = "at" if part == "x" else part
            meaning[key] = None if points is None else [_plain(v) for v in points]
    elif field.metadata["kind"] == "each":
        meaning["values"] = {str(name): _plain(v) for name, v in value.items()}
    else:
        meaning["values"] = [[_plain(v) for v in row] for row in value]
    return meaning


def _plain(value: float | int | None) -> float | int | None:
    """JSON knows neither nan nor infinity: both become null."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else None


def entry(
    of: str, result: Any, *, input: int = 0, settings: Mapping[str, Any] | None = None, verdict: Any = None
) -> dict[str, Any]:
    """One result of an answer: what it was measured `of`, under which settings, and the verdict, if there is one."""
    return {
        "of": of,
        "input": input,
        "title": (type(result).__doc__ or "").strip().splitlines()[0].rstrip("."),
        "settings": dict(settings or {}),
        "metrics": metrics(result),
        "verdict": None if verdict is None else dataclasses.asdict(verdict),
    }


def answer(
    command: str,
    results: Sequence[dict[str, Any]],
    *,
    argv: Sequence[str],
    version: str,
    inputs: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The one document of a command: printed by `--json`, kept in a run folder, drawn by every view."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "collapse", "version": version},
        "command": command,
        "argv": list(argv),
        "inputs": [dict(one) for one in inputs],
        "results": list(results),
        "warnings": list(warnings),
    }
