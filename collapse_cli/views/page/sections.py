"""A section for each document: its answers, its tables with what they mean, and its charts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import collapse_cli.views.page.lead as lead
import collapse_cli.views.page.tables as tables
from collapse_cli.views import grid, words
from collapse_cli.views.charts.chart import Chart
from collapse_cli.views.charts.choose import charts
from collapse_cli.views.document import Document, Group, groups, names
from collapse_cli.views.page.figure import Figure
from collapse_cli.views.page.painted import content, figure

HEADLINES = 2  # numbers in the line of a section without a sentence of its own
SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Section:
    """anchor: what a link names; answer: the line beside the title; answers: every result's, with its name."""

    anchor: str
    title: str
    answer: str
    answers: tuple[tuple[str, str], ...]
    verdicts: tuple[lead.Verdict, ...]
    sources: tuple[str, ...]
    warnings: tuple[str, ...]
    groups: tuple[dict[str, Any], ...]
    figures: tuple[Figure, ...]


def sections(documents: Sequence[Document], leading: Document, drawn: Sequence[Chart]) -> list[Section]:
    """All sections; a chart that was drawn before is not drawn again."""
    seen, taken = [content(chart) for chart in drawn], set[str]()
    inputs = lead.by_input(leading)
    space = inputs[0][0]["space"] if len(inputs) == 1 else ""
    made = []
    for document in documents:
        fresh = [chart for chart in charts(document) if content(chart) not in seen]
        seen += map(content, fresh)
        anchor = _anchor(document["command"], taken)
        judged = [] if document is leading else lead.verdicts(document)
        told = document["inputs"] != leading["inputs"] or document is documents[0]
        made.append(_section(document, anchor, judged, fresh, told, space))
    return made


def _anchor(command: str, taken: set[str]) -> str:
    """A name that no other section has."""
    slug = SLUG.sub("-", command.lower()).strip("-") or "section"
    name = next(each for n in range(1, 10_000) if (each := slug if n == 1 else f"{slug}-{n}") not in taken)
    taken.add(name)
    return name


def _section(
    document: Document, anchor: str, judged: Sequence[lead.Verdict], drawn: Sequence[Chart], told: bool,
    space: str,
) -> Section:  # fmt: skip
    """told: its inputs are not those that were told before."""
    answers = tuple(
        (name, result["answer"])
        for name, result in zip(
            _brief(document["results"], names(document)), document["results"], strict=True
        )
        if result.get("answer")
    )
    title = words.titled(document["command"].replace("_", " "))
    return Section(
        anchor,
        title,
        _line(document, answers, judged, space),
        answers,
        tuple(judged),
        tuple(words.source(source) for source in document["inputs"]) if told else (),
        tuple(document["warnings"]),
        tuple(_group(group) for group in groups(document)),
        tuple(figure(chart) for chart in drawn),
    )


def _brief(results: Sequence[dict[str, Any]], named: Sequence[str]) -> list[str]:
    """Their spaces where those tell them apart, else their names."""
    spaces = [str(result["space"]) for result in results]
    return spaces if all(spaces) and len(set(spaces)) == len(spaces) else list(named)


def _line(
    document: Document, answers: Sequence[tuple[str, str]], judged: Sequence[lead.Verdict], space: str
) -> str:
    """The first answer, with the name of its result where there are several; else the verdict; else the headline numbers."""
    if answers:
        name, text = _leading(document, answers, space)
        more = f" ({len(answers) - 1} more answers inside)" if len(answers) > 2 else ""
        return f"{name}: {text}{more}" if len(document["results"]) > 1 else text
    if len(judged) > 1:
        heads = Counter(f"{verdict.mark} {verdict.head}" for verdict in judged)
        return ", ".join(f"{head} ({count})" for head, count in heads.items())
    if judged:
        return f"{judged[0].mark} {judged[0].head}. {ended(judged[0].paragraphs[0].text)}"
    return "; ".join(filter(None, map(_headlines, groups(document)[:1])))


def ended(text: str) -> str:
    """The sentences of a text without a last one that only leads to a list."""
    whole = re.split(r"(?<=[.;]) ", text)
    return " ".join(whole[:-1] if text.endswith(":") else whole).rstrip(";")


def _leading(document: Document, answers: Sequence[tuple[str, str]], space: str) -> tuple[str, str]:
    """The answer of the space that the page's verdict is about, else the first."""
    texts = [
        result["answer"]
        for result in document["results"]
        if result["space"] == space and result.get("answer")
    ]
    return next((each for each in answers if each[1] in texts[:1]), answers[0])


def _headlines(group: Group) -> str:
    """The key numbers of a group, or its headline numbers, by result."""
    declared = group.declared("number")
    keys = [key for entry in group.entries for key in entry["key_numbers"]]
    strong = {key: declared[key] for key in keys if key in declared}
    strong = strong or {key: metric for key, metric in declared.items() if metric.get("headline")} or declared
    return "; ".join(
        f"{words.titled(metric['label'])}: {_values(group, key)}"
        for key, metric in list(strong.items())[: HEADLINES if len(group.names) <= HEADLINES else 1]
    )


def _values(group: Group, key: str) -> str:
    brief = dict(zip(group.names, _brief(group.entries, group.names), strict=True))
    measured = group.measured(key)[:4]
    if len(measured) == 1:
        return words.quantity(measured[0][1])
    return ", ".join(f"{words.quantity(metric)} ({brief[name]})" for name, metric in measured)


def _group(group: Group) -> dict[str, Any]:
    """Tables and footnotes of one title."""
    numbers = tables.numbers(group)
    explained = [*group.declared("number").values(), *group.declared("curve").values()]
    explained += [m for kind in ("lines", "each", "matrix", "frames") for m in group.declared(kind).values()]
    return {
        "title": group.title,
        "numbers": numbers,
        "each": [
            (_named(metric), tables.each(group, key, metric))
            for key, metric in group.declared("each").items()
        ],
        "settings": words.pairs(group.shared()),
        "marks": grid.marks(group),
        "conventions": [(words.footnote(n), text) for n, text in enumerate(grid.conventions(group), 1)],
        "explained": list(
            dict.fromkeys((words.titled(m["label"]), words.titled(m["help"])) for m in explained)
        ),
    }


def _named(metric: dict[str, Any]) -> str:
    unit = f", {metric['unit']}" if metric.get("unit") else ""
    return f"{words.titled(metric['label'])}{unit}, by {metric['of']}"
