"""The block in which a monitor watches the layers of a model."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from collapse_cli.analysis.monitor_hooks import Hooks
from collapse_cli.errors import CollapseError

if TYPE_CHECKING:
    from collapse_cli.analysis.monitor import CollapseMonitor

NOT_CALLED = (
    "{} was not called in train mode with gradients enabled, so that nothing was watched: name a layer that takes part in the "
    "training, or use update(z)."
)
BLOCK = "write: with CollapseMonitor.watch(model, layers=[…]) as monitor:, and train within it"


class Watching(AbstractContextManager["CollapseMonitor"]):
    """What `CollapseMonitor.watch` gives: the monitor is had by `with`, once, and hooks are gone behind it."""

    def __init__(self, monitor: CollapseMonitor, hooks: Hooks) -> None:
        self._monitor, self._hooks, self._begun = monitor, hooks, False
        self._stack = ExitStack()

    def __enter__(self) -> CollapseMonitor:
        if self._begun:
            raise CollapseError("this watch has been used already", "call CollapseMonitor.watch again")
        self._begun = True
        self._stack.enter_context(self._monitor)
        self._stack.enter_context(self._hooks)
        return self._monitor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, where)
        if kind is None and self._monitor.step == 0:
            warnings.warn(NOT_CALLED.format(self._hooks.called), stacklevel=2)

    def __getattr__(self, name: str) -> NoReturn:
        """Raises CollapseError for what the monitor alone has, which is where a `with` was forgotten."""
        if name.startswith("_") or not hasattr(type(self._monitor), name):
            raise AttributeError(f"{type(self).__name__} has no {name}")
        raise CollapseError(
            f"watch() gives its monitor by `with`, and {name} was asked for without it", BLOCK
        )
