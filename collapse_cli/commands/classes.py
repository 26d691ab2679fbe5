"""collapse classes: how far apart are the classes, and is any of them collapsed?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def classes(
    inputs: Inputs,
    given: dict[str, Any],
    unit: Annotated[bool, typer.Option("--unit", help="bring rows to length 1 first")] = False,
) -> None:
    """How far apart are the classes, and is any of them collapsed?

    Variance within and between classes, CDNV, neural collapse NC1 and NC2, and of each class its variance and effective
    rank, beside the same rows with their labels shuffled. NC3 and NC4 where the run has a linear classifier. Low NC1 is
    the aim of supervised training; of a contrastive space it says how separable the classes are.

    Example: [bold]collapse classes runs/mine --plot classes.png[/bold]
    """
    ask("classes", inputs, given, unit=unit)
