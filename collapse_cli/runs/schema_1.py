"""Answers of schema 1 -> today's. It had neither kind nor space: both stood in what was written for eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collapse_cli.answers import BETWEEN

SPACES = ("h", "z", "head")
METRICS = {
    "filled": "active",
    "rows": "samples",
    "same_picture": "same_image",
    "own_stale_key": "stale_key",
    "draws": "replications",
    "pictures": "images",
}
"""Metrics that have another name today."""


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document in today's schema; one that is in it already, as it is."""
    if document["schema"] != 1:
        return dict(document)
    inputs = [_renamed(facts, {"asked": "options"}) for facts in document["inputs"]]
    results = [_result(result) for result in document["results"]]
    return {**document, "schema": 2, "inputs": inputs, "results": results}


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    subject, _, space = result["of"].rpartition(BETWEEN)
    of_space = bool(subject) and space in SPACES
    place = {"subject": subject if of_space else result["of"], "space": space if of_space else ""}
    metrics = {METRICS.get(name, name): _metric(metric) for name, metric in result["metrics"].items()}
    return {
        "kind": result["title"].lower().replace(" ", "_"),
        **_renamed(result, {"said": "sentence", "found": "detected"}),
        **place,
        "settings": _renamed(result["settings"], {"chance": "null"}),
        "metrics": metrics,
        "verdict": _verdict(result["verdict"]),
    }


def _metric(metric: Mapping[str, Any]) -> dict[str, Any]:
    """What an interval is stood among the conventions."""
    renamed = _renamed(metric, {"before": "initial"})
    parts = metric.get("convention", "").split("; ")
    intervals = [part.removeprefix("interval: ") for part in parts if part.startswith("interval: ")]
    if not intervals:
        return renamed
    rest = "; ".join(part for part in parts if not part.startswith("interval: "))
    return renamed | {"convention": rest, "interval_is": intervals[0]}


def _verdict(verdict: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The bounds name the numbers that they are for."""
    if verdict is None or "thresholds" not in verdict:
        return None if verdict is None else dict(verdict)
    bounds = [
        {**bound, "number": METRICS.get(bound["number"], bound["number"])} for bound in verdict["thresholds"]
    ]
    return {**verdict, "thresholds": bounds}


def _renamed(parts: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same parts, some under another name."""
    return {names.get(name, name): value for name, value in parts.items()}
