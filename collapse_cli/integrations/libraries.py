"""Other people's packages: imported when they are needed, and the remedy where they are missing."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from collapse_cli.errors import CollapseError


def library(module: str, extra: str) -> Any:
    """This module of another package. Raises CollapseError, which names the extra to install, where it is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise CollapseError(
            f"{module} cannot be imported: {error}",
            f"install it with: pip install 'collapse-cli[{extra}]'",
        ) from None


class Derived:
    """What becomes a library's own kind of object by `derived`, and stays so when it is copied or sent to a process."""

    def __reduce__(self) -> tuple[Any, ...]:
        ours, *theirs = type(self).__bases__
        return _empty, (ours, *theirs), self.__dict__


@cache
def derived(ours: type, *theirs: type) -> type:
    """A class that is one of ours and, for `isinstance`, of the library's too, whichever of its packages is in use."""
    return type(ours.__name__, (ours, *theirs), {"__module__": ours.__module__, "__doc__": ours.__doc__})


def _empty(ours: type, *theirs: type) -> Any:
    return object.__new__(derived(ours, *theirs))
