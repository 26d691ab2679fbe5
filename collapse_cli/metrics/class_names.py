"""What classes are called. Whether there are labels is another question, and names do not answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LISTED = 1000  # classes with a number each in a result


def class_names(labels: Iterable[int], names: Sequence[str]) -> list[str]:
    """The name of each label; where there is none, the label is its name."""
    return [names[label] if 0 <= label < len(names) else str(label) for label in labels]


def listed(names: Sequence[str], values: Sequence[float], highest: bool = False) -> dict[str, float]:
    """The value of each class by its name; of more than are listed, of those with the lowest or the highest, in that order."""
    every: Sequence[int] = range(len(names))
    if len(names) > LISTED:
        every = sorted(every, key=values.__getitem__, reverse=highest)[:LISTED]
    return {names[c]: values[c] for c in every}
