"""Which units of the representation's layer are hardly ever active?"""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.metrics.dormant import dormant


def measure(subject: Subject) -> Iterator[Entry]:
    """Of h alone, which comes after an activation; a projection is linear, and its small coordinates are not dormant."""
    rows = subject.clean.spaces["h"]
    with concerning(f"{subject.name} · h"):
        result = dormant(rows)
    yield Entry(
        subject.name,
        result,
        "h",
        settings={"split": subject.clean.source, "N": len(rows), "D": rows.shape[1]},
    )
