"""collapse classes: how far apart are the classes, and has any of them collapsed?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def classes(
    inputs: Inputs,
    typed: dict[str, Any],
    unit: Annotated[bool, typer.Option("--unit", help="L2-normalise the embeddings first")] = False,
) -> None:
    """How far apart are the classes, and has any of them collapsed?

    Variance within and between classes, CDNV, neural collapse NC1 and NC2, and the variance and effective rank of each
    class, beside the same embeddings with shuffled labels; NC3 and NC4 where the run has a linear classifier. A low NC1 is
    the aim of supervised training; for a contrastive space it tells how separable the classes are.

    Example: [bold]collapse classes runs/mine --plot classes.png[/bold]
    """
    ask("classes", inputs, typed, unit=unit)
