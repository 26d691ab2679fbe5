"""collapse diagnose: has it collapsed, what says so, and what should be tried next?"""

from __future__ import annotations

from typing import Any

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def diagnose(inputs: Inputs, given: dict[str, Any]) -> None:
    """Has it collapsed, what says so, and what should be tried next?

    A verdict on h and z: complete collapse, dimensional collapse (n of D),
    healthy or inconclusive, with the numbers that decide, their intervals, nulls
    and bounds, and what to try. An input is judged by h, unless z has collapsed
    completely. Heads are compared with isotropic rows, what a ReLU gave with
    isotropic rows through a ReLU, and both with the same network at random
    initialisation. An offset is no collapse; where embeddings alone cannot tell,
    it says what to give. How often it is right: collapse calibration.

    Example: [bold]collapse diagnose runs/mine --plot diagnosis.png[/bold]
    """
    ask("diagnose", inputs, given)
