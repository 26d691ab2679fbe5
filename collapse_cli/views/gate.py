"""The checks of a gate's document, one by one, for what lists them: JUnit, annotations of a workflow, the reason in one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from collapse_cli.printable import everywhere
from collapse_cli.views.document import Document
from collapse_cli.views.words import verdict as worded


class Check(NamedTuple):
    """One check of an input. result: pass, warn, inconclusive or fail; sentence: value, interval and bound."""

    name: str
    result: str
    sentence: str


def checks(document: Document, number: int) -> Iterator[Check]:
    """Those of the input at this place: the verdict on each of its spaces, then its numbers by title."""
    entries = [entry for entry in document["results"] if entry["input"] == number]
    for entry in entries:
        verdict = entry["verdict"] or {}
        if "result" in verdict:
            _, status, sentence = worded(verdict)
            lines = [f"{entry['space']}: {status}: {sentence}", *verdict["reasons"]]
            yield Check(f"verdict: {entry['of']}", verdict["result"], "\n".join(lines))
    for entry in entries:
        for metric in entry["metrics"].values():
            if "required" in metric:
                required = metric["required"]
                yield Check(f"{entry['title']}: {metric['label']}", required["result"], required["sentence"])


def reason(document: Document) -> str:
    """Why the gate is not passed, in one line, and of how many checks it is the first; empty where it is, without a warning."""
    document = everywhere(document)
    every = [
        (facts["path"], check)
        for number, facts in enumerate(document["inputs"])
        for check in checks(document, number)
    ]
    for result, word in (
        ("fail", "failed"),
        ("inconclusive", "inconclusive"),
        ("warn", "passed, with a warning"),
    ):
        such = [(path, check) for path, check in every if check.result == result]
        if such:
            path, check = such[0]
            more = f" (and {len(such) - 1} more)" if len(such) > 1 else ""
            return f"{word}: {path}: {check.sentence.splitlines()[0]}{more}"
    return ""
