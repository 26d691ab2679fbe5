"""collapse causes: why has it collapsed, and what would cure it?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def causes(
    inputs: Inputs,
    given: dict[str, Any],
    strength: Annotated[
        float, typer.Option(help="of the augmentation it is held against; 0: the run's own", min=0, max=3)
    ] = 0.0,
    recipe: Annotated[str, typer.Option(help="another augmentation than the run's own")] = "",
    try_epochs: Annotated[
        int,
        typer.Option(
            "--try", metavar="EPOCHS", help="train this far with each cure, or each usual suspect", min=0
        ),
    ] = 0,
) -> None:
    """Why has it collapsed, and what would cure it?

    What keeps images apart in its loss, how far its weights moved, augmentation
    against data, the age of its keys, its layers in a row, the share of false
    negatives: a ranked list of causes, each with what was measured and the
    threshold, and a command where that was seen to help. With --try each cure is
    trained for a few epochs and held against the run's own course; where no
    cause of a collapse is found, one setting is changed at a time. Of another
    library's network only its augmentation can be asked.

    Example: [bold]collapse causes runs/mine --try 8 --plot causes.png[/bold]
    """
    ask("causes", inputs, given, strength=strength, recipe=recipe, try_epochs=try_epochs)
