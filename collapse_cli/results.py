"""Results are dataclasses whose fields say what they mean; everything seen is made from the declaration.

    @dataclass(frozen=True)
    class Alignment:
        '''Alignment and uniformity.'''
        alignment: float = number("mean ||u - u'||^alpha over positive pairs", unit="squared distance")

`metric.metrics(result)` turns such an object into plain dicts, which `answers.Entry` carries to every view. How tables show
its numbers, a result type may declare as its `TABLE`, a `layout.Table`.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal


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
    return _field("number", default, help, label, unit=unit, convention=convention, null_is=null,
                  headline=headline, axis=axis, better=better, interval_is=interval, **_ends(low, high))  # fmt: skip


def curve(
    help: str,
    x: str,
    y: str = "",
    log: str = "",
    label: str = "",
    null: str = "",
    sketch: bool = False,
    dots: bool = False,
    apart: Literal["", "dimensions", "result"] = "",
    low: float | None = None,
    high: float | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a `Curve`. x, y: names of the axes; log: `y`, `x` or `xy`; sketch: drawn in the terminal.

    dots: its points are in no order, and are not joined. apart: which results do not share axes: those of other `dimensions`,
    where x counts directions, or every `result`. low, high: the least and the most that y can be, where there is such a value.
    """
    return _field("curve", default, help, label, x=x, y=y, log=log, null_is=null, sketch=sketch, dots=dots,
                  apart=apart, **_ends(low, high))  # fmt: skip


def lines(
    help: str,
    of: str,
    x: str,
    y: str = "",
    log: str = "",
    label: str = "",
    low: float | None = None,
    high: float | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a mapping name -> `Curve`: a family of curves, one for each `of` (a direction, a layer), in order.

    low, high: the least and the most that y can be.
    """
    return _field("lines", default, help, label, of=of, x=x, y=y, log=log, **_ends(low, high))


def each(
    help: str,
    of: str,
    unit: str = "",
    label: str = "",
    null: str = "",
    low: float | None = None,
    high: float | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a mapping name -> float: one number for each `of` (a class, a layer), from `low` to `high` at most.

    Values that are `Measured` hand on their null and interval. null: what the null is.
    """
    return _field("each", default, help, label, of=of, unit=unit, null_is=null, **_ends(low, high))


def matrix(
    help: str,
    rows: str,
    columns: str,
    label: str = "",
    low: float | None = None,
    high: float | None = None,
    default: Any = dataclasses.MISSING,
) -> Any:
    """A field holding a tuple of rows of floats, or a `Matrix`, which names them. low, high: the ends of its colours, which
    reach farther where values do."""
    return _field("matrix", default, help, label, rows=rows, columns=columns, **_ends(low, high))


def frames(help: str, at: str, label: str = "", default: Any = dataclasses.MISSING) -> Any:
    """A field holding `Frames`. at: what passes from one to the next (epoch, step)."""
    return _field("frames", default, help, label, x=at)


def _ends(low: float | None, high: float | None) -> dict[str, float]:
    return {end: value for end, value in (("low", low), ("high", high)) if value is not None}


def _field(kind: str, default: Any, help: str, label: str, **meaning: Any) -> Any:
    return dataclasses.field(
        default=default, metadata={"kind": kind, "help": help, "label": label, **meaning}
    )
