"""The document: made of an answer, and read by every view, its results in groups of one kind, each with a name of its own."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.answers import SCHEMA, Answer, Entry, Verdict, version
from collapse_cli.views.words import plain

Metric = dict[str, Any]
Document = dict[str, Any]


def document(answer: Answer, argv: Sequence[str] = ()) -> Document:
    """The one document of an answer: printed by `--json`, saved in a run folder, drawn by every view. argv: what was typed."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "collapse", "version": version()},
        "command": answer.command,
        "argv": list(argv),
        "inputs": [dict(facts) for facts in answer.inputs],
        "results": [_result(entry) for entry in answer],
        "warnings": list(answer.warnings),
        "next": list(answer.next),
    }


def _result(entry: Entry) -> dict[str, Any]:
    return {
        "kind": entry.kind,
        "of": entry.of,
        "subject": entry.subject,
        "space": entry.space,
        "input": entry.input,
        **({"inputs": list(entry.inputs)} if entry.inputs else {}),
        "title": entry.title,
        "settings": dict(entry.settings),
        "answer": entry.answer,
        "key_numbers": list(entry.key_numbers),
        "metrics": entry.metrics,
        "verdict": None if entry.verdict is None else _judged(entry.verdict),
        **entry.details,
    }


def _judged(verdict: Verdict) -> dict[str, Any]:
    """Outside of a gate a verdict has no result."""
    fields = dataclasses.asdict(verdict)
    return fields if verdict.result else {name: value for name, value in fields.items() if name != "result"}


@dataclass(frozen=True)
class Group:
    """The results of one kind; `names` and `entries` go together."""

    title: str
    names: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]

    def declared(self, kind: str) -> dict[str, Metric]:
        """The metrics of a kind, in order of declaration; of several results the first that has it speaks."""
        found: dict[str, Metric] = {}
        for one in self.entries:
            found |= {k: m for k, m in one["metrics"].items() if m["kind"] == kind and k not in found}
        return found

    def measured(self, key: str) -> list[tuple[str, Metric]]:
        """(name, metric) of every result that has this metric."""
        return [(name, one["metrics"][key]) for name, one in self if key in one["metrics"]]

    def __iter__(self) -> Any:
        return iter(zip(self.names, self.entries, strict=True))

    def shared(self) -> dict[str, Any]:
        """The settings that all results have in common."""
        first, *others = (one["settings"] for one in self.entries)
        return {k: v for k, v in first.items() if all(k in o and o[k] == v for o in others)}

    def differing(self) -> dict[str, list[Any]]:
        """The settings in which the results differ, one value for each result."""
        keys = dict.fromkeys(key for one in self.entries for key in one["settings"])
        shared = self.shared()
        return {k: [one["settings"].get(k) for one in self.entries] for k in keys if k not in shared}


def groups(document: Document) -> list[Group]:
    """The results by kind, in order of first appearance, each group under the title of its first."""
    by_kind: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, one in zip(names(document), document["results"], strict=True):
        by_kind.setdefault(one["kind"], []).append((name, one))
    return [Group(members[0][1]["title"], *zip(*members, strict=True)) for members in by_kind.values()]


def names(document: Document) -> list[str]:
    """A name for every result: what it was measured of, with its input where that is not enough."""
    results = document["results"]
    brief = _brief([plain(one["of"]) for one in results])
    taken = Counter((one["kind"], name) for one, name in zip(results, brief, strict=True))
    wished = [
        name if taken[one["kind"], name] == 1 else f"{name} ({_input(document, one)})"
        for one, name in zip(results, brief, strict=True)
    ]
    return _numbered([(one["kind"], name) for one, name in zip(results, wished, strict=True)])


def _brief(names: list[str]) -> list[str]:
    """Paths without the folders in front and the files at the end that all of them share."""
    parts = [name.split("/") for name in dict.fromkeys(names)]
    shortest = min(map(len, parts), default=0)
    front = next((n for n in range(shortest) if len({p[n] for p in parts}) > 1), 0)
    back = next((n for n in range(shortest - front) if len({p[-1 - n] for p in parts}) > 1), 0)
    return ["/".join(parts[front : len(parts) - back]) for parts in (name.split("/") for name in names)]


def _numbered(wished: list[tuple[str, str]]) -> list[str]:
    """The second of one kind and name becomes `name #2`."""
    seen: Counter[tuple[str, str]] = Counter()
    unique = []
    for one in wished:
        seen[one] += 1
        unique.append(one[1] if seen[one] == 1 else f"{one[1]} #{seen[one]}")
    return unique


def verdicts(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """(name, verdict) of every result that has one; a lone result needs no name."""
    results = document["results"]
    named = zip(names(document), results, strict=True)
    return [
        (name if len(results) > 1 else "", one["verdict"])
        for name, one in named
        if one.get("verdict") is not None
    ]


def _input(document: Document, one: dict[str, Any]) -> str:
    inputs = document["inputs"]
    path = inputs[one["input"]].get("path") if one["input"] < len(inputs) else None
    return plain(path) if path else f"input {one['input'] + 1}"
