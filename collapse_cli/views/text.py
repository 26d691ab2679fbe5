"""An answer as text without colour: the whole one of the terminal, or the short one."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from collapse_cli.views import grid, terminal
from collapse_cli.views.document import Document, groups, verdicts
from collapse_cli.views.tables import tables


def text(document: Document, width: int) -> str:
    """What `show` prints, without colour, this many letters wide."""
    return _captured(lambda console: terminal.show(document, console), width)


def _captured(write: Callable[[Console], None], width: int) -> str:
    console = Console(
        file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False, color_system=None
    )
    with console.capture() as capture:
        write(console)
    return capture.get().rstrip("\n")


def brief(document: Document, width: int = 100) -> str:
    """The short answer: headline numbers with their nulls, and the verdicts without their reasons."""
    return _captured(lambda console: _brief(document, console), width)


def _brief(document: Document, console: Console) -> None:
    for group in groups(document):
        console.print(Text(group.title, "bold"))
        numbers = grid.numbers(group, headline=True)
        for table in tables(numbers.turned() if len(group.entries) > grid.MANY else numbers, console.width):
            console.print(table)
    for name, judged in verdicts(document):
        console.print(terminal.verdict(judged | {"reasons": [], "advice": []}, name))
