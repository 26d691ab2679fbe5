"""Results of runs that differ by their seed alone, as one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from statistics import mean
from typing import Any, TypeVar

from collapse_cli.values import Curve, Measured

Result = TypeVar("Result")


def over_seeds(results: Sequence[Result]) -> Result:
    """Numbers as the mean over the seeds, their interval the lowest and the highest; curves point by point.

    Curves on a logarithmic axis have the geometric mean. None where one seed has not got it. Matrices are not for this.
    """
    first: Any = results[0]
    fields = [field for field in dataclasses.fields(first) if "kind" in field.metadata]
    columns = {field: [getattr(result, field.name) for result in results] for field in fields}
    return type(results[0])(
        **{f.name: None if None in values else _over(f, values) for f, values in columns.items()}
    )


def _over(field: dataclasses.Field[Any], values: Sequence[Any]) -> Any:
    log = "y" in field.metadata.get("log", "")
    if field.metadata["kind"] == "number":
        return _number(values)
    if field.metadata["kind"] == "curve":
        return _curve(values, log)
    return {name: _curve([family[name] for family in values], log) for name in values[0]}


def _number(values: Sequence[float]) -> Measured:
    nulls = [null for null in (getattr(value, "null", None) for value in values) if null is not None]
    plain = [float(value) for value in values]
    interval = (min(plain), max(plain)) if len(plain) > 1 else None
    return Measured(mean(plain), null=mean(nulls) if nulls else None, interval=interval)


def _curve(curves: Sequence[Curve], log: bool) -> Curve:
    def over(part: str, log: bool) -> list[float] | None:
        every = [getattr(curve, part) for curve in curves]
        return None if None in every else [_middle(at, log) for at in zip(*every, strict=True)]

    values = [_middle(at, log) for at in zip(*curves, strict=True)]
    return Curve(values, over("x", log=False), over("null", log))


def _middle(values: Sequence[float], log: bool) -> float:
    if not log:
        return mean(values)
    return math.exp(mean(map(math.log, values))) if min(values) > 0 else 0.0
