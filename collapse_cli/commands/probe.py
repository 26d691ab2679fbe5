"""collapse probe: how well do frozen embeddings predict the classes?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def probe(
    inputs: Inputs,
    typed: dict[str, Any],
    k: Annotated[int, typer.Option(help="neighbours that vote in kNN, k", min=1)] = 20,
    temperature: Annotated[
        float, typer.Option(help="temperature of their votes exp(cosine / T), T", min=1e-4)
    ] = 0.07,
    per_class: Annotated[int, typer.Option(help="labels of each class in the few-label probe", min=1)] = 10,
    replications: Annotated[
        int, typer.Option(help="random draws of few labels, whose accuracies are averaged", min=1)
    ] = 3,
) -> None:
    """How well do frozen embeddings predict the classes?

    Weighted kNN, a linear probe on all labels and one on a few labels of each class, on h and z, with intervals and chance
    levels. Probes are fitted on the train split and scored on the test split; any other --split, and a file of embeddings,
    is split 80 : 20 within each class. At most --samples embeddings are used; their cosines take 128 MiB at a time.

    Example: [bold]collapse probe runs/mine pixels:digits --per-class 10[/bold]
    """
    ask("probe", inputs, typed, per_class=per_class, replications=replications, k=k, temperature=temperature)
