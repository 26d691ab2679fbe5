"""Answers of schema 1 -> today's. It had neither kind nor space: both stood in what was written for eyes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BETWEEN = " · "  # an input's name and the space that was measured


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document in today's schema; one that is in it already, as it is."""
    if document["schema"] != 1:
        return dict(document)
    return {**document, "schema": 2, "results": [_result(result) for result in document["results"]]}


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    subject, _, space = result["of"].rpartition(BETWEEN)
    place = {"subject": subject or space, "space": space if subject else ""}
    return {"kind": result["title"], **result, **place}
