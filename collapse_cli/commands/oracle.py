"""collapse oracle: how many negatives are false negatives?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Shown, options
from collapse_cli.commands.single import ask
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def oracle(
    typed: dict[str, Any],
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[INPUT…]",
            help="runs, checkpoints or embeddings; without any, the expectation from labels alone",
            show_default=False,
        ),
    ] = None,
    queue: Annotated[
        int, typer.Option(help="number of keys, K; 0: the run's own queue, or 4096 from labels alone", min=0)
    ] = 0,
    temperature: Annotated[
        float, typer.Option(help="temperature of the softmax, T; 0: the run's own, or 0.2", min=0)
    ] = 0.0,
    batch: Annotated[
        int, typer.Option(help="from labels alone: images per step, B; 0: 64, as `collapse train`", min=0)
    ] = 0,
) -> None:
    """How many negatives are false negatives?

    Computed from labels alone with --dataset (no data needed for the named sets), or measured on a run: false negatives by
    similarity rank, their share of the softmax mass, and the accuracy of the proxy task. Queries, positives and keys are made as
    the run's loss makes them: keys are its own queue, or with --queue K they are sampled from the data.

    Examples: [bold]collapse oracle --dataset cifar10 --queue 65536[/bold], [bold]collapse oracle runs/mine[/bold]
    """
    if inputs:
        ask("oracle", inputs, typed, queue=queue, temperature=temperature, batch=batch)
        return
    measuring, output = fill(Measuring, typed), fill(Shown, typed).output()
    from collapse_cli.analysis.oracle import from_labels
    from collapse_cli.commands.output import finish

    finish(from_labels(measuring, queue, batch), output)
