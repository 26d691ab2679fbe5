"""Checks of a gate: numbers by name and space, with what was required of them and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collapse_cli.analysis import catalogue
from collapse_cli.analysis.measurement import REMEDIES
from collapse_cli.analysis.merging import NEAR, by_name, space_of
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.metrics.requirements import Requirement, Result, Tolerance, judge, no_worse, worst
from collapse_cli.results import Metric, Required, changed
from collapse_cli.views.words import figures, quantity

SIZES = ("samples", "dimensions")  # which decide the null
SPACES = ("z", "h", "head")  # what a name without a space means: the first of these that has it
STRADDLES, NO_NUMBER = "the 95 % interval reaches across", "it is no finite number"


@dataclass(frozen=True)
class Baseline:
    """What no number may be worse than: the name it was given by, what is known of it, and by how much one may."""

    name: str
    portrait: Portrait
    tolerance: Tolerance


def numbers(portrait: Portrait) -> dict[str, Metric]:
    """By name and space; one answer alone has the names that it would have among all."""
    every = {key: m for key, m in by_name(portrait.answers).items() if m["kind"] == "number"}
    if len(portrait.answers) > 1:
        return every
    return {_among_all(key, portrait.answers[0].command): metric for key, metric in every.items()}


def _among_all(key: str, command: str) -> str:
    """`std_sqrt_d.z` of an answer of alignment alone -> `alignment.std_sqrt_d.z`, its name beside the other answers."""
    owner = catalogue.owners().get(key.rpartition(".")[0], command)
    return key if owner == command or command not in catalogue.CATALOGUE else f"{command}.{key}"


def collapsed(portrait: Portrait) -> set[str]:
    """The spaces that have collapsed completely: their ranks are rounding noise's, their alignment good for nothing."""
    return {space for space, verdict in portrait.verdicts.items() if verdict.status == "complete collapse"}


def resolve(name: str, measured: Mapping[str, Metric], portrait: Portrait, subject: str) -> str:
    """`effective_rank` -> `effective_rank.z`, as `numbers` names it; raises CollapseError for what is not there."""
    for key in (name, *(f"{name}.{space}" for space in SPACES)):
        if key in measured:
            return key
    message = f"{subject}: {name} is not among what was measured"
    raise CollapseError(message, _remedy(name, measured, portrait))


def _remedy(name: str, measured: Mapping[str, Metric], portrait: Portrait) -> str:
    """What it needs; a name that is measured in another space needs only to be typed anew."""
    if portrait.saved:
        return f"a saved answer holds what its own command measured: {', '.join(measured)}"
    present = {key.split(".")[-2] for key in measured if "." in key}
    owners = catalogue.owners()
    parts = [part for part in name.split(".") if part in owners and part not in present]
    for part in parts:
        need = catalogue.CATALOGUE[owners[part]].needs
        if need or owners[part] == "alignment":
            return REMEDIES[need or "views"]
    return nearest(name, list(measured))


def required(requirement: Requirement, metric: Metric) -> Metric:
    """The number with what was required of it; its unit and convention stand with its space, for 10² reads as 100."""
    if requirement.of_null and metric["null"] is None:
        raise CollapseError(f"'{requirement}': nothing says what chance gives", "compare it with a number")
    bound = requirement.number * (metric["null"] if requirement.of_null else 1)
    result = judge(requirement.relation, bound, metric["value"], metric["interval"])
    row = _check(str(requirement), requirement.name, metric, requirement.relation, bound, result)
    return changed(row, unit="", convention="")


def compared(measured: Mapping[str, Metric], baseline: Baseline, subject: str) -> dict[str, Metric]:
    """Every number of the baseline for which there is a better."""
    base_numbers = numbers(baseline.portrait)
    _refuse_sizes(measured, base_numbers, baseline.name, subject)
    void = collapsed(baseline.portrait)
    chosen = {
        key: metric
        for key, metric in base_numbers.items()
        if metric.get("better") and metric["value"] is not None and space_of(key) not in void
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
        unknown = changed(base, value=None, interval=None)
        return _check(key, key, unknown, relation, bound, "inconclusive", "not measured here")
    if metric["convention"] != base["convention"]:
        why = f"the baseline's convention is another, {base['convention']}"
        return _check(key, key, metric, relation, bound, "inconclusive", why)
    ours, theirs = (metric["value"], metric["interval"]), (base["value"], base["interval"])
    result = no_worse(base["better"], allowed, *theirs, *ours)
    return _check(key, key, metric, relation, bound, result)


def settled(rows: Mapping[str, Metric], void: set[str], strict: bool) -> dict[str, Metric]:
    """No number of a space that is one point passes, and nothing that is inconclusive where that is strict."""
    return {name: _settled(metric, void, strict) for name, metric in rows.items()}


def _settled(metric: Metric, void: set[str], strict: bool) -> Metric:
    check = metric["required"]
    space, result, sentence = space_of(check["of"]), check["result"], check["sentence"]
    if space in void:
        sentence = f"{check['of']}: {space} is one point, its numbers are void"
    if space in void or (strict and result == "inconclusive"):
        result = "fail"
    judged: Required = {**check, "result": result, "sentence": sentence}
    return changed(metric, required=judged)


def _refuse_sizes(
    measured: Mapping[str, Metric], base_numbers: Mapping[str, Metric], name: str, subject: str
) -> None:
    """With other N or D the same value means another thing."""
    for key, base in base_numbers.items():
        size = key.partition(".")[0]
        here, there = measured[key]["value"] if key in measured else None, base["value"]
        if size not in SIZES or here is None or there is None:
            continue
        if abs(here - there) > (NEAR * there if size == "samples" else 0):
            raise CollapseError(
                f"{name} has {there} {size} in {space_of(key)}, {subject} has {here}: they cannot be compared",
                "measure both alike, or require a share of what chance gives: effective_rank >= 50% of null",
            )


def _check(
    label: str, name: str, metric: Metric, relation: str, bound: float, result: Result, why: str = ""
) -> Metric:
    """A number as a check. Null and direction stand with its space; they would crowd the table out."""
    if result == "inconclusive" and not why:
        why = NO_NUMBER if metric["value"] is None else STRADDLES
    told = f"{name} is {quantity(metric)}, required {relation} {figures(bound)}"
    judged: Required = {
        "of": name,
        "relation": relation,
        "bound": bound,
        "result": result,
        "sentence": f"{told}: {why}" if why else told,
    }
    return {
        "kind": metric["kind"], "help": metric["help"], "unit": metric["unit"], "convention": metric["convention"],
        "value": metric["value"], "interval": metric["interval"], "label": label, "null": None, "required": judged,
    }  # fmt: skip
