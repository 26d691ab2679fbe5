"""collapse merge: states of parts of the embeddings as one, measured as the whole would be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Saved, Shown, options
from collapse_cli.commands.single import ask

States = Annotated[
    list[Path], typer.Argument(metavar="STATE…", help="files of --save-state", show_default=False)
]


@options(State=Saved, Output=Shown)
def merge(inputs: States, typed: dict[str, Any]) -> None:
    """Embeddings that were measured in parts: what are all of them together?

    The answer of `collapse spectrum` on all embeddings, from the states that
    `collapse spectrum PART --save-state FILE` wrote of each part, each embedding in
    one of them. However they were split, and in whatever order they are merged,
    the answer is the same to 1e-9. States that differ in what decides, or that have
    embeddings in common, are refused.

    Example: [bold]collapse merge part-*.npz --save-state whole.npz[/bold]
    """
    ask("spectrum", inputs, typed, together=True)
