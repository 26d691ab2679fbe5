"""collapse spectrum: how many dimensions does the embedding really use?"""

from __future__ import annotations

from typing import Any

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Saved, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, State=Saved, Output=Shown)
def spectrum(inputs: Inputs, typed: dict[str, Any]) -> None:
    """How many dimensions does the embedding really use?

    The spectrum, effective ranks by every convention, and a verdict, for h and z,
    beside isotropic data of the same N and D (through a ReLU where the embeddings
    come from a ReLU), and beside the same network at random initialisation.
    `collapse diagnose` says what to do. Where the embeddings lie in parts, --save-state
    writes a state of each, and `collapse merge` makes one answer of all states.

    Example: [bold]collapse spectrum runs/mine --plot spectrum.png[/bold]
    """
    ask("spectrum", inputs, typed)
