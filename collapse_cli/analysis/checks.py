"""Checks of a gate: numbers by name and space, with what was required of them and what it came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collapse_cli.analysis import check_sentences as words
from collapse_cli.analysis import named
from collapse_cli.analysis.merging import NEAR, space_of
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.analysis.terms import Terms
from collapse_cli.errors import CollapseError
from collapse_cli.metric import Metric, Required, changed
from collapse_cli.metrics.bounds import Result, beside, judge, near_zero, no_worse, scaled, worst
from collapse_cli.metrics.requirements import Requirement, refuse_unfit
from collapse_cli.metrics.tolerances import Tolerance
from collapse_cli.views.words import figures

SIZES = ("samples", "dimensions")  # which decide the null
FIRST = ("fail", "inconclusive", "pass")  # in which order the checks of a kind stand
WITHOUT = "require a share of the null: effective_rank >= 50% of null"


@dataclass(frozen=True)
class Baseline:
    """What no number may be worse than: the name it was given by, and what is known of it."""

    name: str
    portrait: Portrait


def collapsed(portrait: Portrait) -> set[str]:
    """The spaces that have collapsed completely: their ranks are rounding noise's, their alignment good for nothing."""
    return {space for space, verdict in portrait.verdicts.items() if verdict.status == "complete collapse"}


def required(requirement: Requirement, metric: Metric, baseline: Baseline | None) -> Metric:
    """The number with what was required of it; its unit and convention stand with its space, for 10² reads as 100."""
    refuse_unfit(requirement, named.domain_of(metric))
    if requirement.of == "baseline" and baseline is not None:
        return _required_of_baseline(requirement, metric, baseline)
    if requirement.of == "null" and metric["null"] is None:
        raise CollapseError(f"'{requirement}': this number has no null", "require a number instead")
    multiple, null = requirement.multiple, metric["null"]
    bound = multiple * null if requirement.of == "null" else multiple
    origin = f"{requirement.amount} of the null {figures(null)}" if requirement.of == "null" else ""
    result = judge(requirement.relation, bound, metric["value"], metric["interval"])
    return _required(requirement, metric, bound, result, origin, words.STRADDLES)


def _required_of_baseline(requirement: Requirement, metric: Metric, baseline: Baseline) -> Metric:
    """Held against the same number of the baseline, which is measured too, and has an interval."""
    name, base_numbers = requirement.name, named.numbers(baseline.portrait)
    if space_of(name) in collapsed(baseline.portrait):
        raise CollapseError(
            f"'{requirement}': {space_of(name)} of the baseline {baseline.name} has collapsed completely",
            f"take a baseline that has not collapsed, or {WITHOUT}",
        )
    key = named.resolve(name, base_numbers, baseline.portrait, f"the baseline {baseline.name}")
    base = base_numbers[key]
    if base["value"] is None:
        raise CollapseError(f"'{requirement}': {key} of the baseline is no finite number", WITHOUT)
    bound = requirement.multiple * base["value"]
    around = scaled(base["interval"], requirement.multiple)
    result = beside(requirement.relation, bound, around, metric["value"], metric["interval"])
    origin, why = f"{requirement.amount} of the baseline's {figures(base['value'])}", words.IN_TOUCH
    if metric["convention"] != base["convention"]:
        result, why = "inconclusive", _otherwise(base)
    return _required(requirement, metric, bound, result, origin, why)


def _required(
    requirement: Requirement, metric: Metric, bound: float, result: Result, origin: str, why: str
) -> Metric:
    row = _check(
        str(requirement), requirement.name, metric, (requirement.relation, bound), result, origin, why
    )
    return changed(row, unit="", convention="")


def compared(measured: Mapping[str, Metric], baseline: Baseline, terms: Terms) -> dict[str, Metric]:
    """Every number of the baseline for which there is a better, or of these those that are asked for."""
    void = collapsed(baseline.portrait)
    comparable = {
        key: metric
        for key, metric in named.numbers(baseline.portrait).items()
        if metric.get("better") and metric["value"] is not None and space_of(key) not in void
    }
    chosen = {key: base for key, base in comparable.items() if not terms.only or _covers(terms.only, key)}
    if not comparable:
        raise CollapseError(
            f"{baseline.name} holds no number that could be better or worse",
            "take a run that has not collapsed, or the answer of collapse spectrum",
        )
    for name in terms.only:
        _refuse_uncompared("only", name, comparable, baseline)
    for name in terms.tolerances.by_name:
        _refuse_uncompared("tolerance", name, chosen, baseline)
    return {
        key: _beside(key, measured.get(key), base, terms.tolerances.of(key)) for key, base in chosen.items()
    }


def _covers(names: Sequence[str], key: str) -> bool:
    """Whether a number is named, in its space or in every one."""
    return key in names or key.rpartition(".")[0] in names


def _refuse_uncompared(term: str, name: str, compared: Mapping[str, Metric], baseline: Baseline) -> None:
    """Raises CollapseError where none of the numbers that are compared has this name."""
    if any(_covers([name], key) for key in compared):
        return
    held = named.numbers(baseline.portrait)
    keys = [key for key in held if _covers([name], key)]
    if keys and {space_of(key) for key in keys} <= collapsed(baseline.portrait):
        why, remedy = (
            f"its {space_of(keys[0])} has collapsed completely",
            "take a baseline that has not collapsed",
        )
    elif keys and not held[keys[0]].get("better"):
        why, remedy = (
            "this number is neither better high nor low",
            f"give it a bound: require {name} >= NUMBER",
        )
    elif keys:
        why, remedy = "it is not among those that are compared", "name it in 'only' too"
    else:
        why, remedy = "the baseline does not hold it", named.remedy(name, compared, baseline.portrait)
    raise CollapseError(f"{name} (in '{term}') cannot be compared with {baseline.name}: {why}", remedy)


def _beside(key: str, metric: Metric | None, base: Metric, allowed: Tolerance) -> Metric:
    """A number beside the baseline's; what was not measured, or by another convention, cannot be told."""
    silent = allowed.relative and near_zero(base["interval"])
    against = worst(base["better"], base["value"], Tolerance(0, False) if silent else allowed)
    change = "less" if base["better"] == "high" else "plus"
    origin = f"the baseline's {figures(base['value'])}" + (
        f"; so near 0 that {allowed} of it says nothing"
        if silent
        else f" {change} {allowed}"
        if allowed.number
        else ""
    )
    if metric is None:
        unknown = changed(base, value=None, interval=None)
        return _check(key, key, unknown, against, "inconclusive", origin, "it was not measured here")
    if metric["convention"] != base["convention"]:
        return _check(key, key, metric, against, "inconclusive", origin, _otherwise(base))
    ours, theirs = (metric["value"], metric["interval"]), (base["value"], base["interval"])
    result = no_worse(base["better"], allowed, *theirs, *ours)
    return _check(key, key, metric, against, result, origin, words.IN_TOUCH)


def _otherwise(base: Metric) -> str:
    return f"the baseline's is measured by another convention, {base['convention'] or 'an unnamed one'}"


def settled(rows: Mapping[str, Metric], void: set[str], strict: bool) -> dict[str, Metric]:
    """No number of a space that is one point passes, and nothing that is inconclusive where that is strict.

    Those that fail come first, then those that are inconclusive.
    """
    judged = {name: _settled(metric, void, strict) for name, metric in rows.items()}
    return dict(sorted(judged.items(), key=lambda row: FIRST.index(row[1]["required"]["result"])))


def _settled(metric: Metric, void: set[str], strict: bool) -> Metric:
    check = metric["required"]
    space, result, sentence = space_of(check["of"]), check["result"], check["sentence"]
    if space in void:
        sentence = f"{check['of']} is void: {space} has collapsed completely"
    if space in void or (strict and result == "inconclusive"):
        result = "fail"
    judged: Required = {**check, "result": result, "sentence": sentence}
    return changed(metric, required=judged)


def refuse_sizes(measured: Mapping[str, Metric], baseline: Baseline, subject: str) -> None:
    """Raises CollapseError for other N or D than the baseline's, with which the same value means another thing."""
    for key, base in named.numbers(baseline.portrait).items():
        size = key.partition(".")[0]
        here, there = measured[key]["value"] if key in measured else None, base["value"]
        if size not in SIZES or here is None or there is None:
            continue
        if abs(here - there) > (NEAR * there if size == "samples" else 0):
            raise CollapseError(
                f"{baseline.name} has {there} {size} in {space_of(key)}, {subject} has {here}: they cannot be compared",
                f"measure both alike, or {WITHOUT}",
            )


def _check(
    label: str, name: str, metric: Metric, against: tuple[str, float], result: Result, origin: str, why: str
) -> Metric:
    """A number as a check. Null and direction stand with its space; they would crowd the table out."""
    relation, bound = against
    why = words.NO_NUMBER if metric["value"] is None and why in (words.STRADDLES, words.IN_TOUCH) else why
    judged: Required = {
        "of": name,
        "relation": relation,
        "bound": bound,
        "result": result,
        "sentence": words.sentence(name, metric, relation, bound, result, origin, why),
    }
    return {
        "kind": metric["kind"], "help": metric["help"], "unit": metric["unit"], "convention": metric["convention"],
        "value": metric["value"], "interval": metric["interval"], "label": label, "null": None, "required": judged,
    }  # fmt: skip
