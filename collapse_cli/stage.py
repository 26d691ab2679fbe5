"""How far a training got, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["done", "running", "interrupted", "requeue", "failed", "killed", "unknown"]
"""Of a run; requeue: saved and stopped by a signal, to be resumed by whoever sent it; killed: said to be running, but its process
is gone; unknown where nothing says it."""

End = Literal["complete", "stopped", "failed"]
"""How a training ended, as its monitor.jsonl says."""


@dataclass(frozen=True)
class Stage:
    """How far a training got: epochs completed, of those planned; 0: the network is at its initialisation, or near it.

    status: as the run's folder says; unknown where a checkpoint has none, or it does not say; error: why it failed.
    step: done of the `steps` of the epoch under way; 0 where the checkpoint is that of the end of an epoch.
    """

    status: Status
    epochs: int
    planned: int
    error: str = ""
    step: int = 0
    steps: int = 0

    @property
    def in_words(self) -> str:
        """`after 12 of 40 epochs and 3 of 21 steps of the next`, or that none is completed, and why it stopped.

        Empty where all epochs are completed.
        """
        stops = {"failed": "; the training failed", "killed": "; the training was killed"}
        error = f": {self.error}" if self.error and self.status == "failed" else ""
        why = stops.get(self.status, "") + error
        within = f"{self.step} of {self.steps} steps of" if self.step else ""
        if self.epochs == 0:
            begun = f", and {within} the first are" if within else ""
            return f"no epoch of {self.planned} is completed{begun}{why}"
        if self.epochs >= self.planned and not within:
            return ""
        more = f" and {within} the next" if within else ""
        return f"after {self.epochs} of {self.planned} epochs{more}{why}"
