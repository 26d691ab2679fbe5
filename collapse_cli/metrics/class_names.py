"""What classes are called. Whether there are labels is another question, and names do not answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def class_names(labels: Iterable[int], names: Sequence[str]) -> list[str]:
    """The name of each label; where there is none, the label is its name."""
    return [names[label] if 0 <= label < len(names) else str(label) for label in labels]
