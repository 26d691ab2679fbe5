"""What a gate says of one input: its spaces with the verdicts on them, its checks, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collapse_cli.commands import checks
from collapse_cli.commands.checks import Baseline, Metric
from collapse_cli.commands.known import Known
from collapse_cli.commands.merging import space
from collapse_cli.commands.named import resolve
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import Gate, Requirement
from collapse_cli.results import entry

Entry = dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What is required; strict: dimensional collapse fails, and what the sample cannot decide."""

    requirements: Sequence[Requirement]
    baseline: Baseline | None
    strict: bool


@dataclass(frozen=True)
class Verdict:
    """What the checks of an input come to: passed, failed or inconclusive."""

    status: str
    sentence: str
    reasons: tuple[str, ...]


def judged(known: Known, name: str, number: int, terms: Terms) -> list[Entry]:
    """The entries of an input; the last says what its checks come to."""
    measured = checks.numbers(known)
    resolved = [replace(one, name=resolve(one.name, measured, name)) for one in terms.requirements]
    spaces = list(_spaces(known, name, number, {one.name for one in resolved}, terms.strict))
    required = {str(one): checks.required(one, measured[one.name]) for one in resolved}
    found = [_entry(name, number, "Requirements", required)] if required else []
    if terms.baseline:
        compared = checks.compared(measured, terms.baseline, name)
        said = {"baseline": terms.baseline.name, "tolerance": str(terms.baseline.tolerance)}
        found.append(
            _entry(name, number, f"Against {Path(terms.baseline.name).name}", compared) | {"settings": said}
        )
    for one in found:
        checks.settle(one["metrics"], checks.points(known), terms.strict)
    return [*spaces, *found, _ended(name, number, [*spaces, *found])]


def _spaces(one: Known, name: str, number: int, named: set[str], strict: bool) -> Iterator[Entry]:
    """An entry for each space: what its verdict is about, its sizes, what requirements name."""
    measured, said, about = checks.numbers(one), checks.verdicts(one), _headlines(one)
    for of in dict.fromkeys(key.rpartition(".")[2] for key in measured):
        shown = {
            key.removesuffix(f".{of}"): metric | {"label": metric["label"].removesuffix(f" · {of}")}
            for key, metric in measured.items()
            if key.endswith(f".{of}") and (key in named or key.removesuffix(f".{of}") in about)
        }
        verdict = None
        if of in said:
            verdict = said[of] | {"result": _result(said[of]["status"], of == list(said)[-1], strict)}
            verdict.pop("advice", None)  # stands in collapse diagnose
        if shown or verdict:
            yield _entry(f"{name} · {of}", number, "Spaces", shown, verdict)


def _headlines(one: Known) -> set[str]:
    """Names of the numbers that a verdict stands beside, and of those that chance depends on."""
    judged = [result for document in one.documents for result in document["results"] if result["verdict"]]
    return {
        key for result in judged for key, metric in result["metrics"].items() if metric.get("headline")
    } | {*checks.SIZES}


def _result(status: str, last: bool, strict: bool) -> str:
    """What a verdict means for the gate.

    One point fails always. Few dimensions fail where that is asked for: projections of good contrastive runs have them too.
    An inconclusive verdict on the last space, z where there is one, leaves the gate inconclusive; on h, which is often
    wider than there are pictures, it is a warning.
    """
    if status in ("healthy", "complete collapse"):
        return "pass" if status == "healthy" else "fail"
    if strict:
        return "fail"
    return "inconclusive" if status == "inconclusive" and last else "warn"


def _entry(
    of: str, number: int, title: str, metrics: dict[str, Metric], verdict: dict[str, Any] | None = None
) -> Entry:
    return {"of": of, "input": number, "title": title, "settings": {}, "metrics": metrics, "verdict": verdict}


def _ended(name: str, number: int, entries: Sequence[Entry]) -> Entry:
    """How many checks came to what, and the sentences of those that failed or could not be decided."""
    told = [*_of_verdicts(entries), *_of_numbers(entries)]
    if not told:
        raise CollapseError(f"{name}: nothing to check", "give --require or --baseline")
    counts = Counter(result for result, _ in told)
    gate = Gate(counts["pass"], counts["fail"], counts["inconclusive"], counts["warn"])
    reasons = [f"{result}: {sentence}" for result, sentence in told if result in ("fail", "inconclusive")]
    verdict = Verdict(*_sentence(counts, len(told)), tuple(sorted(reasons, key=_rank)))
    return entry(name, gate, input=number, verdict=verdict)


def _rank(reason: str) -> bool:
    """What fails stands before what is inconclusive."""
    return not reason.startswith("fail")


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
    for one in entries:
        if one["verdict"]:
            yield one["verdict"]["result"], f"{space(one)}: {one['verdict']['sentence']}"


def _of_numbers(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for one in entries:
        for metric in one["metrics"].values():
            if "required" in metric:
                yield metric["required"]["result"], metric["required"]["sentence"]
