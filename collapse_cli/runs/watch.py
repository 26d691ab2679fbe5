"""When a run is saved between two steps, and when it is to stop there: by the clock, or because a signal asks for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import IntEnum

from collapse_cli.ranks import first
from collapse_cli.runs.signals import Signals
from collapse_cli.training_state import State


class Wish(IntEnum):
    """What a process wants after a step. Of several the highest is done."""

    NOTHING = 0
    SAVE = 1
    STOP = 2


@dataclass
class Watch:
    """minutes: after which a run is saved within an epoch, 0 for never; signals: what has arrived.

    since: when it was last saved; contents: what of the training its checkpoint holds, in words.
    """

    minutes: float = 0.0
    signals: Signals = field(default_factory=Signals)
    since: float = field(default_factory=time.monotonic)
    contents: str = ""

    @property
    def wish(self) -> Wish:
        """Asked after every step, so it costs next to nothing. The first process alone looks at its clock."""
        if self.signals.requeue:
            return Wish.STOP
        due = self.minutes and time.monotonic() - self.since >= 60 * self.minutes
        return Wish.SAVE if due and first() else Wish.NOTHING

    def saved(self, state: State) -> None:
        """The checkpoint holds this state."""
        self.since = time.monotonic()
        steps = f"{state.part.step} of {state.part.steps} steps of" if state.part else ""
        if state.epoch:
            self.contents = f"epoch {state.epoch}" + f" and {steps} the next" * bool(steps)
        else:
            self.contents = f"{steps} the first epoch" if steps else "the network before its first step"
