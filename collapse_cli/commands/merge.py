"""collapse merge: states of parts of the embeddings as one, measured as the whole would be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Saved, Shown, options
from collapse_cli.commands.single import ask

States = Annotated[
    list[Path], typer.Argument(metavar="STATE…", help="files that --save-state wrote", show_default=False)
]


@options(State=Saved, Output=Shown)
def merge(inputs: States, typed: dict[str, Any]) -> None:
    """How many dimensions do embeddings use that were measured in parts?

    A state is a small file that `collapse spectrum PART --save-state FILE` writes of a
    part of the embeddings. Of the states of all parts this gives the answer of
    `collapse spectrum` on all embeddings, with uniformity. It is the same to 1e-9
    however they were split, and in whatever order they are merged. States that differ
    in width, type or settings, or that have embeddings in common, are refused.

    Example: [bold]collapse merge part-*.npz --save-state whole.npz[/bold]
    """
    ask("spectrum", inputs, typed, together=True)
