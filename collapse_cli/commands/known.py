"""One INPUT, and all that is known of it: read from a saved answer or its run folder, else measured."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli.commands import report
from collapse_cli.commands.answers import identified, keep
from collapse_cli.commands.kept import answers, asked
from collapse_cli.commands.options import Measuring
from collapse_cli.commands.subject import Subject
from collapse_cli.commands.subjects import subjects
from collapse_cli.runs.answers import read
from collapse_cli.runs.record import Record
from collapse_cli.settings import Run

WHOLE = report.ALWAYS + report.LABELLED


@dataclass(frozen=True)
class Known:
    """One input: facts for the JSON's `inputs`, the answers about it alone, and its run's settings, if we trained it."""

    facts: Mapping[str, Any]
    documents: Sequence[Mapping[str, Any]]
    run: Run | None

    @property
    def warnings(self) -> list[str]:
        """What its answers warn of, each said once, with the commands whose answers they are."""
        found: dict[str, list[str]] = {}
        for document in self.documents:
            for said in document["warnings"]:
                found.setdefault(said, []).append(document["command"])
        return [f"{', '.join(commands)}: {said}" for said, commands in found.items()]


def known(path: Path, measuring: Measuring, fresh: bool, quiet: bool, wanted: Sequence[str] = WHOLE) -> Known:
    """Read from its run folder where that holds all that is wanted, else measured, and kept there.

    wanted: parts of a portrait; those that need labels are left out without them. A .json is an answer, read as it is.
    """
    if path.suffix == ".json":
        return _saved(path, quiet)
    documents = [] if fresh else report.whole(answers(path, measuring), wanted)
    if documents:
        _say(f"{path}: read from {path / 'results'}", quiet)
        return Known(documents[0]["inputs"][0] | {"path": str(path)}, documents, Record(path).settings())
    (subject,) = asked(subjects([path], measuring, quiet, views=True), measuring)
    documents = report.portrait([subject], measuring, wanted=wanted)
    record = subject.record
    done = record is not None and all(keep(record, document) for document in documents)
    kept = f", kept in {record.folder / 'results'}" if record and done else ""
    _say(f"{path}: measured{kept}", quiet)
    return Known(subject.facts, documents, _run(subject))


def _saved(path: Path, quiet: bool) -> Known:
    """An answer by itself: what it was measured of stands among its facts, and need not be here any more."""
    document = read(path)
    inputs = document["inputs"]
    of = inputs[document["results"][0]["input"]] if inputs else {}
    layout = f"answer of collapse {document['command']}"
    _say(f"{path}: {layout}{' about ' + str(of['path']) if 'path' in of else ''}", quiet)
    told = {name: of[key] for name, key in TOLD.items() if key in of}
    return Known(identified(path, path, layout) | told, [document], None)


TOLD = {"measured": "path", "epoch": "epoch", "method": "method", "asked": "asked"}


def _run(subject: Subject) -> Run | None:
    """The settings of a run folder as they are written there, or those of a checkpoint."""
    if subject.record:
        return subject.record.settings()
    return subject.checkpoint.run if subject.checkpoint else None


def _say(line: str, quiet: bool) -> None:
    if not quiet:
        print(line, file=sys.stderr)
