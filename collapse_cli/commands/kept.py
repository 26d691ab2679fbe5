"""Answers that a run folder keeps, and whether they are those that would be measured now."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from collapse_cli.commands.answers import version
from collapse_cli.commands.options import Measuring
from collapse_cli.commands.subject import Subject
from collapse_cli.runs.record import Record

DECISIVE = ("split", "samples", "dataset", "seed")  # where pictures lie and what computes changes no number


def asked(
    found: Sequence[Subject], measuring: Measuring, measure: Callable[..., Any] | None = None, **own: Any
) -> list[Subject]:
    """The same subjects, with what was asked of them among their facts, and so in every answer about them.

    own: the command's own options, by the names that `measure` has for them; its defaults go without saying.
    """
    usual = inspect.signature(measure).parameters if measure else {}
    said = _said(measuring) | {name: value for name, value in own.items() if value != usual[name].default}
    return [
        replace(one, facts={**one.facts, "asked": said | {"labels": one.clean.labels is not None}})
        for one in found
    ]


def answers(folder: Path, measuring: Measuring) -> list[dict[str, Any]]:
    """The answers in a run folder about its checkpoint as it is now, measured as `measuring` says, by this version."""
    record = Record(folder)
    if not record.checkpoint.is_file():
        return []
    from collapse_cli.runs.source import Source

    digest = Source(record.checkpoint).sha256
    try:
        found = record.results()
    except (OSError, ValueError):  # torn, or not ours: measured anew
        return []
    return [one for one in found if _is_now(one, digest, measuring)]


def _is_now(document: dict[str, Any], digest: str, measuring: Measuring) -> bool:
    inputs = document.get("inputs") or [{}]
    said = {name: value for name, value in inputs[0].get("asked", {}).items() if name != "labels"}
    same = inputs[0].get("sha256") == digest and said == _said(measuring)
    return same and document["tool"]["version"] == version()


def _said(measuring: Measuring) -> dict[str, Any]:
    return {name: getattr(measuring, name) for name in DECISIVE}
