"""How many dimensions do embeddings use? The spectrum of each space, with the verdict on it."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.judgement import judgement, settings
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space, beside the network at random initialisation."""
    for space in subject.rows:
        judged = judgement(subject, space)
        yield Entry(
            subject.name,
            judged.spectrum,
            space,
            settings=settings(subject, judged.spectrum),
            verdict=judged.verdict,
        )
