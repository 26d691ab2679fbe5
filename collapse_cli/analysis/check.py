"""Is this representation as good as it must be? Every input measured as far as it is asked for, and judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from collapse_cli.analysis import catalogue, checks, coverage
from collapse_cli.analysis.checks import Baseline
from collapse_cli.analysis.described import options_typed
from collapse_cli.analysis.gate import judged
from collapse_cli.analysis.inputs import Loaded, expanded, load, recognise
from collapse_cli.analysis.measured import requested
from collapse_cli.analysis.measurement import REMEDIES, Measurement
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.named import refuse_unfit_early
from collapse_cli.analysis.portrait import Portrait, Save, portrait
from collapse_cli.analysis.subject import Subject
from collapse_cli.analysis.terms import Terms, read
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.progress import Progress, silent
from collapse_cli.runs.shell import quoted

GATE = "gate"  # the kind of the entry that says what the checks of an input come to


def check(
    inputs: Sequence[Loaded],
    measuring: Measuring,
    require: Sequence[str] = (),
    baseline: Loaded | None = None,
    only: Sequence[str] = (),
    tolerance: Sequence[str] = (),
    strict: bool = False,
    fresh: bool = False,
    progress: Progress = silent,
    save: Save | None = None,
    source: str = "",
) -> Answer:
    """Each input against `require`, as "effective_rank.h >= 20", and against a baseline that no number may be worse than.

    only: which numbers are compared with the baseline, all by default; tolerance: by how much they may be worse, as "5%" or
    "0.1", or of a number by name, as "effective_rank=2%". Where a requirement is a share of the baseline's number and neither is
    given, nothing else is compared. strict: dimensional collapse and what is inconclusive fail too. source: the file in which
    all of this is written, if it is one.
    """
    with concerning(source):
        terms = read(require, only, tolerance, strict, baseline is not None)
    inputs = expanded(inputs, measuring)
    with concerning(source):
        _refuse_unknown(terms, inputs, baseline)
    base = None
    if baseline is not None:
        alone = _alone([*terms.required, *terms.compared])
        measured = portrait(baseline, replace(measuring, labels=""), alone, fresh, progress, save)
        base = Baseline(_name(baseline), measured)
    kinds = [each.command for each in base.portrait.answers] if base else []
    alone = _alone([*terms.required, *kinds])
    portraits = [
        _beside(portrait(input, measuring, alone, fresh, progress, save), input, terms, baseline, measuring)
        for input in inputs
    ]
    entries = [
        entry
        for number, (each, input) in enumerate(zip(portraits, inputs, strict=True))
        for entry in judged(each, _title(input), number, terms, base)
    ]
    warnings = [line for each in portraits for line in each.warnings]
    warnings += _otherwise(portraits, base.portrait) if base else ()
    following = _next(entries, inputs, measuring)
    return answer("check", entries, [each.facts for each in portraits], warnings, following)


def _refuse_unknown(terms: Terms, inputs: Sequence[Loaded], baseline: Loaded | None) -> None:
    """Raises CollapseError for unknown names; a saved answer may hold numbers that are known to it alone."""
    if not any(_is_answer(input) for input in inputs):
        catalogue.refuse_unknown(terms.required)
        _refuse_without_reference(terms.required, baseline)
    if baseline is not None and not _is_answer(baseline):
        catalogue.refuse_unknown(terms.compared)
    for row in _against_reference(terms.compared):
        raise CollapseError(
            f"{row.name} holds an input against the baseline, and compares no two numbers",
            f"require it, as in: {row.numbers[0]} >= NUMBER",
        )
    refuse_unfit_early(terms.requirements)


def status(checked: Answer) -> str:
    """`failed` where an input failed, else `inconclusive` where one is, else `passed`."""
    ended = {entry.status for entry in checked if entry.kind == GATE}
    return next((word for word in ("failed", "inconclusive") if word in ended), "passed")


def _next(entries: Sequence[Entry], inputs: Sequence[Loaded], measuring: Measuring) -> list[str]:
    """What says more of the first input that has not passed, where that is still to be measured."""
    for entry in entries:
        input = inputs[entry.input]
        if entry.kind == GATE and entry.status != "passed" and not isinstance(input, Subject):
            command = ["collapse diagnose", quoted(_name(input)), *options_typed(measuring)]
            return [] if _is_answer(input) else [" ".join(command)]
    return []


def _alone(names: Sequence[str]) -> list[str]:
    """The measurements for these numbers that an input is enough for."""
    return [name for name in catalogue.wanted(names) if catalogue.CATALOGUE[name].needs != "reference"]


def _beside(
    measured: Portrait, input: Loaded, terms: Terms, baseline: Loaded | None, measuring: Measuring
) -> Portrait:
    """With what is required that holds the input against the baseline, as coverage does."""
    rows = _against_reference(terms.required)
    if not rows or measured.saved or baseline is None:
        return measured
    subject, reference = (
        measured.subject or _loaded(input, measuring),
        _loaded(baseline, replace(measuring, labels="")),
    )
    extra = [
        answer(
            row.name,
            list(row.measure(reference, subject)),
            requested([subject], row.measure, {}),
            coverage.doubts(reference, subject),
        )
        for row in rows
    ]
    return replace(measured, answers=[*measured.answers, *extra])


def _against_reference(names: Sequence[str]) -> list[Measurement]:
    """The measurements for these numbers that hold an input against a second set."""
    rows = [catalogue.CATALOGUE[name] for name in catalogue.wanted(names)]
    return [row for row in rows if row.needs == "reference"]


def _refuse_without_reference(names: Sequence[str], baseline: Loaded | None) -> None:
    """Raises CollapseError where such a second set is missing, or has been measured and is gone."""
    rows = _against_reference(names)
    if rows and baseline is None:
        raise CollapseError(f"{rows[0].name} needs more than the input", REMEDIES["reference"])
    if rows and baseline is not None and _is_answer(baseline):
        raise CollapseError(
            f"{rows[0].name} needs the embeddings of the baseline, {baseline} is an answer that was saved",
            "give the run, or the file of embeddings, that it was measured of",
        )


def _loaded(input: Loaded, measuring: Measuring) -> Subject:
    input = recognise(input, measuring.column) if isinstance(input, Path) else input
    return input if isinstance(input, Subject) else load(input, measuring)


def _is_answer(input: Loaded) -> bool:
    return isinstance(input, Path) and input.suffix == ".json"


def _name(input: Loaded) -> str:
    return str(input) if isinstance(input, Path) else input.name


def _title(input: Loaded) -> str:
    return input.name or str(input)


def _otherwise(portraits: Sequence[Portrait], base: Portrait) -> Iterator[str]:
    """Where the baseline has nothing to say, and what it was asked otherwise than an input."""
    for space in sorted(checks.collapsed(base)):
        yield f"the baseline's {space} has collapsed completely: its numbers are left out"
    there = base.facts.get("options", {})
    for each in portraits:
        here = each.facts.get("options", {})
        for name in here:
            if name != "labels" and name in there and here[name] != there[name]:
                sentence = f"the baseline was measured with {name} {there[name]!r}"
                yield f"{sentence}, {each.facts['path']} with {here[name]!r}"
