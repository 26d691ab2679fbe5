"""collapse inspect: what is this file, and what can be measured on it?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Columns
from collapse_cli.commands.options import Listed, options
from collapse_cli.data import NAMES, is_source
from collapse_cli.errors import CollapseError
from collapse_cli.printable import everywhere
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.settings import ImageFiles, fill, knob
from collapse_cli.streams import unaltered
from collapse_cli.views import as_json
from collapse_cli.views.balance import balance

WIDE = 63  # letters beside a fact's name
TOGETHER = ("measure_with", "also_measured", "results", "spaces")  # lists that are told between commas
PARTS = ("spaces", "assumed", "measure_with")  # facts of a network with which a part of its page begins


@dataclass(frozen=True)
class Kept:
    """Where named sets of images lie."""

    data_dir: str = knob("", "folder of the data sets (or COLLAPSE_DATA_DIR)")
    download: bool = knob(False, "download a missing data set")


@options(Foreign_checkpoint=Choices, Table=Columns, Images=ImageFiles, Data=Kept, Output=Listed)
def inspect(
    input: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="a file, a run folder, the folder of a network, or images: a data set, folder:PATH, parquet:PATH",
            show_default=False,
        ),
    ],
    typed: dict[str, Any],
) -> None:
    """What is this file, and what can be measured on it?

    The file is a run, a checkpoint of collapse or of another library (layout, architecture, prefix and the number of
    weights that match), or embeddings. No code in the file is executed. Of images it
    is the whole balance: classes, sizes, copies, what cannot be read, and what a
    training makes of them.

    Example: [bold]collapse inspect checkpoint_0199.pth.tar[/bold]
    """
    facts = _facts(input, typed)
    if fill(Listed, typed).json:
        print(as_json(facts), file=unaltered(sys.stdout))
    else:
        facts = everywhere(facts)
        page = balance(facts) if "training" in facts else _page(facts)
        sys.stdout.write("".join(f"{line}\n" for line in page))


def _facts(path: Path, typed: dict[str, Any]) -> dict[str, Any]:
    """What is known at a glance, where nothing was chosen; else what it takes torch to tell. Of images their balance."""
    if is_source(str(path)) or (str(path) in NAMES and not path.exists()):
        return _of_images(path, typed)
    try:
        return _of_file(path, fill(Choices, typed), fill(Columns, typed).column)
    except CollapseError:
        if images := _of_images(path, typed):
            return images
        raise


def _of_images(path: Path, typed: dict[str, Any]) -> dict[str, Any]:
    """The balance of a set of images; {} for what is none."""
    from collapse_cli.analysis import image_inspection

    dataset, kept = image_inspection.named_by(path), fill(Kept, typed)
    if not dataset:
        return {}
    from collapse_cli.views.progress import reporter

    with reporter(quiet=False):
        return image_inspection.facts(dataset, fill(ImageFiles, typed), kept.data_dir, kept.download)


def _of_file(path: Path, choices: Choices, column: str) -> dict[str, Any]:
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
