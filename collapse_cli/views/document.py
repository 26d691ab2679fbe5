"""The document: made of an answer, and read by every view, its results in groups of one kind, each with a name of its own."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.answers import SCHEMA, Answer, Entry, Verdict, headline, version
from collapse_cli.printable import as_shown, everywhere, hides
from collapse_cli.views import words

Metric = dict[str, Any]
Document = dict[str, Any]
Subject = tuple[int, str]
"""What was measured: the place of its input, and its name there (of the input itself, of a layer, of a group of runs)."""


def document(answer: Answer, argv: Sequence[str] = ()) -> Document:
    """The one document of an answer: printed by `--json`, saved in a run folder, drawn by every view. argv: what was typed."""
    whole: Document = {
        "schema": SCHEMA,
        "tool": {"name": "collapse", "version": version()},
        "command": answer.command,
        "argv": list(argv),
        "inputs": [dict(facts) for facts in answer.inputs],
        "results": [_result(entry) for entry in answer],
        "warnings": list(answer.warnings),
        "next": list(answer.next),
        "explain": _topic(answer),
    }
    return everywhere(whole, as_shown) if hides() else whole


def _topic(answer: Answer) -> str:
    """The name in the guide: of the gravest verdict of its first kind, or of its likeliest cause; else of the command."""
    judged = [entry for entry in answer if entry.verdict]
    if not judged:
        return answer.command
    by_input: dict[tuple[int, str], dict[str, Verdict]] = {}
    for entry in judged:
        if entry.kind == judged[0].kind and entry.verdict:
            by_input.setdefault((entry.input, entry.subject), {}).setdefault(entry.space, entry.verdict)
    leading = [
        spaces[headline({name: each.status for name, each in spaces.items()})] for spaces in by_input.values()
    ]
    verdict = min(leading, key=words.gravity)  # the first of those that are as grave
    return verdict.explained_by or (verdict.status if verdict.status in words.MARKS else answer.command)


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
    """Outside of a gate a verdict has no result; it is said to be usual only where it is; the document itself is explained."""
    absent = {
        "explained_by",
        *(name for name in ("result", "usual", "warning") if not getattr(verdict, name)),
    }
    return {name: value for name, value in dataclasses.asdict(verdict).items() if name not in absent}


@dataclass(frozen=True)
class Group:
    """The results of one kind; `names` and `entries` go together."""

    title: str
    names: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]

    def declared(self, kind: str) -> dict[str, Metric]:
        """The metrics of a kind, in order of declaration; of several results the first that has it speaks."""
        metrics: dict[str, Metric] = {}
        for result in self.entries:
            metrics |= {k: m for k, m in result["metrics"].items() if m["kind"] == kind and k not in metrics}
        return metrics

    def measured(self, key: str) -> list[tuple[str, Metric]]:
        """(name, metric) of every result that has this metric."""
        return [(name, result["metrics"][key]) for name, result in self if key in result["metrics"]]

    def __iter__(self) -> Any:
        return iter(zip(self.names, self.entries, strict=True))

    def shared(self) -> dict[str, Any]:
        """The settings that all results have in common."""
        first, *others = (result["settings"] for result in self.entries)
        return {k: v for k, v in first.items() if all(k in o and o[k] == v for o in others)}

    def differing(self) -> dict[str, list[Any]]:
        """The settings in which the results differ, one value for each result."""
        keys = dict.fromkeys(key for result in self.entries for key in result["settings"])
        shared = self.shared()
        return {k: [result["settings"].get(k) for result in self.entries] for k in keys if k not in shared}


def groups(document: Document) -> list[Group]:
    """The results by kind, in order of first appearance, each group under the title of its first."""
    by_kind: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for name, result in zip(names(document), document["results"], strict=True):
        by_kind.setdefault(result["kind"], []).append((name, result))
    return [Group(members[0][1]["title"], *zip(*members, strict=True)) for members in by_kind.values()]


def names(document: Document) -> list[str]:
    """A name for every result: what it was measured of, with its input where that is not enough."""
    results = document["results"]
    brief = _brief([result["of"] for result in results])
    taken = Counter((result["kind"], name) for result, name in zip(results, brief, strict=True))
    wished = [
        name if taken[result["kind"], name] == 1 else f"{name} ({_input(document, result['input'])})"
        for result, name in zip(results, brief, strict=True)
    ]
    return _numbered([(result["kind"], name) for result, name in zip(results, wished, strict=True)])


def subject_of(result: dict[str, Any]) -> Subject:
    return result["input"], result["subject"]


def subjects(document: Document) -> dict[Subject, str]:
    """A name for every subject, as `names` has them but without a space; with its input where that is not enough."""
    every = list(dict.fromkeys(map(subject_of, document["results"])))
    brief = _brief([name for _, name in every])
    taken = Counter(brief)
    wished = [
        name if taken[name] == 1 else f"{name} ({_input(document, number)})"
        for (number, _), name in zip(every, brief, strict=True)
    ]
    return dict(zip(every, _numbered([("", name) for name in wished]), strict=True))


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
    for kind_and_name in wished:
        seen[kind_and_name] += 1
        unique.append(
            kind_and_name[1] if seen[kind_and_name] == 1 else f"{kind_and_name[1]} #{seen[kind_and_name]}"
        )
    return unique


def verdicts(document: Document) -> list[tuple[str, dict[str, Any]]]:
    """(name, verdict) of every result that has one; a lone result needs no name."""
    results = document["results"]
    named = zip(names(document), results, strict=True)
    return [
        (name if len(results) > 1 else "", result["verdict"])
        for name, result in named
        if result.get("verdict") is not None
    ]


def _input(document: Document, number: int) -> str:
    inputs = document["inputs"]
    path = inputs[number].get("path") if number < len(inputs) else None
    return str(path) if path else f"input {number + 1}"
