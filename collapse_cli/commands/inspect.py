"""collapse inspect: what is this file, and what can be measured on it?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Columns
from collapse_cli.commands.options import Listed, options
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.settings import fill
from collapse_cli.views import as_json, plain_letters

WIDE = 63  # letters beside a fact's name
TOGETHER = ("measure_with", "also_measured", "results", "spaces")  # lists that are told between commas
PARTS = ("spaces", "assumed", "measure_with")  # facts of a network with which a part of its page begins


@options(Foreign_checkpoint=Choices, Table=Columns, Output=Listed)
def inspect(
    input: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="a file, a run folder, or the folder of a network", show_default=False
        ),
    ],
    typed: dict[str, Any],
) -> None:
    """What is this file, and what can be measured on it?

    The file is a run, a checkpoint of collapse or of another library (layout, architecture, prefix and the number of
    weights that match), or embeddings. No code in the file is executed.

    Example: [bold]collapse inspect checkpoint_0199.pth.tar[/bold]
    """
    facts = _facts(input, fill(Choices, typed), fill(Columns, typed).column)
    if fill(Listed, typed).json:
        print(as_json(facts), file=plain_letters.unaltered(sys.stdout))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _page(facts)))


def _facts(path: Path, choices: Choices, column: str) -> dict[str, Any]:
    """What is known at a glance, where nothing was chosen; else what it takes torch to tell."""
    from collapse_cli.analysis import glance

    at_a_glance = glance.facts(path) if choices == Choices() and not column else None
    if at_a_glance is not None:
        return at_a_glance
    from collapse_cli.analysis.inspection import facts

    return facts(path, choices, column)


def _page(facts: dict[str, Any]) -> Iterator[str]:
    """A line or more for each fact; of a network with an empty line before each part."""
    for name, value in facts.items():
        lines = _lines(name, value)
        if name in PARTS and "matched" in facts and lines:
            yield ""
        yield from lines


def _lines(name: str, value: Any) -> list[str]:
    """One fact: sentences from a line of their own on, commands between commas, numbers as a shape."""
    if isinstance(value, list) and name in TOGETHER:
        texts = wrap(", ".join(value), WIDE)
    elif isinstance(value, list) and all(isinstance(text, str) for text in value):
        texts = [line for text in value for line in _wrapped(text)]
    elif isinstance(value, list):
        texts = [" x ".join(map(_figure, value))] if value else []
    elif name in ("why", "known_by"):
        texts = _wrapped(value)
    else:
        texts = [] if value in (None, "") else [_figure(value)]
    labels = [name.replace("_", " "), *[""] * len(texts)]
    return [f"{label:<16} {text}" for label, text in zip(labels, texts, strict=False)]


def _wrapped(sentence: str) -> list[str]:
    """Lines of a sentence, of which an option, a name or a path is never broken."""
    return wrap(sentence, WIDE, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
