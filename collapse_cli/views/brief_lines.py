"""The short answer about several inputs: their sentences, then a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from collapse_cli.figures import beside, written
from collapse_cli.views import grid, words
from collapse_cli.views.document import Group
from collapse_cli.views.grid import Grid
from collapse_cli.views.spoken import FINDINGS, Result, Speaking, headline_first
from collapse_cli.views.tables import tables

COLUMN = 12  # letters of the name of a number, before it is folded
LINES = 16  # rows of a table of several inputs


def several(speaking: Speaking, width: int) -> Iterator[Any]:
    """Several inputs: the sentences, if there are some, then a line for each input."""
    for result in speaking.results:
        if result.get("answer") and not result.get("key_numbers"):
            yield Padding(Text(result["answer"]), 0, expand=False)
    group = _one_line_each(speaking)
    shown = replace(group, names=group.names[:LINES], entries=group.entries[:LINES])
    keys = _keys(shown)
    side_by_side = len(keys) > grid.MANY
    if speaking.judged or (keys and not side_by_side):
        yield from _lines(shown, speaking.judged, () if side_by_side else keys, sentences=not keys)
    if side_by_side:
        yield from tables(key_numbers(shown), width)
        yield from (Padding(Text(mark, "dim"), 0, expand=False) for mark in grid.marks(shown))
    if speaking.judged:
        yield from _notes(shown, sentences=not keys)
    if len(group.entries) > LINES:
        yield Text(f"{len(group.entries) - LINES} more: --all", "dim")


def _notes(group: Group, sentences: bool) -> Iterator[Any]:
    """What a line leaves out and must be seen: why nothing can be concluded, what to give, copies, an offset, failed checks.

    sentences: those of the verdicts stand in the lines already.
    """
    for name, result in group:
        verdict = result["verdict"]
        notes = list(verdict.get("findings", ()))
        if verdict["status"] == "inconclusive" and not sentences:
            notes = [words.verdict(verdict)[2], *verdict.get("advice", ())[:1], *notes]
        elif verdict.get("lead") and not sentences:
            notes = [verdict["lead"], *notes]
        most = FINDINGS if result["space"] else len(notes)
        for note in notes[:most]:
            yield Padding(Text(f"{name}: {note}"), 0, expand=False)
        if len(notes) > most:
            yield Text(f"{name}: {len(notes) - most} more: --all", "dim")


def _one_line_each(speaking: Speaking) -> Group:
    """Of inputs with verdicts the space that each is judged by; else all."""
    if not speaking.judged:
        return speaking.group
    by_input: dict[Any, list[Result]] = {}
    for result in speaking.results:
        by_input.setdefault((result["input"], result["subject"]), []).append(result)
    chosen = [headline_first(results)[0] for results in by_input.values()]
    names = {id(result): name for name, result in speaking.group}
    return Group(speaking.group.title, tuple(names[id(result)] for result in chosen), tuple(chosen))


def _lines(group: Group, judged: bool, keys: Sequence[str], sentences: bool) -> Iterator[Any]:
    """A row for each result: its name behind the mark, its status, and its key numbers, each beside its null, or its sentence."""
    metrics = {key: group.declared("number")[key] for key in keys if key in group.declared("number")}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", overflow="fold")
    if judged:
        table.add_column("verdict", no_wrap=True)
        if sentences:
            table.add_column("", overflow="fold")
    for key, metric in metrics.items():
        widest = max(_value(result["metrics"].get(key)).cell_len for result in group.entries)
        table.add_column(metric["label"], justify="right", overflow="fold", max_width=max(widest, COLUMN))
    for name, result in group:
        table.add_row(*_line(name, result, judged, metrics, sentences))
    yield table
    nulls = {metric["null_is"] for metric in metrics.values() if metric.get("null_is")}
    if nulls:
        yield Text(f"in brackets the null: {', '.join(sorted(nulls))}", "dim")


def _line(
    name: str, result: Result, judged: bool, metrics: dict[str, Any], sentences: bool
) -> Iterator[Text]:
    colour = ""
    if judged:
        mark, status, _ = words.verdict(result["verdict"])
        colour = words.colour(result["verdict"])
        yield Text(f"{mark} {name}", colour)
        yield Text(status, colour)
        if sentences:
            yield Text(words.verdict(result["verdict"])[2])
    else:
        yield Text(name)
    for key in metrics:
        yield _value(result["metrics"].get(key))


def _value(metric: dict[str, Any] | None) -> Text:
    """The value, and its null in brackets."""
    if metric is None:
        return Text("–")
    value, null = metric["value"], metric.get("null")
    return Text.assemble(written(value), ("" if null is None else f" ({beside(null, value)})", "dim"))


def key_numbers(group: Group) -> Grid:
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
    """A number without its convention, in a row of its own; the full tables have both."""
    return {
        key: value for key, value in metric.items() if key not in ("convention", "interval_is", "together")
    }
