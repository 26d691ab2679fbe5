"""The short answer at the terminal: what was found, what it rests on, what it means, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from collapse_cli.answers import headline
from collapse_cli.views import grid, terminal, words
from collapse_cli.views.document import Document, Group, groups
from collapse_cli.views.grid import Grid
from collapse_cli.views.tables import tables

FINDINGS = 3  # sentences beside a verdict
COLUMN = 12  # letters of the name of a number, before it is folded
LINES = 16  # rows of a table of several inputs
INDENT = 2

Result = dict[str, Any]


def show(document: Document, console: Console | None = None) -> None:
    """Print the short answer to stdout."""
    console = console or terminal.stdout()
    for part in (*parts(document, console.width), _next(document)):
        console.print(part, soft_wrap=isinstance(part, Text))  # a command stays on one line, to be copied


def parts(document: Document, width: int) -> Iterator[Any]:
    """Everything that is printed, from the top."""
    speaking = _speaking(groups(document))
    of = {input for each in speaking for input in each.inputs}
    for each in speaking:
        yield from _several(each, width) if len(of) > 1 else _single(each, document, width)
    if not speaking:
        yield from _unspoken(groups(document), width)


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


def _speaking(every: Sequence[Group]) -> list[Speaking]:
    """The kinds with an answer or key numbers, and of those with verdicts the last, which rests on the others."""
    with_verdict = [group for group in every if any(result.get("verdict") for result in group.entries)]
    speaking = []
    for group in every:
        chosen = [
            place for place, result in enumerate(group.entries) if result.get("verdict") or _answers(result)
        ]
        if group in with_verdict[:-1] or not chosen:
            continue
        names = tuple(group.names[place] for place in chosen)
        entries = tuple(group.entries[place] for place in chosen)
        speaking.append(Speaking(Group(group.title, names, entries), group in with_verdict))
    return sorted(speaking, key=lambda each: not any(result.get("answer") for result in each.results))


def _answers(result: Result) -> bool:
    return bool(result.get("answer") or result.get("key_numbers"))


def _single(speaking: Speaking, document: Document, width: int) -> Iterator[Any]:
    """One input: a heading, a paragraph for each space, then what to do."""
    results = _headline_first(speaking.results)
    first = results[0]
    yield _heading(first, speaking, _described(document, first))
    for result in results:
        yield from _paragraph(result, several=len(results) > 1)
    if not speaking.judged and any(result.get("key_numbers") for result in results):
        yield from _indented(tables(_key_numbers(_by_space(speaking.group)), width - INDENT))
    if first.get("verdict"):
        yield from _to_do(first["verdict"])


def _by_space(group: Group) -> Group:
    """The results of one input, by their spaces alone where those tell them apart."""
    spaces = tuple(result["space"] for result in group.entries)
    return replace(group, names=spaces) if len(set(spaces)) == len(spaces) and all(spaces) else group


def _headline_first(results: Sequence[Result]) -> list[Result]:
    """The results in order, that which an input is judged by in front."""
    statuses = {result["space"]: result["verdict"]["status"] for result in results if result.get("verdict")}
    if not statuses:
        return list(results)
    space = headline(statuses)
    return sorted(results, key=lambda result: result["space"] != space)


def _heading(result: Result, speaking: Speaking, described: str) -> Text:
    verdict = result.get("verdict")
    if not verdict:
        return Text.assemble((f"{speaking.group.title}.", "bold"), f"  {described}")
    mark, status, _ = words.verdict(verdict)
    colour = words.MARKS.get(verdict["status"], ("", ""))[1]
    of = f" of {result['space']}" if verdict["status"].endswith("collapse") and result["space"] else ""
    return Text.assemble((f"{mark} {words.titled(status)}{of}.", f"bold {colour}"), f"  {described}")


def _described(document: Document, result: Result) -> str:
    """What the input is; its path where nothing more is known of it."""
    inputs = document["inputs"]
    facts = inputs[result["input"]] if result["input"] < len(inputs) else {}
    return words.plain(facts.get("described") or result["subject"])


def _paragraph(result: Result, several: bool) -> Iterator[Any]:
    """The sentence on one space, and what it means; below it what changes how it is to be read."""
    verdict = result.get("verdict") or {}
    sentence = words.verdict(verdict)[2] if verdict else words.plain(result.get("answer", ""))
    if not sentence:
        return
    name = f"{words.SPACES.get(result['space'], result['space'])}: " if several and result["space"] else ""
    yield _indent(f"{name}{sentence} {words.plain(verdict.get('meaning', ''))}".strip())
    findings = verdict.get("findings", ())
    for finding in findings[:FINDINGS]:
        yield _indent(words.plain(finding))
    if len(findings) > FINDINGS:
        yield _indent(f"{len(findings) - FINDINGS} more findings: --all", "dim")


def _to_do(verdict: Result) -> Iterator[Any]:
    """The commands that cure it; else the first advice, where something is wrong or cannot be told."""
    commands, advice = verdict.get("commands", ()), verdict.get("advice", ())
    for command in commands[:2]:
        yield _command("Cure:", command)
    if advice and not commands and verdict["status"] != "healthy":
        yield _indent(words.plain(advice[0]))


def _several(speaking: Speaking, width: int) -> Iterator[Any]:
    """Several inputs: the sentences, if there are some, then a line for each input."""
    for result in speaking.results:
        if result.get("answer") and not result.get("key_numbers"):
            yield Text(words.plain(result["answer"]))
    group = _one_line_each(speaking)
    shown = replace(group, names=group.names[:LINES], entries=group.entries[:LINES])
    keys = _keys(shown)
    side_by_side = len(keys) > grid.MANY
    if speaking.judged or (keys and not side_by_side):
        yield from _lines(shown, speaking.judged, () if side_by_side else keys)
    if side_by_side:
        yield from tables(_key_numbers(shown), width)
    if len(group.entries) > LINES:
        yield Text(f"{len(group.entries) - LINES} more: --all", "dim")


def _one_line_each(speaking: Speaking) -> Group:
    """Of inputs with verdicts the space that each is judged by; else all."""
    if not speaking.judged:
        return speaking.group
    by_input: dict[Any, list[Result]] = {}
    for result in speaking.results:
        by_input.setdefault((result["input"], result["subject"]), []).append(result)
    chosen = [_headline_first(results)[0] for results in by_input.values()]
    names = {id(result): name for name, result in speaking.group}
    return Group(speaking.group.title, tuple(names[id(result)] for result in chosen), tuple(chosen))


def _lines(group: Group, judged: bool, keys: Sequence[str]) -> Iterator[Any]:
    """A row for each result: its name behind the mark, its status, and its key numbers, each beside its null, or its sentence."""
    metrics = {key: group.declared("number")[key] for key in keys if key in group.declared("number")}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", overflow="fold")
    if judged:
        table.add_column("verdict", no_wrap=True)
        if not metrics:
            table.add_column("", overflow="fold")
    for key, metric in metrics.items():
        widest = max(_value(result["metrics"].get(key)).cell_len for result in group.entries)
        table.add_column(metric["label"], justify="right", overflow="fold", max_width=max(widest, COLUMN))
    for name, result in group:
        table.add_row(*_line(name, result, judged, metrics))
    yield table
    nulls = {metric["null_is"] for metric in metrics.values() if metric.get("null_is")}
    if nulls:
        yield Text(f"in brackets the null: {', '.join(sorted(nulls))}", "dim")


def _line(name: str, result: Result, judged: bool, metrics: dict[str, Any]) -> Iterator[Text]:
    colour = ""
    if judged:
        mark, status, _ = words.verdict(result["verdict"])
        colour = words.MARKS.get(result["verdict"]["status"], ("", ""))[1]
        yield Text(f"{mark} {words.plain(name)}", colour)
        yield Text(status, colour)
        if not metrics:
            yield Text(words.verdict(result["verdict"])[2])
    else:
        yield Text(words.plain(name))
    for key in metrics:
        yield _value(result["metrics"].get(key))


def _value(metric: dict[str, Any] | None) -> Text:
    """The value, and its null in brackets."""
    if metric is None:
        return Text("–")
    null = metric.get("null")
    beside = "" if null is None else f" ({words.figures(null)})"
    return Text.assemble(words.figures(metric["value"]), (beside, "dim"))


def _key_numbers(group: Group) -> Grid:
    """The key numbers of a group, as rows."""
    keys = _keys(group)
    entries = tuple(
        result
        | {
            "settings": {},
            "metrics": {key: _bare(result["metrics"][key]) for key in keys if key in result["metrics"]},
        }
        for result in group.entries
    )
    return grid.numbers(replace(group, entries=entries))


def _keys(group: Group) -> list[str]:
    return list(dict.fromkeys(key for result in group.entries for key in result.get("key_numbers", ())))


def _bare(metric: dict[str, Any]) -> dict[str, Any]:
    """A number without its convention, which stands in the full tables."""
    return metric | {"convention": ""}


def _unspoken(every: Sequence[Group], width: int) -> Iterator[Any]:
    """Of an answer without any sentence, such as one that an earlier version saved: the headline numbers."""
    for group in every[:1]:
        yield Text(group.title, "bold")
        yield from tables(grid.numbers(group, headline=True), width)


def _next(document: Document) -> Text:
    """What to type next, and where the rest is."""
    commands = document.get("next", ())
    rest = "all numbers: --all"
    if not commands:
        return Text(f"  {rest[0].upper()}{rest[1:]}", "dim")
    return Text.assemble("  Next: ", (words.plain(commands[0]), "bold"), (f" · {rest}", "dim"))


def _indent(sentence: str, style: str = "") -> Padding:
    return Padding(Text(sentence, style), (0, 0, 0, INDENT), expand=False)


def _indented(renderables: Iterator[Any]) -> Iterator[Padding]:
    for each in renderables:
        yield Padding(each, (0, 0, 0, INDENT), expand=False)


def _command(label: str, command: str) -> Text:
    return Text.assemble(f"  {label} ", (words.plain(command), "bold"))
