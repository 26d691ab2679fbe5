"""collapse diagnose: has it collapsed, which measurements show it, and what should be tried next?"""

from __future__ import annotations

from typing import Any

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def diagnose(inputs: Inputs, typed: dict[str, Any]) -> None:
    """Has it collapsed, which measurements show it, and what should be tried next?

    A verdict on h and z: complete collapse, dimensional collapse (n of D),
    healthy or inconclusive, with the numbers that decide, their intervals, nulls
    and bounds, and what to try. An input is judged by h, unless z has collapsed
    completely. Projections are compared with isotropic data, the output of a ReLU
    with isotropic data through a ReLU, and both with the same network at random
    initialisation. An offset is not a collapse; where embeddings alone do not
    suffice, the answer says what to give. `collapse calibration` measures how
    often the verdict is right.

    Several --dataset measure a network on each of them, and say where it is healthy on one and collapsed on another, and
    whether that is the network or the data.

    Examples: [bold]collapse diagnose runs/mine --plot diagnosis.png[/bold],
    [bold]collapse diagnose runs/mine --dataset digits --dataset folder:others[/bold]
    """
    ask("diagnose", inputs, typed, across=True)
