"""Checks of a gate: numbers as `merging.flat` names them, with what was required of them and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collapse_cli.commands.known import Known
from collapse_cli.commands.merging import NEAR, flat, space, without_interval
from collapse_cli.commands.named import whole
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import Requirement, Result, Tolerance, judge, no_worse, worst
from collapse_cli.views.words import figures, quantity

Metric = dict[str, Any]

SIZES = ("rows", "dimensions")  # which decide what chance gives
STRADDLES, NO_NUMBER = "the 95 % interval reaches across", "it is no finite number"


@dataclass(frozen=True)
class Baseline:
    """What no number may be worse than: the name it was given by, what is known of it, and by how much one may."""

    name: str
    known: Known
    tolerance: Tolerance

    @property
    def numbers(self) -> dict[str, Metric]:
        return numbers(self.known)


def numbers(one: Known) -> dict[str, Metric]:
    """By name and space; one answer alone has the names that it would have among all."""
    found = {key: metric for key, metric in flat(one.documents).items() if metric["kind"] == "number"}
    if len(one.documents) > 1:
        return found
    return {whole(key, one.documents[0]["command"]): metric for key, metric in found.items()}


def verdicts(one: Known) -> dict[str, dict[str, Any]]:
    """By space."""
    every = [result for document in one.documents for result in document["results"]]
    return {space(result): result["verdict"] for result in every if result["verdict"]}


def points(one: Known) -> set[str]:
    """The spaces that have collapsed completely: their ranks are rounding noise's, their alignment good for nothing."""
    return {of for of, said in verdicts(one).items() if said["status"] == "complete collapse"}


def required(one: Requirement, metric: Metric) -> Metric:
    """The number with what was required of it; its unit and convention stand with its space, for 10² reads as 100."""
    if one.of_null and metric["null"] is None:
        raise CollapseError(f"'{one}': nothing says what chance gives", "compare it with a number")
    bound = one.number * (metric["null"] if one.of_null else 1)
    result = judge(one.relation, bound, metric["value"], metric["interval"])
    row = _check(str(one), one.name, metric, one.relation, bound, result)
    return row | {"unit": "", "convention": ""}


def compared(measured: Mapping[str, Metric], baseline: Baseline, name: str) -> dict[str, Metric]:
    """Every number of the baseline for which there is a better."""
    _refuse_sizes(measured, baseline, name)
    chosen = {
        key: metric
        for key, metric in baseline.numbers.items()
        if metric.get("better") and metric["value"] is not None and _space(key) not in points(baseline.known)
    }
    if not chosen:
        raise CollapseError(
            f"{baseline.name} holds no number that could be better or worse",
            "take a run that has not collapsed, or the answer of collapse spectrum",
        )
    return {key: _beside(key, measured.get(key), base, baseline.tolerance) for key, base in chosen.items()}


def _beside(key: str, metric: Metric | None, base: Metric, allowed: Tolerance) -> Metric:
    """A number beside the baseline's; what was not measured, or by another convention, cannot be told."""
    relation, bound = worst(base["better"], base["value"], allowed)
    if metric is None:
        unknown = base | {"value": None, "interval": None}
        return _check(key, key, unknown, relation, bound, "inconclusive", "not measured here")
    if without_interval(metric["convention"]) != without_interval(base["convention"]):
        why = f"the baseline's convention is another, {base['convention']}"
        return _check(key, key, metric, relation, bound, "inconclusive", why)
    ours, theirs = (metric["value"], metric["interval"]), (base["value"], base["interval"])
    result = no_worse(base["better"], allowed, *theirs, *ours)
    return _check(key, key, metric, relation, bound, result)


def settle(rows: Mapping[str, Metric], points: set[str], strict: bool) -> None:
    """No number of a space that is one point passes, and nothing that is inconclusive where that is strict."""
    for required in (metric["required"] for metric in rows.values()):
        of = _space(required["of"])
        if of in points:
            required["sentence"] = f"{required['of']}: {of} is one point, its numbers are void"
        if of in points or (strict and required["result"] == "inconclusive"):
            required["result"] = "fail"


def _refuse_sizes(measured: Mapping[str, Metric], baseline: Baseline, name: str) -> None:
    """With other N or D the same value means another thing."""
    for key, base in baseline.numbers.items():
        size = key.partition(".")[0]
        here, there = measured.get(key, {}).get("value"), base["value"]
        if size not in SIZES or here is None or there is None:
            continue
        if abs(here - there) > (NEAR * there if size == "rows" else 0):
            raise CollapseError(
                f"{baseline.name} has {there} {size} in {_space(key)}, {name} has {here}: they cannot be compared",
                "measure both alike, or require a share of what chance gives: effective_rank >= 50% of null",
            )


def _space(key: str) -> str:
    return key.rpartition(".")[2]


def _check(
    label: str, name: str, metric: Metric, relation: str, bound: float, result: Result, why: str = ""
) -> Metric:
    """A number as a check. Chance and direction stand with its space; they would crowd the table out."""
    if result == "inconclusive" and not why:
        why = NO_NUMBER if metric["value"] is None else STRADDLES
    told = f"{name} is {quantity(metric)}, required {relation} {figures(bound)}"
    kept = {key: metric[key] for key in ("kind", "help", "unit", "convention", "value", "interval")}
    judged = {
        "of": name,
        "relation": relation,
        "bound": bound,
        "result": result,
        "sentence": f"{told}: {why}" if why else told,
    }
    return kept | {"label": label, "null": None, "required": judged}
