"""Answers that were saved as JSON, read back as typed ones; those of schema 1 are understood too."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.answers import SCHEMA, Answer, Entry, Verdict, answer
from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.runs.record import Record
from collapse_cli.runs.schema_1 import upgraded

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
    saved = [document for document in record.results() if _readable(document) and _sound(document)]
    return [upgraded(document) for document in saved]


def damaged(record: Record) -> tuple[str, ...]:
    """One sentence that names what of a run folder cannot be read; none where all can be."""
    unsound = [each["command"] for each in record.results() if _readable(each) and not _sound(each)]
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
        meaning=str(judged.get("meaning", "")),
        findings=tuple(judged.get("findings", ())),
        lead=str(judged.get("lead", "")),
    )


def _without_status(judged: Mapping[str, Any]) -> str:
    """The sentence; those of earlier versions began with the status."""
    return str(judged["sentence"]).removeprefix(f"{judged['status']}: ")


def _document(path: Path) -> dict[str, Any]:
    try:
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
    if not _readable(document) or not _sound(document):
        raise CollapseError(f"{path} is not an answer of collapse", SAVED)
    return upgraded(document)


def _readable(document: Any) -> bool:
    schema = document.get("schema") if isinstance(document, dict) else None
    return isinstance(schema, int) and not isinstance(schema, bool) and schema in SCHEMAS


def _sound(document: dict[str, Any]) -> bool:
    """Whether everything stands where a reader of numbers looks for it."""
    try:
        ours = document["tool"]["name"] == "collapse" and isinstance(document["command"], str)
        worded = _listed(document["warnings"], str) and _listed(document["inputs"], dict)
        results = document["results"]
        return (
            ours
            and worded
            and all(_measured(result, document["inputs"]) for result in results)
            and all(_placed(result) for result in results if document["schema"] > 1)
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return False


def _listed(values: Any, kind: type) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _placed(result: dict[str, Any]) -> bool:
    """Whether a result of schema 2 says what it is of."""
    return all(isinstance(result[name], str) for name in ("kind", "subject", "space"))


def _measured(result: dict[str, Any], inputs: list[dict[str, Any]]) -> bool:
    """Whether this is a result; raises LookupError … where it is none."""
    place, verdict = result["input"], result["verdict"]
    judged = verdict is None or (
        isinstance(verdict["status"], str)
        and isinstance(verdict["sentence"], str)
        and isinstance(verdict["reasons"], list)
        and all(_listed(verdict.get(part, []), str) for part in ("advice", "commands", "findings"))
        and all(isinstance(verdict.get(part, ""), str) for part in ("meaning", "lead"))
        and all(isinstance(bound["number"], str) for bound in verdict.get("thresholds", []))
    )
    placed = isinstance(place, int) and place >= 0 and _listed(result.get("inputs", []), int)
    facts = inputs[place] if inputs else {}
    placed = placed and isinstance(facts.get("options", facts.get("asked", {})), dict)
    named = all(isinstance(result[name], str) for name in ("of", "title")) and isinstance(
        result["settings"], dict
    )
    spoken = isinstance(result.get("answer", ""), str) and _listed(result.get("key_numbers", []), str)
    return judged and placed and named and spoken and all(map(_metric, result["metrics"].values()))


def _metric(metric: dict[str, Any]) -> bool:
    if not isinstance(metric["label"], str) or not isinstance(metric["help"], str):
        return False
    if metric["kind"] == "curve":
        return all(map(_numeric, (*metric["values"], *(metric["null"] or ()), *(metric["at"] or ()))))
    if metric["kind"] != "number":
        return isinstance(metric["values"], list | dict)
    interval = (None, None) if metric["interval"] is None else tuple(metric["interval"])
    words = isinstance(metric["convention"], str) and isinstance(metric["unit"], str)
    return words and len(interval) == 2 and all(map(_numeric, (metric["value"], metric["null"], *interval)))


def _numeric(value: Any) -> bool:
    """What JSON calls a number, or null; Python reads NaN and Infinity too, which no answer of ours holds."""
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return value is None or number
