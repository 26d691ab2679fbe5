"""How long work tells where it is; whoever called it decides what is shown."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A line of story, or `done` of `total` steps of a named stage."""

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None: ...


def silent(text: str, done: int = 0, total: int = 0) -> None:
    """Shows nothing."""
