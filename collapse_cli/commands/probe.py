"""collapse probe: what do frozen embeddings tell of their classes?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def probe(
    inputs: Inputs,
    given: dict[str, Any],
    k: Annotated[int, typer.Option(help="neighbours that vote in kNN, k", min=1)] = 20,
    temperature: Annotated[float, typer.Option(help="of their votes exp(cosine / T), T", min=1e-4)] = 0.07,
    per_class: Annotated[int, typer.Option(help="labels of each class, where they are few", min=1)] = 10,
    replications: Annotated[int, typer.Option(help="random choices of few labels, averaged", min=1)] = 3,
) -> None:
    """What do frozen embeddings tell of their classes?

    Weighted kNN, a linear probe on all labels and one on a few of each class, on h and z, with intervals and chance.
    Fitted on the train split and scored on the test split; any other --split, and a file of embeddings, is cut 80 : 20
    within each class. Rows are at most --samples; their cosines are held 128 MiB at a time.

    Example: [bold]collapse probe runs/mine pixels:digits --per-class 10[/bold]
    """
    ask("probe", inputs, given, per_class=per_class, replications=replications, k=k, temperature=temperature)
