"""The short answer at the terminal: what was found, what it rests on, what it means, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.padding import Padding
from rich.text import Text

from collapse_cli.printable import everywhere
from collapse_cli.views import grid, words
from collapse_cli.views.brief_lines import key_numbers, several
from collapse_cli.views.console import Console
from collapse_cli.views.document import Document, Group, groups
from collapse_cli.views.spoken import FINDINGS, Result, Speaking, headline_first, speaking_of
from collapse_cli.views.tables import tables

INDENT = 2


def show(document: Document, console: Console | None = None) -> None:
    """Print the short answer to stdout."""
    console, document = console or Console(), everywhere(document)
    for part in (*parts(document, console.width), _next(document)):
        console.print(part, soft_wrap=isinstance(part, Text))  # a command stays on one line, to be copied


def parts(document: Document, width: int) -> Iterator[Any]:
    """Everything that is printed, from the top."""
    speaking = speaking_of(groups(document))
    of = {input for each in speaking for input in each.inputs}
    for each in speaking:
        yield from several(each, width) if len(of) > 1 else _single(each, document, width)
    if not speaking:
        yield from _unspoken(groups(document), width)


def _single(speaking: Speaking, document: Document, width: int) -> Iterator[Any]:
    """One input: a heading, a paragraph for each space, then what to do."""
    results = headline_first(speaking.results)
    first = results[0]
    yield _heading(first, speaking, _described(document, first))
    for place, result in enumerate(results):
        yield from _paragraph(result, several=len(results) > 1, led=place > 0)
    keys = {key for result in results for key in result.get("key_numbers", ())}
    if len(keys) > grid.MANY or (keys and not speaking.judged):
        yield from _indented(tables(key_numbers(_by_space(speaking.group)), width - INDENT))
    if first.get("verdict"):
        yield from _to_do(first["verdict"])


def _by_space(group: Group) -> Group:
    """The results of one input, by their spaces alone where those tell them apart."""
    spaces = tuple(result["space"] for result in group.entries)
    return replace(group, names=spaces) if len(set(spaces)) == len(spaces) and all(spaces) else group


def _heading(result: Result, speaking: Speaking, described: str) -> Text:
    verdict = result.get("verdict")
    if not verdict:
        return Text.assemble((f"{speaking.group.title}.", "bold"), f"  {described}")
    mark, status, _ = words.verdict(verdict)
    colour = words.colour(verdict)
    several = len(speaking.results) > 1  # of a file of embeddings nobody speaks of h
    named = verdict["status"].endswith("collapse") and (several or result["space"] not in ("", "h"))
    of = f" of {result['space']}" if named else ""
    return Text.assemble((f"{mark} {words.titled(status)}{of}.", f"bold {colour}"), f"  {described}")


def _described(document: Document, result: Result) -> str:
    """What the input is; its path where nothing more is known of it."""
    inputs = document["inputs"]
    facts = inputs[result["input"]] if result["input"] < len(inputs) else {}
    return str(facts.get("described") or result["subject"])


def _paragraph(result: Result, several: bool, led: bool) -> Iterator[Any]:
    """The sentence on one space, and what it means; below it what changes how it is to be read.

    led: another space stands in the heading, so the status of this one is said here.
    """
    verdict = result.get("verdict") or {}
    answer = result.get("answer", "")
    sentence = " ".join(filter(None, (answer, words.verdict(verdict)[2] if verdict else "")))
    if not sentence:
        return
    name = f"{words.SPACES.get(result['space'], result['space'])}: " if several and result["space"] else ""
    status = words.verdict(verdict)[1] if led and verdict else ""
    lead = f"{status}. " if status and status != "healthy" else ""
    yield _indent(f"{name}{lead}{sentence}")
    findings = verdict.get("findings", ())
    most = FINDINGS if result["space"] else len(findings)  # every check of a gate that failed is told
    for finding in findings[:most]:
        yield _indent(finding)
    if len(findings) > most:
        yield _indent(f"{len(findings) - FINDINGS} more findings: --all", "dim")


def _to_do(verdict: Result) -> Iterator[Any]:
    """The commands that cure it; else the first advice, where something is wrong or cannot be told."""
    commands, advice = verdict.get("commands", ()), verdict.get("advice", ())
    for command in commands[:2]:
        yield _command("Cure:", command)
    if advice and not commands and verdict["status"] != "healthy":
        yield _indent(advice[0])


def _unspoken(every: Sequence[Group], width: int) -> Iterator[Any]:
    """Of an answer without any sentence, such as one that an earlier version saved: the headline numbers."""
    for group in every[:1]:
        yield Text(group.title, "bold")
        yield from tables(grid.numbers(group, headline=True), width)


def _next(document: Document) -> Text:
    """What to type next, and where the rest is."""
    commands = document.get("next", ())
    rest = " · ".join(("all numbers: --all", *_explained(document)))
    if not commands:
        return Text(f"  {rest[0].upper()}{rest[1:]}", "dim")
    return Text.assemble("  Next: ", (commands[0], "bold"), (f" · {rest}", "dim"))


def _explained(document: Document) -> Iterator[str]:
    """Where the answer is explained; documents of earlier versions do not say."""
    if document.get("explain"):
        yield f"what this means: {words.explaining(document['explain'])}"


def _indent(sentence: str, style: str = "") -> Padding:
    return Padding(Text(sentence, style), (0, 0, 0, INDENT), expand=False)


def _indented(renderables: Iterator[Any]) -> Iterator[Padding]:
    for each in renderables:
        yield Padding(each, (0, 0, 0, INDENT), expand=False)


def _command(label: str, command: str) -> Text:
    return Text.assemble(f"  {label} ", (command, "bold"))
