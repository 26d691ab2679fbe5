"""What a gate says of one input: its spaces with the verdicts on them, its checks, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from collapse_cli.analysis import checks, named
from collapse_cli.analysis.check_sentences import of_verdict
from collapse_cli.analysis.checks import Baseline
from collapse_cli.analysis.merging import space_of
from collapse_cli.analysis.portrait import Portrait
from collapse_cli.analysis.terms import Terms
from collapse_cli.answers import Entry, Verdict, headline
from collapse_cli.errors import CollapseError
from collapse_cli.metric import Metric, changed
from collapse_cli.metrics.requirements import Gate, Requirement


def judged(
    portrait: Portrait, name: str, number: int, terms: Terms, baseline: Baseline | None
) -> list[Entry]:
    """The entries of an input: what its checks come to, the checks of numbers, its spaces with the verdicts on them."""
    measured, void = named.numbers(portrait), checks.collapsed(portrait)
    if baseline:
        checks.refuse_sizes(measured, baseline, name)
    spaces, entries = list(_spaces(portrait, measured, name, terms.strict)), []
    notes: list[str] = []
    if terms.requirements:
        resolved = [
            replace(requirement, name=named.resolve(requirement.name, measured, portrait, name))
            for requirement in terms.requirements
        ]
        notes = list(_meant(terms.requirements, resolved, measured))
        rows = {str(each): checks.required(each, measured[each.name], baseline) for each in resolved}
        settled = checks.settled(rows, void, terms.strict)
        entries.append(Entry(name, settled, named_kind="requirements", named_title="Requirements"))
    if baseline and terms.compares:
        rows = checks.settled(checks.compared(measured, baseline, terms), void, terms.strict)
        entries.append(_against(name, rows, baseline, terms))
    ended = _ended(name, [*spaces, *entries], notes)
    return [entry.replace(input=number) for entry in (ended, *entries, *spaces)]


def _meant(
    typed: Sequence[Requirement], resolved: Sequence[Requirement], measured: Mapping[str, Metric]
) -> Iterator[str]:
    """Which space a name without one was taken for, where there are several."""
    for before, after in zip(typed, resolved, strict=True):
        others = [key for key in measured if key.rpartition(".")[0] == before.name and key != after.name]
        if after.name != before.name and others:
            yield f"{before.name} means {after.name} here; {' and '.join(others)} can be required, too."


def _against(name: str, rows: Mapping[str, Metric], baseline: Baseline, terms: Terms) -> Entry:
    """The comparison with a baseline; settings say what was compared."""
    only = {"only": ", ".join(terms.only)} if terms.only else {}
    return Entry(
        name,
        rows,
        settings={"baseline": baseline.name, "tolerance": str(terms.tolerances), **only},
        named_kind="against_baseline",
        named_title=f"Against {Path(baseline.name).name}",
    )


def _spaces(portrait: Portrait, measured: Mapping[str, Metric], name: str, strict: bool) -> Iterator[Entry]:
    """An entry for each space: everything that was measured of it, which a later gate can compare, and its verdict."""
    verdicts = portrait.verdicts
    for space in filter(None, dict.fromkeys(map(space_of, measured))):
        of_space = {
            key.removesuffix(f".{space}"): _unspaced(metric, space)
            for key, metric in measured.items()
            if space_of(key) == space
        }
        verdict = verdicts.get(space)
        if verdict is not None:
            statuses = {space: judged.status for space, judged in verdicts.items()}
            result = _result(verdict, space == headline(statuses), strict)
            verdict = replace(verdict, result=result, advice=())  # which stands in collapse diagnose
        yield Entry(name, of_space, space, verdict=verdict, named_kind="spaces", named_title="Spaces")


def _unspaced(metric: Metric, space: str) -> Metric:
    return changed(metric, label=metric["label"].removesuffix(f" · {space}"))


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


def _ended(name: str, entries: Sequence[Entry], notes: Sequence[str] = ()) -> Entry:
    """How many checks came to what, and the sentences of those that failed or could not be decided, those that failed first.
    notes: how the checks were understood."""
    results = [*_of_verdicts(entries), *_of_numbers(entries)]
    if not results:
        raise CollapseError(f"{name}: nothing to check", "give --require or --baseline")
    counts = Counter(result for result, _ in results)
    gate = Gate(counts["pass"], counts["fail"], counts["inconclusive"], counts["warn"])
    reasons = [
        f"{result}: {sentence}"
        for outcome in ("fail", "inconclusive", "warn")
        for result, sentence in results
        if result == outcome
    ]
    findings = (*reasons, *notes, *_notes(entries))
    ended = Verdict(*_sentence(counts, len(results)), tuple(reasons), findings=findings)
    warning = _warning(entries) if ended.status == "passed" else ""
    return Entry(name, gate, verdict=replace(ended, warning=warning))


def _warning(entries: Sequence[Entry]) -> str:
    """The statuses that pass with a warning alone."""
    warned = (entry.status for entry in entries if entry.verdict and entry.verdict.result == "warn")
    return ", ".join(dict.fromkeys(warned))


def _notes(entries: Sequence[Entry]) -> Iterator[str]:
    """What a verdict that passes says besides: that many embeddings are copies, an offset, that it is borderline."""
    for entry in entries:
        if entry.verdict is None or entry.verdict.result != "pass":
            continue
        if entry.verdict.borderline:
            yield f"{entry.space}: {entry.verdict.status}, borderline. {entry.verdict.sentence}"
        elif entry.verdict.lead:
            yield f"{entry.space}: {entry.verdict.lead}"
        yield from (f"{entry.space}: {finding}" for finding in entry.verdict.findings)


def _sentence(counts: Mapping[str, int], number: int) -> tuple[str, str]:
    """Status and sentence: one check that fails fails the gate; else one that is undecided leaves it so."""
    every = f"{number} check{'s' if number > 1 else ''}"
    passed = [f"{counts['pass']} passed"] if counts["pass"] else []
    warned = [f"{counts['warn']} with a warning"] if counts["warn"] else []
    if counts["fail"]:
        undecided = [f"{counts['inconclusive']} undecided"] if counts["inconclusive"] else []
        return "failed", _joined(f"{counts['fail']} of {every} failed", *undecided, *passed, *warned)
    if counts["inconclusive"]:
        lacking = f"{counts['inconclusive']} of {every} could not be decided"
        return "inconclusive", _joined(lacking, *passed, *warned)
    return "passed", _joined(f"{every} passed", *warned)


def _joined(*parts: str) -> str:
    return f"{', '.join(parts)}."


def _of_verdicts(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.verdict:
            yield entry.verdict.result, of_verdict(entry.space, entry.verdict)


def _of_numbers(entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        for metric in entry.metrics.values():
            if "required" in metric:
                yield metric["required"]["result"], metric["required"]["sentence"]
