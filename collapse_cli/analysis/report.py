"""One page of everything measured on inputs: each thing once, the diagnosis first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from collapse_cli import data
from collapse_cli.analysis import catalogue
from collapse_cli.analysis.described import described
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.measurement import Measurement
from collapse_cli.analysis.subject import Subject
from collapse_cli.analysis.watch import sentences
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.history import diagnostics, history, matching
from collapse_cli.metrics.monitored import monitored
from collapse_cli.progress import counted
from collapse_cli.runs.monitor_file import MonitorFile
from collapse_cli.runs.monitor_lines import NAME

NAMED = 3  # inputs, up to which a title names them
LEFT_OUT = (
    "not on the page, since measured on another checkpoint or on other data: the saved answers of {}; to have them here, measure "
    "them with the same options"
)


def report(*subjects: Subject) -> list[Answer]:
    """The diagnosis, the portrait, and the course of the trainings where there were some, each of all inputs that allow it.

    What cannot be measured of an input is left out, and the diagnosis warns of it. Raises CollapseError where an input cannot be
    diagnosed.
    """
    diagnosis = measured(catalogue.measurement("diagnose"), subjects)
    refused: list[str] = []
    rows = [catalogue.measurement(name) for name in catalogue.portrait()]
    portrait = [_of_those_that_allow_it(row, subjects, refused) for row in counted(rows, "measurements")]
    course = _together("train", [each for each in map(_training, subjects) if each.entries])
    diagnosis = replace(diagnosis, warnings=(*diagnosis.warnings, *refused))
    return [diagnosis, *(each for each in (*portrait, course) if each.entries)]


def _of_those_that_allow_it(row: Measurement, subjects: Sequence[Subject], refused: list[str]) -> Answer:
    """Of all inputs in one answer; why it cannot be measured of an input is added to `refused`."""
    answers = []
    for subject in subjects:
        if row.possible_of(subject):
            try:
                answers.append(measured(row, [subject], warned=False))
            except CollapseError as error:
                about = "" if error.message.startswith(subject.name) else f"{subject.name}: "
                refused.append(f"the page has no {row.name.replace('_', ' ')}: {about}{error.message}")
    return _together(row.name, answers)


def _together(command: str, answers: Sequence[Answer]) -> Answer:
    """Answers about an input each, as one about all of them."""
    if len(answers) == 1:
        return answers[0]
    entries = [entry.replace(input=number) for number, each in enumerate(answers) for entry in each]
    warnings = dict.fromkeys(warning for each in answers for warning in each.warnings)
    return answer(command, entries, [each.inputs[0] for each in answers], list(warnings))


def _training(subject: Subject) -> Answer:
    """The course of the training by epoch and by step, what its monitor warned of, what the method watched, and how its
    negatives' weights changed.
    """
    lines, file = subject.history(), _monitor(subject)
    parts: list[tuple[str, Any]] = [(subject.name, history(lines))] if lines else []
    if file is not None and (looks := [look.fields for look in file.course.looks]):
        parts.append((subject.name, monitored(looks, file.course.chance_levels)))
    parts += [*diagnostics(lines).items(), *matching(lines).items()]
    warned = [] if file is None else sentences(file)
    return answer("train", [Entry(name, result) for name, result in parts], [dict(subject.facts)], warned)


def _monitor(subject: Subject) -> MonitorFile | None:
    """What the monitor of a run saw, up to the step of the checkpoint; None where there is no run folder."""
    if subject.record is None:
        return None
    file = MonitorFile(subject.record.folder / NAME)
    with suppress(OSError):
        file.read()
    if subject.checkpoint is not None:
        file.course.cut(subject.checkpoint.state.steps_done + 1)
    return file


def title(subjects: Sequence[Subject]) -> str:
    """What the page is about, in a few words."""
    (first, *others) = subjects
    if not others:
        run = first.checkpoint.run if first.checkpoint else None
        return f"{run.method} on {dataset(first)}" if run else first.name
    if len(subjects) > NAMED:
        return f"{len(subjects)} inputs"
    *names, last = _told_apart(subjects)
    return f"{', '.join(names)} and {last}"


def _told_apart(subjects: Sequence[Subject]) -> list[str]:
    """Their names; of files of one name in several folders, with the folder that each is in."""
    names = [subject.name for subject in subjects]
    longer = [f"{Path(str(each.facts['path'])).absolute().parent.name}/{each.name}" for each in subjects]
    return [
        long if names.count(name) > 1 and longer.count(long) == 1 else name
        for name, long in zip(names, longer, strict=True)
    ]


def intro(subjects: Sequence[Subject], shown: bool) -> str:
    """What each input is, in a paragraph each, and how images come to be shown where they are not. shown: as was asked for."""
    return "\n\n".join(_paragraphs(subjects, shown))


def _paragraphs(subjects: Sequence[Subject], shown: bool) -> Iterator[str]:
    for subject in subjects:
        yield f"{subject.facts['path']}: {described(subject)}"
    if any(subject.images is not None and not may_show(subject, shown) for subject in subjects):
        yield "Images are not shown, since this page is made to be shared; `collapse report --images` shows them."


def dataset(subject: Subject) -> str:
    """The data set whose images are measured; empty where that is not known."""
    trained_on = subject.checkpoint.run.training.dataset if subject.checkpoint else ""
    return subject.measuring.dataset or trained_on or subject.facts["path"].removeprefix("pixels:")


def may_show(subject: Subject, asked: bool) -> bool:
    """Whether its images stand on the page: those of the named data sets are public, others are the user's to show."""
    return subject.images is not None and (asked or dataset(subject) in data.NAMES)


def beside_saved(today: dict[str, Any], saved: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Today's documents by command, and those saved ones that were measured alike; the diagnosis warns of what is left out."""
    others = {each["command"]: each for each in saved if each["command"] not in today}
    facts = today["diagnose"]["inputs"][0]
    alike = {name: each for name, each in others.items() if _measured_alike(each, facts)}
    if lost := ", ".join(sorted(others.keys() - alike.keys())):
        today["diagnose"]["warnings"].append(LEFT_OUT.format(lost))
    return alike | today


def _measured_alike(document: dict[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a saved answer is of the checkpoint and the data of what was measured now, whose input has these facts."""
    saved = document["inputs"][0] if document["inputs"] else {}
    options = {name: value for name, value in facts.get("options", {}).items() if name != "labels"}
    same = all(saved.get("options", options).get(name) == value for name, value in options.items())
    return same and saved.get("sha256", facts.get("sha256")) == facts.get("sha256")


def in_order(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The diagnosis first, what else is of a portrait, then the others by name.

    The verdicts of the spectrum, which are the diagnosis's without its advice, are not said again.
    """
    first = ["diagnose", *catalogue.portrait()]
    ordered = sorted(documents, key=lambda document: [*first, document["command"]].index(document["command"]))
    return [unjudged(document) if document["command"] == "spectrum" else document for document in ordered]


def unjudged(document: dict[str, Any]) -> dict[str, Any]:
    """The same without its verdicts."""
    return document | {"results": [result | {"verdict": None} for result in document["results"]]}
