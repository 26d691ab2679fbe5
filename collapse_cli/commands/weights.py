"""collapse weights: which layers have lost rank, and do adjacent layers align?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.settings import fill


@options(Output=Shown)
def weights(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT…",
            help="run folders, checkpoints, or weights of other libraries",
            show_default=False,
        ),
    ],
    typed: dict[str, Any],
    seed: Annotated[
        int,
        typer.Option(
            help="seed of the random matrices that stand in for initial weights where those are not known",
            min=0,
        ),
    ] = 0,
) -> None:
    """Which layers have lost rank, and do adjacent layers align?

    Ranks and singular values of every layer, beside the same weights at
    initialisation (recomputed from the run's seed, or random matrices for other
    libraries); and how far the directions that one layer amplifies are those that
    the next layer takes up. For a run trained with --keep-every both are also
    shown by epoch.

    Example: [bold]collapse weights runs/mine --plot weights.png[/bold]
    """
    shown = fill(Shown, typed)
    output = shown.output()
    from collapse_cli.analysis import weights as analysis
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        networks = analysis.read_all(inputs, progress)
    finish(analysis.answered(networks, seed), output, networks[0].record if len(networks) == 1 else None)
