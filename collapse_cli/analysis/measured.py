"""Inputs -> the answer of one measurement: the same steps for every row of the catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from collapse_cli.analysis.described import described, following, options_typed
from collapse_cli.analysis.measurement import Measurement
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.runs.shell import quoted


def measured(row: Measurement, loaded: Sequence[Subject], warned: bool = True, **options: Any) -> Answer:
    """What a measurement says of subjects. options: its own; warned: with its remarks, beside the note on a sample."""
    entries: list[Entry] = []
    warnings = [line for subject in loaded for line in (subject.noted if row.streams else subject.sampled())]
    remarks: list[str] = []
    for number, subject in enumerate(loaded):
        measured_of = (row.spoken(entry.replace(input=number)) for entry in row.measure(subject, **options))
        of_subject = [with_assumption(entry, subject if row.grouped else None) for entry in measured_of]
        entries += of_subject
        remarks += row.remarks(subject, of_subject, **options) if warned else ()
    inputs = requested(loaded, row.measure, options)
    return answer(row.name, entries, inputs, [*warnings, *remarks], _next(row.name, loaded, entries))


def _next(command: str, loaded: Sequence[Subject], entries: Sequence[Entry]) -> list[str]:
    """Commands that are worth typing next: about a single input, or to hold several beside each other."""
    if len(loaded) == 1:
        return list(following(command, loaded[0], entries))
    if not all(subject.from_file for subject in loaded):
        return []
    paths = dict.fromkeys(quoted(subject.facts["path"]) for subject in loaded)
    return [" ".join(["collapse compare", *paths, *_options(loaded)])]


def _options(loaded: Sequence[Subject]) -> Iterator[str]:
    """Those of the first input; of one network on several data sets all of these."""
    several = dict.fromkeys(str(subject.facts["dataset"]) for subject in loaded if "dataset" in subject.facts)
    yield from options_typed(replace(loaded[0].measuring, dataset="") if several else loaded[0].measuring)
    yield from (f"--dataset {quoted(name)}" for name in several)


def with_assumption(entry: Entry, subject: Subject | None = None) -> Entry:
    """With what its intervals, if any, assume among the settings. subject: whose groups they leave out, if it has some."""
    if not any(metric.get("interval") for metric in entry.metrics.values()):
        return entry
    owner = None if subject is None else subject.groups
    by = "embeddings taken as independent" if owner is None else f"by {int(owner.max()) + 1:,} groups"
    return entry.replace(settings={**entry.settings, "intervals": f"95 %, {by}"})


def requested(
    loaded: Iterable[Subject], measure: Callable[..., Any], options: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Facts of each subject, with what was asked of it: the settings that decide, and options that are not the defaults."""
    usual = {name: parameter.default for name, parameter in inspect.signature(measure).parameters.items()}
    chosen = {name: value for name, value in options.items() if value != usual[name]}
    return [
        {
            **subject.facts,
            "described": described(subject),
            "options": {**subject.measuring.decisive, **chosen, "labels": subject.labelled},
        }
        for subject in loaded
    ]
