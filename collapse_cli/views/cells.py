"""What stands in a cell of a table: a value with its interval behind its mark, and its null beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collapse_cli.figures import NONE, beside, written
from collapse_cli.views.document import Metric
from collapse_cli.views.words import BEST, RESULTS, figures, quantity

NEAR = 0.02  # relative: nulls that differ less are one
BETWEEN = " / "  # the numbers of one row
Numbers = Sequence[Metric]


@dataclass(frozen=True)
class Cell:
    """A value, behind its mark where it is best, and beside it its null. number: the value itself, where it is one alone."""

    value: str = ""
    null: str = ""
    strong: bool = False
    number: float | None = None


def cell(numbers: Sequence[Metric | None], named: bool, once: bool = False) -> Cell:
    """One number, or several that share a row, of one result. named: the null says its name; once: all are equal."""
    measured = [metric for metric in numbers if metric is not None]
    if not measured:
        return Cell(NONE)
    if len(numbers) > 1:
        values = [NONE if metric is None else written(metric["value"]) for metric in numbers]
        return Cell(values[0] if once else BETWEEN.join(values), _null(measured, named))
    (metric,) = measured
    if "required" in metric:
        return _checked(metric)
    best, agree = metric.get("best"), metric.get("agree")
    value = f"{BEST[best][0]} {quantity(metric)}" if best else quantity(metric)
    return Cell(
        value,
        f"{agree[0]}/{agree[1]}" if agree else _null(measured, named),
        best is not None,
        metric["value"],
    )


def _null(numbers: Numbers, named: bool) -> str:
    """In brackets; empty where one of the numbers has none."""
    if any(metric.get("null") is None for metric in numbers):
        return ""
    name = numbers[0].get("null_is", "null") + " " if named else ""
    return f"({name}{BETWEEN.join(_beside(metric['null'], [metric]) for metric in numbers)})"


def _checked(metric: Metric) -> Cell:
    """What a check came to and the value, beside it the bound."""
    required = metric["required"]
    bound = f"({required['relation']} {figures(required['bound'])})"
    failed = required["result"] == "fail"
    return Cell(f"{RESULTS[required['result']]}  {quantity(metric)}", bound, failed, metric["value"])


def nulls(numbers: Numbers) -> tuple[float, ...]:
    """The nulls that several results have for one number, from the least to the largest."""
    return tuple(sorted({metric["null"] for metric in numbers if metric.get("null") is not None}))


def near(values: Sequence[float]) -> bool:
    """Whether these nulls, in order, are nearly one."""
    return not values or values[-1] - values[0] <= NEAR * max(map(abs, values))


def shared(row: Sequence[Numbers]) -> str:
    """The null of a row for all results that measured its numbers: one value of each, or both ends; empty where there is none."""
    ends = [_ends(numbers) for numbers in row]
    return f"({BETWEEN.join(ends)})" if all(ends) else ""


def _ends(numbers: Numbers) -> str:
    values = nulls(numbers)
    chosen = values[:1] if near(values) else (values[0], values[-1])
    return " … ".join(_beside(null, numbers) for null in chosen)


def _beside(null: float, numbers: Numbers) -> str:
    """As fine as it is beside the coarsest of these numbers."""
    texts = (beside(null, metric["value"], metric.get("interval")) for metric in numbers)
    return min(texts, key=len)
