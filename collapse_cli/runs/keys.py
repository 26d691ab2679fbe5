"""Names of items and members of sets in a pickle: what is hashed, which a tuple of tuples may make endless."""

from __future__ import annotations

from typing import Any

PARTS = (
    100  # of a tuple that is a key, with those of the tuples in it: a tuple may name one below it many times
)
LONG = f"its pickle has a name that is a tuple of more than {PARTS} parts"


def hashable(value: Any) -> Any:
    """The same, for a set or the name of an item. Raises ValueError for a tuple of too many parts to be hashed."""
    waiting, parts = [value], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            parts += len(part)
            if parts > PARTS:
                raise ValueError(LONG)
            waiting += part
    return value
