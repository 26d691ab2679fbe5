"""Which input a refusal is about, where what refuses knows only numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collapse_cli.errors import CollapseError


@contextmanager
def about(name: str) -> Iterator[None]:
    """Put the name in front of what a measurement refuses."""
    try:
        yield
    except CollapseError as error:
        raise CollapseError(f"{name}: {error.message}", error.hint, error.code) from None
