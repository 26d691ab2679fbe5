"""How long work reports where it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Progress(Protocol):
    """How long work tells where it is: a line of story, or `done` of `total` steps of a named stage."""

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None: ...


def silent(text: str, done: int = 0, total: int = 0) -> None:
    """Nothing is shown."""


_listener: ContextVar[Progress] = ContextVar("listener", default=silent)


@contextmanager
def told_to(progress: Progress) -> Iterator[None]:
    """Within it `counted` reports to `progress`."""
    before = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(before)


def say(text: str) -> None:
    """A line of story to whoever listens."""
    _listener.get()(text)


def counted(items: Sequence[Item], stage: str, size: Callable[[Item], int] | None = None) -> Iterator[Item]:
    """The items one by one; whoever listens is told how many are done. size: what an item counts for, as a batch its images."""
    report, done = _listener.get(), 0
    total = len(items) if size is None else sum(map(size, items))
    try:
        for item in items:
            report(stage, done, total)
            yield item
            done += 1 if size is None else size(item)
    finally:  # also where nobody asks for the rest
        if total:
            report(stage, total, total)
