"""One page of everything measured on a run: each thing once, the diagnosis first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collapse_cli.analysis import catalogue
from collapse_cli.analysis.measured import measured
from collapse_cli.analysis.portrait import of_subject
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry, answer
from collapse_cli.metrics.history import diagnostics, history, matching


def report(subject: Subject) -> list[Answer]:
    """The diagnosis, the portrait, and the course of the training where there was one."""
    portrait = list(of_subject(subject, catalogue.portrait()).answers)
    training = _training(subject)
    course = [answer("train", training, portrait[0].inputs)] if training else []
    return [measured(catalogue.measurement("diagnose"), [subject]), *portrait, *course]


def _training(subject: Subject) -> list[Entry]:
    """The course of the training, what the method watched, and how its negatives' weights changed, once there is one."""
    lines = subject.history()
    if not lines:
        return []
    parts: list[tuple[str, Any]] = [(subject.name, history(lines))]
    parts += [*diagnostics(lines).items(), *matching(lines).items()]
    return [Entry(name, result) for name, result in parts]


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
