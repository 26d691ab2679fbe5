"""Answers that were saved as JSON, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.results import SCHEMA

OF = " · "  # between an input's name and the space that was measured
SAVED = "save one with: collapse spectrum INPUT --json > answer.json"


def read(path: Path) -> dict[str, Any]:
    """What was measured of the spaces of one input; all else that the answer holds is left out.

    Raises CollapseError for what is not JSON, no answer of ours, of a newer schema, or about no input or several.
    """
    document = _document(path)
    results = [one for one in document["results"] if OF in one["of"]]
    if not results:
        raise CollapseError(f"{path} ({document['command']}) holds nothing measured of a space", SAVED)
    if len({one["input"] for one in results}) > 1:
        raise CollapseError(f"{path} is about several inputs", "save an answer for each")
    return document | {"results": results}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CollapseError(f"cannot read {path}: {error.strerror}", SAVED) from None
    except (ValueError, RecursionError) as error:
        raise CollapseError(f"{path} is not JSON: {error}", SAVED) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise CollapseError(
            f"{path} has schema {schema}, this version of collapse reads {SCHEMA}",
            "update collapse, or measure anew",
        )
    if schema != SCHEMA or not _sound(document):
        raise CollapseError(f"{path} is no answer of collapse", SAVED)
    return dict(document)


def _sound(document: dict[str, Any]) -> bool:
    """Whether everything stands where a reader of numbers looks for it."""
    try:
        known = document["tool"]["name"] == "collapse" and isinstance(document["command"], str)
        return known and all(_measured(one, document["inputs"]) for one in document["results"])
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


def _measured(one: dict[str, Any], inputs: list[dict[str, Any]]) -> bool:
    """A result of the schema; raises LookupError … where it is none."""
    place, verdict = one["input"], one["verdict"]
    told = verdict is None or (
        isinstance(verdict["status"], str)
        and isinstance(verdict["sentence"], str)
        and isinstance(verdict["reasons"], list)
    )
    placed = isinstance(place, int) and place >= 0
    facts = inputs[place] if inputs else {}
    told = told and isinstance(facts.get("asked", {}), dict)
    named = isinstance(one["of"], str) and isinstance(one["settings"], dict)
    return told and placed and named and all(map(_metric, one["metrics"].values()))


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
    return value is None or isinstance(value, int | float)
