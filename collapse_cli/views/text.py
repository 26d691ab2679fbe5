"""An answer as text without colour: the whole one of the terminal, or a short one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from textwrap import fill, shorten
from typing import Any

from rich.console import Console
from rich.text import Text

from collapse_cli.views import grid, terminal
from collapse_cli.views.document import Document, Group, groups, verdicts
from collapse_cli.views.tables import tables

LINES = 12  # of a short answer, as far as its verdicts leave room
JUDGED = 6  # verdicts of a short answer
MARGIN = 20  # letters beside the name and the sentence of a verdict
PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False, "color_system": None}


def whole(document: Document, width: int) -> str:
    """What `show` prints, this many letters wide."""
    return _captured(lambda console: terminal.show(document, console), width)


def brief(document: Document, width: int = 100) -> str:
    """The short answer: headline numbers with their nulls, and last the verdicts without their reasons.

    It has about twelve lines; what does not fit is named.
    """
    judged = _verdicts(document, width)
    shown, left_out = _fitting(groups(document), max(LINES - len(judged), LINES // 2), width)
    rest = f"… in .table(): {'; '.join(left_out)}" if left_out else ""
    return "\n".join([*shown, *fill(rest, width).splitlines(), *judged])


def _fitting(every: Sequence[Group], room: int, width: int) -> tuple[list[str], list[str]]:
    """As many lines, and the titles of what does not fit or has no numbers. The first that has numbers is shown in any case."""
    shown: list[str] = []
    left_out: list[str] = []
    for group in every:
        lines = [group.title, *_numbers(group, width)]
        title = group.title[0].lower() + group.title[1:]
        if len(lines) == 1 or (shown and len(shown) + len(lines) >= room):
            left_out.append(title)
        elif len(lines) > room:
            shown += lines[: room - 1]
            left_out.append(f"the rest of {title}")
        else:
            shown += lines
    return shown, left_out


def _numbers(group: Group, width: int) -> list[str]:
    """The headline numbers of a group as a table; conventions and settings stand in the whole one."""
    numbers = grid.numbers(replace(group, entries=tuple(map(_bare, group.entries))), headline=True)
    numbers = numbers.turned() if grid.many(group) else numbers
    rows = list(tables(numbers, width))
    return _captured(lambda console: console.print(*rows, sep="\n"), width).splitlines() if rows else []


def _bare(result: dict[str, Any]) -> dict[str, Any]:
    metrics = {name: metric | {"convention": ""} for name, metric in result["metrics"].items()}
    return result | {"settings": {}, "metrics": metrics}


def _verdicts(document: Document, width: int) -> list[str]:
    """The sentence of each verdict; of many, how many more there are."""
    every = verdicts(document)
    shown = [
        terminal.verdict(_in_a_line(verdict, width - len(name) - MARGIN), name)
        for name, verdict in every[-JUDGED:]
    ]
    if not shown:
        return []
    more = [Text(f"… {len(every) - JUDGED} more verdicts: see .table()")] if len(every) > JUDGED else []
    return _captured(lambda console: console.print(*more, *shown, sep="\n"), width).splitlines()


def _in_a_line(verdict: Mapping[str, Any], width: int) -> dict[str, Any]:
    """The verdict without its reasons, its sentence cut to this many letters."""
    sentence = shorten(verdict["sentence"], max(width, MARGIN), placeholder=" …")
    return {**verdict, "sentence": sentence, "reasons": [], "advice": []}


def _captured(write: Callable[[Console], None], width: int) -> str:
    """What is written to a console that knows no terminal, without blanks at the ends of lines."""
    file = io.StringIO()
    write(Console(file=file, width=width, force_jupyter=False, **PLAIN))
    return "\n".join(line.rstrip() for line in file.getvalue().rstrip("\n").splitlines())
