"""Answers that were saved as JSON, read back as typed ones; those of schema 1 are understood too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.answers import SCHEMA, Answer, Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.runs.record import Record
from collapse_cli.runs.schema_1 import upgraded
from collapse_cli.runs.well_formed import well_formed

SAVED = "save an answer with: collapse spectrum INPUT --json > answer.json"
SCHEMAS = (1, SCHEMA)
LISTED = 5  # damaged parts of a folder that a sentence names


def read(path: Path) -> Answer:
    """What was measured of the spaces of one input; all else that the file holds is left out.

    Raises CollapseError for what is not JSON, no answer of ours, of a newer schema, or about no input or several.
    """
    saved = typed(_document(path))
    entries = tuple(entry for entry in saved if entry.space)
    if not entries:
        raise CollapseError(
            f"{path} (an answer of collapse {saved.command}) contains no measurement of a space", SAVED
        )
    if len({entry.input for entry in entries}) > 1:
        raise CollapseError(f"{path} is about several inputs", "save an answer for each input")
    return Answer(saved.command, entries, saved.inputs, saved.warnings)


def documents(record: Record) -> list[dict[str, Any]]:
    """The answers that a run folder holds, in today's schema, by command; what is torn or not ours is left out."""
    saved = [document for document in record.results() if _readable(document) and well_formed(document)]
    return [upgraded(document) for document in saved]


def damaged(record: Record) -> tuple[str, ...]:
    """One sentence that names what of a run folder cannot be read; none where all can be."""
    unsound = [each["command"] for each in record.results() if _readable(each) and not well_formed(each)]
    names = [*record.damaged(), *(f"the answer of {command}" for command in unsound)]
    listed = ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
    return (f"{record.folder}: damaged, and left out: {listed}",) if names else ()


def typed(document: Mapping[str, Any]) -> Answer:
    """A sound document of today's schema."""
    entries = [_entry(result) for result in document["results"]]
    return answer(document["command"], entries, document["inputs"], document["warnings"])


def _entry(result: Mapping[str, Any]) -> Entry:
    fields = {name: result[name] for name in ("subject", "space", "input", "settings")}
    return Entry(
        result=result["metrics"],
        inputs=tuple(result.get("inputs", ())),
        verdict=_verdict(result["verdict"]) if result["verdict"] else None,
        named_kind=result["kind"],
        named_title=result["title"],
        answer=result.get("answer", ""),
        key_numbers=tuple(result.get("key_numbers", ())),
        **fields,
    )


def _verdict(judged: Mapping[str, Any]) -> Verdict:
    """The bounds that decided stay plain, as they were saved."""
    reasons, advice = tuple(judged["reasons"]), tuple(judged.get("advice", ()))
    thresholds, commands = tuple(judged.get("thresholds", ())), tuple(judged.get("commands", ()))
    return Verdict(
        judged["status"],
        _without_status(judged),
        reasons,
        advice,
        thresholds,
        commands,
        borderline=judged.get("borderline") is True,
        usual=judged.get("usual") is True,
        warning=judged.get("warning", ""),
        meaning=str(judged.get("meaning", "")),
        findings=tuple(judged.get("findings", ())),
        lead=str(judged.get("lead", "")),
    )


def _without_status(judged: Mapping[str, Any]) -> str:
    """The sentence; those of earlier versions began with the status."""
    return str(judged["sentence"]).removeprefix(f"{judged['status']}: ")


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.exists():
            reader.refuse_too_large(path, reader.size(path))
        document = json.loads(path.read_text(encoding="utf-8"))
    except reader.Unreadable as error:
        raise CollapseError(f"cannot read {path}: {error.reason}", SAVED) from None
    except OSError as error:
        raise CollapseError(f"cannot read {path}: {error.strerror}", SAVED) from None
    except (ValueError, RecursionError) as error:
        raise CollapseError(f"{path} is not JSON: {error}", SAVED) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise CollapseError(
            f"{path} has schema {schema}, this version of collapse reads {SCHEMA}",
            "update collapse, or measure again",
        )
    if not _readable(document) or not well_formed(document):
        raise CollapseError(f"{path} is not an answer of collapse", SAVED)
    return upgraded(document)


def _readable(document: Any) -> bool:
    schema = document.get("schema") if isinstance(document, dict) else None
    return isinstance(schema, int) and not isinstance(schema, bool) and schema in SCHEMAS
