"""Where what a monitor sees goes to: monitor.jsonl, a sink, and whoever is to know of a collapse."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from collapse_cli.analysis.monitor_words import REMEDY, message
from collapse_cli.distributed import is_first
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alarm import Warned
from collapse_cli.metrics.looks import Look
from collapse_cli.runs.monitor_lines import MonitorLines

Sink = Callable[[dict[str, Any]], object]
OnCollapse = Literal["warn", "raise"] | Callable[[Warned], object]
TRAINERS = ("lightning.", "pytorch_lightning.", "transformers.", "accelerate.")
BETWEEN = ("collapse_cli.", "torch.", "contextlib", *TRAINERS)
"""Modules between `warnings.warn` and the user's own line."""


class Reports:
    """The first process alone writes, calls the sink and warns; every one raises, and calls a function of the user's."""

    def __init__(self, on_collapse: OnCollapse, folder: Path | None, sink: Sink | None) -> None:
        if on_collapse not in ("warn", "raise") and not callable(on_collapse):
            raise CollapseError(
                f"on_collapse cannot be {on_collapse!r}", 'it is "warn", "raise" or a function'
            )
        if sink is not None and not callable(sink):
            raise CollapseError(f"sink is a {type(sink).__name__}", "give a function that takes a dict")
        self.on_collapse, self.sink = on_collapse, sink
        self.lines = MonitorLines(folder) if folder is not None and is_first() else None
        self.reset()

    def reset(self) -> None:
        self.begun = self.ended = self.failed = False

    def begin(self, step: int, every: int, world: int, chance: Mapping[str, float]) -> None:
        """Once, also of a training that goes on."""
        if not self.begun:
            self.begun = True
            self._write("begin", step, {"every": every, "world": world, "chance": dict(chance)})

    def look(self, look: Look, level: str | None, warned: Warned | None) -> None:
        """warned: what the alarm says of it, which the sink is told, too: `warning`, the kind, and `message`."""
        fields = dataclasses.asdict(look)
        step = fields.pop("step")
        self._write("look", step, {**fields, "chance_level": level})
        if self.sink is not None and is_first():
            numbers = {
                name: value for name, value in {**fields, "chance_level": level}.items() if value is not None
            }
            alarm = {"warning": warned.kind, "message": message(warned)} if warned else {}
            self._tell({"step": step, **numbers, **alarm})

    def _tell(self, numbers: dict[str, Any]) -> None:
        """A sink that fails stops no training: it is told once, and called again at the next look."""
        assert self.sink is not None
        try:
            self.sink(numbers)
        except Exception as error:
            if not self.failed:
                self.failed = True
                said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
                text = f"The sink of the monitor failed at step {numbers['step']:,}, and the training goes on: {said}"
                warnings.warn(text, stacklevel=_levels())

    def remark(self, text: str) -> None:
        """What nothing has decided: a warning of Python's, where the user has asked for those."""
        if self.on_collapse in ("warn", "raise") and is_first():
            warnings.warn(text, stacklevel=_levels())

    def warn(self, warned: Warned) -> None:
        text = message(warned)
        self._write("warning", warned.step, {"kind": warned.kind, "message": text})
        if callable(self.on_collapse):
            self.on_collapse(warned)
        elif self.on_collapse == "raise":
            raise CollapseError(text, REMEDY, code=1)
        elif is_first():
            warnings.warn(f"{text}. {REMEDY[0].upper()}{REMEDY[1:]}.", stacklevel=_levels())

    def end(self, step: int, status: str) -> None:
        if self.begun and not self.ended:
            self.ended = True
            self._write("end", step, {"status": status})

    def _write(self, event: str, step: int, fields: Mapping[str, Any]) -> None:
        """A disk that is full stops no training."""
        if self.lines is None:
            return
        try:
            self.lines.write(event, step, fields)
        except CollapseError as error:
            self.lines = None
            warnings.warn(
                f"{error.message}: nothing more of the training is recorded. {error.hint}.",
                stacklevel=_levels(),
            )


def _levels() -> int:
    """How many callers up the training loop is, so that a warning names its line."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and f"{frame.f_globals.get('__name__')}.".startswith(BETWEEN):
        frame, level = frame.f_back, level + 1
    return level
