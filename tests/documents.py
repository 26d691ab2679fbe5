"""Results and documents as plain JSON, for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collapse_cli.answers import BETWEEN, Answer, Entry
from collapse_cli.views.document import document


def entry(
    of: str, result: Any, *, input: int = 0, settings: Mapping[str, Any] | None = None, verdict: Any = None
) -> dict[str, Any]:
    """One result of a document; `run · z` is of a space."""
    subject, _, space = of.rpartition(BETWEEN)
    typed = Entry(subject or space, result, space if subject else "", input, (), settings or {}, verdict)
    (plain,) = document(Answer("spectrum", (typed,)))["results"]
    return dict(plain)


def answer(
    command: str,
    results: Sequence[dict[str, Any]],
    *,
    argv: Sequence[str] = (),
    version: str = "0",
    inputs: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """A document of these results."""
    whole = document(Answer(command, (), tuple(inputs), tuple(warnings)), argv)
    return whole | {"results": list(results), "tool": {"name": "collapse", "version": version}}
