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

    once: bool = knob(False, "show the curves as they are now, and end")
    every: float = knob(2.0, "seconds until the folders are read again", low=0.1)


@options(Output=Watching)
def watch(folders: Folders, typed: dict[str, Any]) -> None:
    """How is a training going that runs in another terminal? Its curves, live.

    Reads the monitor.jsonl that a CollapseMonitor writes with folder=, and run
    folders of collapse train, until the training ends. It shows warnings of collapse
    in words, and draws the chance levels of the loss. Where stdout is no terminal,
    each record is one line. --json gives one document when the training has ended,
    or at once with --once.
    Exit code 0, or 3 where nothing was written.

    Example: [bold]collapse watch runs/mine[/bold]
    """
    from collapse_cli.analysis.watch import answer_about, watching
    from collapse_cli.views import Output, show
    from collapse_cli.views.document import document
    from collapse_cli.views.watch import display

    asked = fill(Watching, typed)
    with display(live=not asked.json) as shown:
        for watched in watching(folders, asked.every, asked.once):
            answer = document(answer_about(watched), sys.argv[1:])
            if not asked.json:
                shown.update(answer, [(str(each.folder), line) for each in watched for line in each.new])
    if asked.json:
        show(answer, Output(json=True))
    if not any(each.written for each in watched):
        raise typer.Exit(INCONCLUSIVE)
