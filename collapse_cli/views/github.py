"""A gate's answer where GitHub shows it: annotations, which are commands in the log of a workflow, and a summary of its step.

A path or a name is a user's: neither may end a command, begin one, or mark up a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from collapse_cli.printable import everywhere, printable
from collapse_cli.views.document import Document
from collapse_cli.views.gate import Check, checks
from collapse_cli.views.words import RESULTS

LEVELS = {"fail": "error", "inconclusive": "warning", "warn": "warning"}
MOST = 10  # annotations of a level that GitHub shows for a step
ROWS = 100  # of a summary, which is cut off at a MiB
DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = DATA | {":": "%3A", ",": "%2C"}
MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|~@:$])")


def commands(document: Document) -> list[str]:
    """A command for each check that has not passed, those that fail first; the last of too many says how many are left out."""
    lines, document = [], everywhere(document)
    for result in LEVELS:
        for path, check in _checks(document):
            if check.result == result:
                lines.append((LEVELS[result], path, check.sentence.splitlines()[0]))
    return [line for level in ("error", "warning") for line in _of_level(level, lines)]


def _of_level(level: str, lines: list[tuple[str, str, str]]) -> Iterator[str]:
    texts = [(path, sentence) for at, path, sentence in lines if at == level]
    left_out = len(texts) - MOST + 1
    for path, sentence in (
        texts if left_out <= 1 else [*texts[: MOST - 1], ("", f"and {left_out} more checks")]
    ):
        yield command(level, path, sentence)


def command(level: str, path: str, text: str) -> str:
    """`::error title=collapse check%3A runs/x::text`, in one line whatever the path and the text hold."""
    title = f"collapse check: {printable(path)}" if path else "collapse check"
    return f"::{level} title={_escaped(title, PROPERTY)}::{_escaped(printable(text), DATA)}"


def _escaped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(letter, letter) for letter in text)


def summarise(path: Path, document: Document) -> None:
    """Append the summary to the file that GitHub names for it; raises OSError where it cannot be written."""
    with path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(summary(document))


def summary(document: Document) -> str:
    """Markdown: for each input what its checks come to, and a table of those that have not passed."""
    parts, document = ["## collapse check\n"], everywhere(document)
    gates = [entry for entry in document["results"] if entry["kind"] == "gate"]
    for entry in gates:
        path = document["inputs"][entry["input"]]["path"]
        parts.append(f"**{_marked(path)}**: {_marked(entry['verdict']['sentence'])}\n")
        rows = [check for check in checks(document, entry["input"]) if check.result != "pass"]
        parts.append(_table(sorted(rows, key=lambda check: list(LEVELS).index(check.result))))
    return "\n".join([*filter(None, parts), ""])


def _table(rows: list[Check]) -> str:
    if not rows:
        return ""
    lines = [
        f"| {RESULTS[check.result]} | {_marked(check.sentence.splitlines()[0])} |" for check in rows[:ROWS]
    ]
    rest = [f"| | {len(rows) - ROWS} more |"] if len(rows) > ROWS else []
    return "\n".join(["| result | check |", "|---|---|", *lines, *rest, ""])


def _marked(text: object) -> str:
    """A text as Markdown that shows it as it is."""
    safe = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKUP.sub(r"\\\1", safe)


def _checks(document: Document) -> list[tuple[str, Check]]:
    return [
        (facts["path"], check)
        for number, facts in enumerate(document["inputs"])
        for check in checks(document, number)
    ]
