"""collapse watch: the curves of a training that runs in another process, as it goes on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Listed, options
from collapse_cli.commands.single import INCONCLUSIVE
from collapse_cli.settings import fill, knob

Folders = Annotated[
    list[Path],
    typer.Argument(
        metavar="FOLDER…", help="run folders, or those that a CollapseMonitor writes to", show_default=False
    ),
]


@dataclass(frozen=True)
class Watching(Listed):
    """How long and how often the folders are read."""

    once: bool = knob(False, "show how things stand now, and end")
    every: float = knob(2.0, "seconds between two looks at the folders", low=0.1)


@options(Output=Watching)
def watch(folders: Folders, typed: dict[str, Any]) -> None:
    """How does a training go that runs in another terminal? Its curves, live.

    Reads the monitor.jsonl that a CollapseMonitor writes with folder=, and run
    folders of collapse train, until the training ends. Warnings of collapse are told
    in words, and the chance levels of the loss are drawn. Where stdout is no terminal,
    each record is one line; --json is one document, at the end or with --once now.
    Exit code 0, or 3 where nothing was written.

    Example: [bold]collapse watch runs/mine[/bold]
    """
    from collapse_cli.analysis.watch import state, watching
    from collapse_cli.views import Output, show
    from collapse_cli.views.document import document
    from collapse_cli.views.watch import display

    asked = fill(Watching, typed)
    with display(live=not asked.json) as shown:
        for watched in watching(folders, asked.every, asked.once):
            answer = document(state(watched), sys.argv[1:])
            if not asked.json:
                shown.update(answer, [(str(each.folder), line) for each in watched for line in each.new])
    if asked.json:
        show(answer, Output(json=True))
    if not any(each.written for each in watched):
        raise typer.Exit(INCONCLUSIVE)
