"""A monitor in a trainer's hands: made when a training begins, told where its steps begin and end, closed at its end."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, Literal

from torch import nn

from collapse_cli.analysis.monitor import CollapseMonitor
from collapse_cli.analysis.monitor_reports import OnCollapse
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.integrations.scalars import scalars
from collapse_cli.integrations.step_hooks import Layers, StepHooks
from collapse_cli.stage import End

OnCollapseOrStop = OnCollapse | Literal["stop"]


class TrainerMonitor:
    """What the callbacks of several libraries share.

    on_collapse: as of `CollapseMonitor`, or "stop", which warns and lets the trainer end the training in its own way.
    """

    def __init__(self, layers: Layers, on_collapse: OnCollapseOrStop, settings: Mapping[str, Any]) -> None:
        """Raises CollapseError for settings that no monitor takes, before the training begins."""
        self.layers = layers
        self.stops = on_collapse == "stop"
        self.settings = {**settings, "on_collapse": "warn" if self.stops else on_collapse}
        _refuse(self.settings, self.stops)
        self.monitor: CollapseMonitor | None = None
        self.hooks: StepHooks | None = None
        self.told = 0  # the step of the last look that was logged
        self.warned = 0  # warnings that were there before this training
        self.stopped = False

    def begin(self, goes_on: bool = False) -> CollapseMonitor:
        """A new monitor, with the state of the one before where that training goes on."""
        state = self.monitor.state_dict() if goes_on and self.monitor is not None else None
        self.close("failed")
        self.monitor = CollapseMonitor(**self.settings)
        self.told, self.warned, self.stopped = 0, 0, False
        if state is not None:
            self.load(state)
        return self.monitor

    def load(self, state: Mapping[str, Any]) -> None:
        """What a checkpoint kept."""
        assert self.monitor is not None
        self.monitor.load_state_dict(state)
        self.told, self.warned = self.monitor.step, len(self.monitor.warned)

    def watch(self, model: nn.Module) -> None:
        """The layers of this model. Raises CollapseError where it has no such layers or is compiled."""
        assert self.monitor is not None
        together = bool(self.settings.get("gather", True))
        self.hooks = StepHooks(self.monitor, model, self.layers, together)

    def numbers(self, prefix: str) -> tuple[dict[str, float], int]:
        """Those of a look that has been read since the last call, else none; and how many steps ago it was: a GPU's come late."""
        look = self.monitor.last_look if self.monitor is not None else None
        if self.monitor is None or look is None or look.step <= self.told:
            return {}, 0
        self.told = look.step
        return scalars(dataclasses.asdict(look), prefix), self.monitor.step - look.step

    @property
    def should_stop(self) -> bool:
        """Whether it has warned since the training began, and a warning is to end it."""
        assert self.monitor is not None
        self.stopped = self.stops and len(self.monitor.warned) > self.warned
        return self.stopped

    def close(self, status: End) -> None:
        """status: of a training that was stopped by a warning it is "stopped"."""
        if self.hooks is not None:
            self.hooks.remove()
            self.hooks = None
        if self.monitor is not None:
            self.monitor.close("stopped" if self.stopped and status == "complete" else status)


def _refuse(settings: Mapping[str, Any], stops: bool) -> None:
    known = list(inspect.signature(CollapseMonitor).parameters)
    for name in settings:
        if name not in known:
            raise CollapseError(f"a monitor has no setting '{name}'", nearest(name, known))
    if stops and not settings.get("gather", True):
        raise CollapseError(
            'on_collapse="stop" goes with gather=True: all processes must stop at the same step',
            'leave out gather=False, or use on_collapse="raise"',
        )
    CollapseMonitor(**{name: value for name, value in settings.items() if name != "folder"})
