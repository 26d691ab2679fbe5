"""The first screen: what was found, the numbers it rests on, the curves behind it, and what the spaces are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from collapse_cli.answers import headline
from collapse_cli.figures import beside
from collapse_cli.views import words
from collapse_cli.views.charts.chart import Chart
from collapse_cli.views.charts.choose import charts, sketches
from collapse_cli.views.document import Document, names

GIVEN = (
    "h, the embeddings that were given; of a network, the representation that probes and downstream tasks use"
)
KEYS, CURVES = 3, 2  # numbers and charts of the first screen
FEW = 3  # inputs that are not healthy, whose sentences stand above all others

Result = dict[str, Any]


@dataclass(frozen=True)
class Paragraph:
    """What is said of one space; of: what the space is, status: where it is not that of the heading."""

    text: str
    of: str = ""
    status: str = ""


@dataclass(frozen=True)
class Verdict:
    """All of one input's verdicts, that which it is judged by first; name: of that result."""

    name: str
    mark: str
    head: str
    colour: str
    described: str
    paragraphs: tuple[Paragraph, ...]
    findings: tuple[str, ...]
    commands: tuple[str, ...]
    advice: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """A key number: by space the value with its interval, and the null."""

    label: str
    help: str
    values: tuple[tuple[str, str, str], ...]


def judged(documents: Sequence[Document]) -> Document | None:
    """The document whose verdicts are the page's: the first that has some."""
    return next((each for each in documents if any(r.get("verdict") for r in each["results"])), None)


def verdicts(document: Document) -> list[Verdict]:
    """One for each input."""
    return [_verdict(document, results) for results in by_input(document)]


def by_input(document: Document) -> list[list[Result]]:
    """The results with a verdict, those of one input together, that which it is judged by first."""
    inputs: dict[Any, list[Result]] = {}
    for name, result in zip(names(document), document["results"], strict=True):
        if result.get("verdict"):
            inputs.setdefault((result["input"], result["subject"]), []).append(result | {"name": name})
    return [_headline_first(results) for results in inputs.values()]


def _headline_first(results: list[Result]) -> list[Result]:
    """What a gate came to, without its checks, then the space that an input is judged by."""
    space = headline({result["space"]: result["verdict"]["status"] for result in results})
    return sorted(
        results, key=lambda result: (bool(result["verdict"].get("result")), result["space"] != space)
    )


def _verdict(document: Document, results: Sequence[Result]) -> Verdict:
    first, several = results[0], len(results) > 1
    mark, status, _ = words.verdict(first["verdict"])
    named = (
        first["verdict"]["status"].endswith("collapse")
        and first["space"]
        and (several or first["space"] != "h")
    )
    return Verdict(
        first["name"],
        mark,
        f"{words.titled(status)}{' of ' + first['space'] if named else ''}",
        words.colour(first["verdict"], "dim") or "dim",
        _described(document, first),
        tuple(_paragraph(result, several, n > 0) for n, result in enumerate(results)),
        tuple(finding for result in results for finding in result["verdict"].get("findings", ())),
        tuple(first["verdict"].get("commands", ())),
        tuple(dict.fromkeys(step for result in results for step in result["verdict"].get("advice", ()))),
        tuple(_reasons(results)),
    )


def _reasons(results: Sequence[Result]) -> Iterator[str]:
    for result in results:
        of = f"{result['space']}: " if len(results) > 1 and result["space"] else ""
        yield from (f"{of}{reason}" for reason in result["verdict"].get("reasons", ()))


def _described(document: Document, result: Result) -> str:
    """What the input is; its name where nothing more is known of it."""
    inputs = document["inputs"]
    facts = inputs[result["input"]] if result["input"] < len(inputs) else {}
    return str(facts.get("described") or result["subject"])


def _paragraph(result: Result, several: bool, led: bool) -> Paragraph:
    _, status, sentences = words.verdict(result["verdict"])
    of = str(words.SPACES.get(result["space"], result["space"]))
    return Paragraph(sentences, of if several else "", words.titled(status) if several and led else "")


def spaces(documents: Sequence[Document], verdicts: Sequence[Verdict]) -> list[str]:
    """What the letters of a page stand for, where the verdict of a lone input does not say so already."""
    if len(verdicts) == 1 and any(paragraph.of for paragraph in verdicts[0].paragraphs):
        return []
    there = {result["space"] for document in documents for result in document["results"] if result["space"]}
    if there == {"h"} and not any(
        "method" in facts for document in documents for facts in document["inputs"]
    ):
        return [GIVEN]
    return [text for space, text in words.SPACES.items() if space in there]


def key_numbers(document: Document) -> list[Number]:
    """The numbers of the results that lead, by space where there are several; first that which makes it a collapse."""
    results = [result for result in document["results"] if result.get("key_numbers")]
    if len({(result["input"], result["subject"]) for result in results}) != 1:
        return []
    if any(result.get("verdict") for result in results):
        results = _headline_first([result for result in results if result.get("verdict")])
    every = [*deciding(results[0]), *(key for result in results for key in result["key_numbers"])]
    keys = list(dict.fromkeys(every))
    return [_number(key, [r for r in results if key in r["metrics"]]) for key in keys[:KEYS]]


def deciding(result: Result) -> list[str]:
    """The numbers that lie below a bound of the verdict."""
    bounds = (result.get("verdict") or {}).get("thresholds", ())
    return [
        each["number"]
        for each in bounds
        if each["value"] < each["bound"] and each["number"] in result["metrics"]
    ]


def _number(key: str, results: Sequence[Result]) -> Number:
    metric = results[0]["metrics"][key]
    values = tuple(
        (result["space"], words.quantity(m), _null(m)) for result in results for m in [result["metrics"][key]]
    )
    unit = f", {metric['unit']}" if metric.get("unit") and metric["unit"] not in metric["label"] else ""
    return Number(words.titled(metric["label"]) + unit, words.titled(metric["help"]), values)


def _null(metric: dict[str, Any]) -> str:
    """The null with its name."""
    if metric.get("null") is None:
        return ""
    return (
        f"{metric.get('null_is', 'null')}: {beside(metric['null'], metric['value'], metric.get('interval'))}"
    )


def first_charts(documents: Sequence[Document], lead: Document) -> list[Chart]:
    """The curves that say most, of the document that leads or the first that has some; else its first charts."""
    for document in (lead, *documents):
        if chosen := sketches(document):
            return chosen[:CURVES]
    return charts(lead)[:CURVES]
