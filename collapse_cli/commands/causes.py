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
    typed: dict[str, Any],
    strength: Annotated[
        float,
        typer.Option(
            help="strength of the augmentation that views are made with; 0: the run's own", min=0, max=3
        ),
    ] = 0.0,
    recipe: Annotated[str, typer.Option(help="augmentation other than the run's own")] = "",
    try_epochs: Annotated[
        int,
        typer.Option(
            "--try",
            metavar="EPOCHS",
            help="epochs to train with each cure, or with each usual suspect where no cause is found",
            min=0,
        ),
    ] = 0,
) -> None:
    """Why has it collapsed, and what would cure it?

    Examines what repels images in the loss, how far the weights moved,
    augmentation against data, the age of the keys, linear layers in a row, and
    the share of false negatives. The answer is a ranked list of causes, each with
    its evidence and threshold, and with a command where that command has been
    measured to help. With --try each cure is trained for a few epochs and compared
    with the run's own training; where no cause of a collapse is found, one setting
    is changed at a time. Of another library's network only the augmentation can be
    examined.

    Example: [bold]collapse causes runs/mine --try 8 --plot causes.png[/bold]
    """
    ask("causes", inputs, typed, strength=strength, recipe=recipe, try_epochs=try_epochs)
