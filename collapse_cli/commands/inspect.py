"""collapse inspect: what is this file, and what can be measured on it?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
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
from collapse_cli.views.facts import facts_page
from collapse_cli.views.words import explaining


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
    facts = facts_of(input, typed)
    if fill(Listed, typed).json:
        print(as_json(facts), file=unaltered(sys.stdout))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in lines_of(everywhere(facts))))


def lines_of(facts: dict[str, Any]) -> Iterator[str]:
    """The lines that are printed."""
    shown = {name: fact for name, fact in facts.items() if name != "explain"}
    yield from balance(shown) if "training" in shown else facts_page(shown)
    yield f"What this means: {explaining(facts['explain'])}"


def facts_of(path: Path, typed: dict[str, Any], quiet: bool = False) -> dict[str, Any]:
    """The facts, with the page of the guide on what it is: images, a network of another library, or what can be measured."""
    facts = _facts(path, typed, quiet)
    ours = facts.get("layout") in ("run folder", "collapse checkpoint")
    foreign = "architecture" in facts and not ours
    return {**facts, "explain": "images" if "training" in facts else "checkpoints" if foreign else "inputs"}


def _facts(path: Path, typed: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """What is known at a glance, where nothing was chosen; else what it takes torch to tell. Of images their balance."""
    if is_source(str(path)) or (str(path) in NAMES and not path.exists()):
        return _of_images(path, typed, quiet)
    try:
        return _of_file(path, fill(Choices, typed), fill(Columns, typed).column)
    except CollapseError:
        if images := _of_images(path, typed, quiet):
            return images
        raise


def _of_images(path: Path, typed: dict[str, Any], quiet: bool) -> dict[str, Any]:
    """The balance of a set of images; {} for what is none."""
    from collapse_cli.analysis import image_inspection

    dataset, kept = image_inspection.named_by(path), fill(Kept, typed)
    if not dataset:
        return {}
    from collapse_cli.views.progress import reporter

    with reporter(quiet):
        return image_inspection.facts(dataset, fill(ImageFiles, typed), kept.data_dir, kept.download)


def _of_file(path: Path, choices: Choices, column: str) -> dict[str, Any]:
    from collapse_cli.analysis import glance

    at_a_glance = glance.facts(path) if choices == Choices() and not column else None
    if at_a_glance is not None:
        return at_a_glance
    from collapse_cli.analysis.inspection import facts

    return facts(path, choices, column)
