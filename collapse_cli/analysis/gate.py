"""What a gate says of one input: its spaces with the verdicts on them, its checks, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from collapse_cli.analysis import checks
from collapse_cli.analysis.checks import Baseline
from collapse_cli.analysis.merging import space_of
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.answers import Entry, Verdict, headline
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import Gate, Requirement
from collapse_cli.results import Metric, changed


@dataclass(frozen=True)
class Terms:
    """What is required; strict: dimensional collapse fails, and what the sample cannot decide."""

    requirements: Sequence[Requirement]
    baseline: Baseline | None
    strict: bool


def judged(portrait: Portrait, name: str, number: int, terms: Terms) -> list[Entry]:
    """The entries of an input; the last says what its checks come to."""
    measured, void = checks.numbers(portrait), checks.collapsed(portrait)
    resolved = [
        replace(requirement, name=checks.resolve(requirement.name, measured, portrait, name))
        for requirement in terms.requirements
    ]
    entries = list(_spaces(portrait, measured, name, {one.name for one in resolved}, terms.strict))
    if resolved:
        rows = {str(one): checks.required(one, measured[one.name]) for one in resolved}
        entries.append(
            Entry(
                name,
                checks.settled(rows, void, terms.strict),
                named_kind="requirements",
                named_title="Requirements",
            )
        )
    if terms.baseline:
        rows = checks.compared(measured, terms.baseline, name)
        entries.append(
            Entry(
                name,
                checks.settled(rows, void, terms.strict),
                settings={"baseline": terms.baseline.name, "tolerance": str(terms.baseline.tolerance)},
                named_kind="against_baseline",
                named_title=f"Against {Path(terms.baseline.name).name}",
            )
        )
    return [entry.replace(input=number) for entry in (*entries, _ended(name, entries))]


def _spaces(
    portrait: Portrait, measured: Mapping[str, Metric], name: str, required: set[str], strict: bool
) -> Iterator[Entry]:
    """An entry for each space: what its verdict is about, its sizes, what requirements name."""
    verdicts, headlines = portrait.verdicts, _headlines(portrait)
    for space in filter(None, dict.fromkeys(map(space_of, measured))):
        of_space = {
            key.removesuffix(f".{space}"): _unspaced(metric, space)
            for key, metric in measured.items()
            if space_of(key) == space
        }
        shown = {
            name: metric
            for name, metric in of_space.items()
            if f"{name}.{space}" in required or name in headlines
        }
        verdict = verdicts.get(space)
        if verdict is not None:
            statuses = {space: judged.status for space, judged in verdicts.items()}
            result = _result(verdict, space == headline(statuses), strict)
            verdict = replace(verdict, result=result, advice=())  # which stands in collapse diagnose
        if shown or verdict:
            yield Entry(name, shown, space, verdict=verdict, named_kind="spaces", named_title="Spaces")


def _unspaced(metric: Metric, space: str) -> Metric:
    return changed(metric, label=metric["label"].removesuffix(f" · {space}"))


def _headlines(portrait: Portrait) -> set[str]:
    """Names of the numbers that a verdict stands beside, and of those that the null depends on."""
    judged = [entry for entry in portrait.entries if entry.verdict]
    return {name for entry in judged for name, metric in entry.metrics.items() if metric.get("headline")} | {
        *checks.SIZES
    }


def _result(verdict: Verdict, judged_by: bool, strict: bool) -> str:
    """What a verdict means for the gate.

    Complete collapse fails always. Few dimensions fail where that is asked for, and where the input is judged by this space:
    projections of good runs have few. What no sample decides is inconclusive; strict, it fails, unless more may decide it.
    """
    if verdict.status == "complete collapse":
        return "fail"
    if strict and judged_by and verdict.borderline:
        return "inconclusive"
    if verdict.status == "healthy":
        return "pass"
    if verdict.status == "inconclusive":
        return "fail" if strict else "inconclusive"
    if not judged_by:
        return "warn" if strict else "pass"
    return "fail" if strict else "warn"


def _ended(name: str, entries: Sequence[Entry]) -> Entry:
    """How many checks came to what, and the sentences of those that failed or could not be decided."""
    results = [*_of_verdicts(entries), *_of_numbers(entries)]
    if not results:
        raise CollapseError(f"{name}: nothing to check", "give --require or --baseline")
    counts = Counter(result for result, _ in results)
    gate = Gate(counts["pass"], counts["fail"], counts["inconclusive"], counts["warn"])
    reasons = [
        f"{result}: {sentence}"
        for wanted in ("fail", "inconclusive")
        for result, sentence in results
        if result == wanted
    ]
    return Entry(name, gate, verdict=Verdict(*_sentence(counts, len(results)), tuple(reasons)))


def _sentence(counts: Mapping[str, int], number: int) -> tuple[str, str]:
    """Status and sentence: one check that fails fails the gate; else one that is undecided leaves it so."""
    every = f"{number} check{'s' if number > 1 else ''}"
    if counts["fail"]:
        return "failed", f"failed: {counts['fail']} of {every}"
    if counts["inconclusive"]:
        return (
            "inconclusive",
            f"inconclusive: {counts['inconclusive']} of {every} cannot be decided by this sample",
        )
    return "passed", f"passed: {every}" + (f", {counts['warn']} with a warning" if counts["warn"] else "")


def _of_verdicts(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.verdict:
            near = ", borderline" if entry.verdict.borderline else ""
            yield entry.verdict.result, f"{entry.space}{near}: {entry.verdict.sentence}"


def _of_numbers(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for metric in entry.metrics.values():
            if "required" in metric:
                yield metric["required"]["result"], metric["required"]["sentence"]
