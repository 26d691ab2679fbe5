"""Is this representation as good as it must be? Every input measured as far as it is asked for, and judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from collapse_cli.analysis import catalogue, checks, coverage
from collapse_cli.analysis.checks import Baseline
from collapse_cli.analysis.gate import Terms, judged
from collapse_cli.analysis.inputs import Loaded, expanded, load, recognise
from collapse_cli.analysis.measured import requested
from collapse_cli.analysis.measurement import REMEDIES, Measurement
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.portrait import Portrait, Save, portrait
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics import requirements as texts
from collapse_cli.progress import Progress, silent
from collapse_cli.runs.project import TOLERANCE

GATE = "gate"  # the kind of the entry that says what the checks of an input come to


def check(
    inputs: Sequence[Loaded],
    measuring: Measuring,
    require: Sequence[str] = (),
    baseline: Loaded | None = None,
    tolerance: str = TOLERANCE,
    strict: bool = False,
    fresh: bool = False,
    progress: Progress = silent,
    save: Save | None = None,
) -> Answer:
    """Each input against `require`, as "effective_rank.h >= 20", and against a baseline that no number may be worse than.

    tolerance: by how much it may, as 5% or 0.1; strict: dimensional collapse and what is inconclusive fail too.
    """
    inputs = expanded(inputs, measuring)
    requirements = [texts.parse(text) for text in require]
    names = [requirement.name for requirement in requirements]
    if not any(_is_answer(given) for given in inputs):
        catalogue.refuse_unknown(names)
        _refuse_without_reference(names, baseline)
    worse, base = (
        texts.tolerance(tolerance),
        None,
    )  # what cannot be read is refused before anything is measured
    if baseline is not None:
        measured = portrait(baseline, replace(measuring, labels=""), _alone(names), fresh, progress, save)
        base = Baseline(_name(baseline), measured, worse)
    kinds = [each.command for each in base.portrait.answers] if base else []
    portraits = [
        portrait(given, measuring, _alone([*names, *kinds]), fresh, progress, save) for given in inputs
    ]
    portraits = [
        _beside(each, given, names, baseline, measuring)
        for each, given in zip(portraits, inputs, strict=True)
    ]
    terms = Terms(requirements, base, strict)
    entries = [
        entry
        for number, (each, given) in enumerate(zip(portraits, inputs, strict=True))
        for entry in judged(each, _title(given), number, terms)
    ]
    warnings = [line for each in portraits for line in each.warnings]
    warnings += _otherwise(portraits, base.portrait) if base else ()
    return answer("check", entries, [each.facts for each in portraits], warnings)


def status(checked: Answer) -> str:
    """`failed` where an input failed, else `inconclusive` where one is, else `passed`."""
    ended = {entry.status for entry in checked if entry.kind == GATE}
    return next((word for word in ("failed", "inconclusive") if word in ended), "passed")


def _alone(names: Sequence[str]) -> list[str]:
    """The measurements for these numbers that an input is enough for."""
    return [name for name in catalogue.wanted(names) if catalogue.CATALOGUE[name].needs != "reference"]


def _beside(
    measured: Portrait, given: Loaded, names: Sequence[str], baseline: Loaded | None, measuring: Measuring
) -> Portrait:
    """With what is required that holds the input against the baseline, as coverage does."""
    rows = _against_reference(names)
    if not rows or measured.saved or baseline is None:
        return measured
    subject, reference = (
        measured.subject or _loaded(given, measuring),
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


def _loaded(given: Loaded, measuring: Measuring) -> Subject:
    given = recognise(given, measuring.column) if isinstance(given, Path) else given
    return given if isinstance(given, Subject) else load(given, measuring)


def _is_answer(given: Loaded) -> bool:
    return isinstance(given, Path) and given.suffix == ".json"


def _name(given: Loaded) -> str:
    return str(given) if isinstance(given, Path) else given.name


def _title(given: Loaded) -> str:
    return given.name or str(given)


def _otherwise(portraits: Sequence[Portrait], base: Portrait) -> Iterator[str]:
    """Where the baseline has nothing to say, and what it was asked otherwise than an input."""
    for space in sorted(checks.collapsed(base)):
        yield f"the baseline's {space} is one point: its numbers are left out"
    there = base.facts.get("options", {})
    for each in portraits:
        here = each.facts.get("options", {})
        for name in here:
            if name != "labels" and name in there and here[name] != there[name]:
                said = f"the baseline was measured with {name} {there[name]!r}"
                yield f"{said}, {each.facts['path']} with {here[name]!r}"
