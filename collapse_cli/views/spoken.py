"""Which results of a document the short answer is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.answers import headline
from collapse_cli.views.document import Group

FINDINGS = 3  # sentences beside a verdict

Result = dict[str, Any]


@dataclass(frozen=True)
class Speaking:
    """The results of one kind that the short answer is made of."""

    group: Group
    judged: bool

    @property
    def results(self) -> tuple[Result, ...]:
        return self.group.entries

    @property
    def inputs(self) -> set[tuple[int, str]]:
        """The inputs, or groups of them, that they are of."""
        return {(result["input"], result["subject"]) for result in self.results}


def speaking_of(every: Sequence[Group]) -> list[Speaking]:
    """The kinds with a verdict, an answer or key numbers; what a gate only checks is told by its verdict on all checks."""
    speaking = []
    for group in every:
        chosen = [(name, result) for name, result in group if result.get("verdict") or _answers(result)]
        verdicts = [result["verdict"] for _, result in chosen if result.get("verdict")]
        if not chosen or any(verdict.get("result") for verdict in verdicts):
            continue
        names, entries = zip(*chosen, strict=True)
        speaking.append(Speaking(Group(group.title, names, entries), bool(verdicts)))
    return sorted(speaking, key=lambda each: not any(result.get("answer") for result in each.results))


def _answers(result: Result) -> bool:
    return bool(result.get("answer") or result.get("key_numbers"))


def headline_first(results: Sequence[Result]) -> list[Result]:
    """The results in order, that which an input is judged by in front."""
    statuses = {result["space"]: result["verdict"]["status"] for result in results if result.get("verdict")}
    if not statuses:
        return list(results)
    space = headline(statuses)
    return sorted(results, key=lambda result: result["space"] != space)
