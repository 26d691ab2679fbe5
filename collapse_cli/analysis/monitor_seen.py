"""What a monitor has seen of a training, from which a verdict can be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from collapse_cli.analysis.monitor_rows import KeptBatch
from collapse_cli.metrics.alarm import Warned
from collapse_cli.metrics.alarm_early import NearOnePoint
from collapse_cli.metrics.alarm_kinds import Kind


@dataclass(frozen=True)
class Seen:
    """What a monitor has of a training.

    batches: the last that it looked at; first: the first of all; origin: the mean embedding at the start, (d,); window: how many
    batches it holds; step: how many steps were counted; loss: the last; level: the name and the value of the chance level that it
    is at; warned: what the alarm has told; standing: the kinds among them that the last look still shows; near: where z
    has been near one point lately; every: steps between looks; remedy: what to do where there is no batch yet.
    """

    batches: Sequence[KeptBatch]
    first: KeptBatch | None
    origin: Tensor | None
    window: int
    seed: int = 0
    step: int = 0
    loss: float | None = None
    level: tuple[str, float] | None = None
    warned: Sequence[Warned] = ()
    standing: Sequence[Kind] = ()
    near: NearOnePoint | None = None
    every: int = 1
    remedy: str = "call update(z) in the training loop first"
