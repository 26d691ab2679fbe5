"""One input, and all that is known of it: read from a saved answer or its run folder, else measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli.analysis import catalogue
from collapse_cli.analysis.inputs import Kind, Loaded, Recognised, load, recognise
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, Verdict, version
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, counted, silent
from collapse_cli.runs import saved_answers
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run

Save = Callable[[Record, Answer], bool]
FACTS_OF_SAVED = {"measured": "path", "epoch": "epoch", "method": "method", "options": "options"}


@dataclass(frozen=True)
class Portrait:
    """One input: facts for the JSON's `inputs`, the answers about it alone, and its run's settings, if we trained it.

    saved: it is an answer that was saved, of which nothing more can be measured; subject: what was measured, if anything was.
    """

    facts: Mapping[str, Any]
    answers: Sequence[Answer]
    run: Run | None = None
    saved: bool = False
    subject: Subject | None = None

    @property
    def entries(self) -> list[Entry]:
        return [entry for answer in self.answers for entry in answer]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """On each space that has one."""
        return {space: verdict for answer in self.answers for space, verdict in answer.verdicts().items()}

    @property
    def warnings(self) -> list[str]:
        """What its answers warn of, each said once, with the commands whose answers they are if these are not all."""
        commands: dict[str, list[str]] = {}
        for answer in self.answers:
            for warning in answer.warnings:
                commands.setdefault(warning, []).append(answer.command)
        return [
            warning if len(names) == len(self.answers) else f"{', '.join(names)}: {warning}"
            for warning, names in commands.items()
        ]


def portrait(
    input: Loaded,
    measuring: Measuring,
    names: Sequence[str] = (),
    fresh: bool = False,
    progress: Progress = silent,
    save: Save | None = None,
) -> Portrait:
    """Read from its run folder where that holds all measurements `names`, else measured, and saved there.

    names: of the catalogue, those that every portrait has where there are none; what an input does not allow is left out.
    fresh: measured again in any case; save: (run folder, answer) -> whether it could be saved.
    """
    names = names or catalogue.portrait()
    if isinstance(input, Subject):
        return of_subject(input, names)
    recognised = recognise(input, measuring.column) if isinstance(input, Path) else input
    path = recognised.path
    if recognised.kind is Kind.ANSWER:
        return _saved(recognised, progress)
    stored = [] if fresh else complete(stored_answers(recognised, measuring), names)
    if stored:
        progress(f"{path}: read from {path / 'results'}, as measured before; --fresh measures again")
        facts = {**stored[0].inputs[0], "path": str(path)}
        return Portrait(facts, stored, Record(path).settings())
    subject = load(recognised, measuring, progress)
    measured = of_subject(subject, names)
    record = subject.record
    done = (
        record is not None and save is not None and all(save(record, answer) for answer in measured.answers)
    )
    progress(f"{path}: measured" + (f", saved in {record.folder / 'results'}" if record and done else ""))
    return measured


def of_subject(subject: Subject, names: Sequence[str], **options: Mapping[str, Any]) -> Portrait:
    """Measured, as far as the subject has what each measurement needs. options: of a measurement, by its name."""
    rows = [catalogue.measurement(name) for name in names]
    answers = [
        measured(row, [subject], warned=False, **options.get(row.name, {}))
        for row in counted([row for row in rows if row.possible_of(subject)], "measurements")
    ]
    return Portrait(answers[0].inputs[0], answers, _run(subject), subject=subject)


def _saved(recognised: Recognised, progress: Progress) -> Portrait:
    """An answer by itself: what it was measured of stands among its facts, and need not be here any more."""
    path, answer = recognised.path, saved_answers.read(recognised.path)
    of = answer.inputs[answer.entries[0].input] if answer.inputs else {}
    layout = f"answer of collapse {answer.command}"
    progress(f"{path}: {layout}{' about ' + str(of['path']) if 'path' in of else ''}")
    facts = {name: of[key] for name, key in FACTS_OF_SAVED.items() if key in of}
    identity = {"path": str(path), "sha256": recognised.source.sha256, "layout": layout}
    return Portrait(identity | facts, [answer], saved=True)


def stored_answers(recognised: Recognised, measuring: Measuring) -> list[Answer]:
    """The answers in a run folder about its checkpoint as it is now, measured in the same way, by this version."""
    if recognised.kind is not Kind.RUN:
        return []
    documents = saved_answers.documents(Record(recognised.path))
    here = [document for document in documents if document["tool"]["version"] == version()]
    if not here:
        return []
    record, digest = Record(recognised.path), recognised.source.sha256
    measuring = _settled(measuring, record)
    typed = [saved_answers.typed(document) for document in here]
    return [
        answer
        for answer in typed
        if answer.inputs and _same(answer.inputs[0], digest, measuring) and _as_far(answer.inputs[0], record)
    ]


def _settled(measuring: Measuring, record: Record) -> Measuring:
    """With the split that `auto` means for this run, whose settings may be missing."""
    trained_on = ""
    with suppress(CollapseError):
        trained_on = record.settings().training.dataset
    return measuring.settled(measuring.dataset or trained_on, trained_on)


def _as_far(facts: Mapping[str, Any], record: Record) -> bool:
    """Whether the run is still as it was when it was measured: not failed since, and no more epochs are planned."""
    stage_measured = {"status": facts.get("status"), "epochs": facts.get("epochs")}
    now = record.stage(facts.get("epoch", 0), facts.get("epochs", 0))
    return stage_measured == {"status": now.status, "epochs": now.planned}


def _same(facts: Mapping[str, Any], digest: str, measuring: Measuring) -> bool:
    options = {name: value for name, value in facts.get("options", {}).items() if name != "labels"}
    return facts.get("sha256") == digest and options == measuring.decisive


def complete(stored: Sequence[Answer], names: Sequence[str]) -> list[Answer]:
    """Those answers about one input that are wanted of its portrait, in order; none where one is missing."""
    by_command = {answer.command: answer for answer in stored}
    labels = any(answer.inputs[0].get("options", {}).get("labels") for answer in stored)
    expected = [name for name in names if labels or catalogue.measurement(name).needs != "labels"]
    return [by_command[name] for name in expected] if set(expected) <= set(by_command) else []


def _run(subject: Subject) -> Run | None:
    """The settings of a run folder as they are written there, or those of a checkpoint."""
    if subject.record:
        return subject.record.settings()
    return subject.checkpoint.run if subject.checkpoint else None
