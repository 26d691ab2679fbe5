"""How many dimensions do embeddings use? The spectrum of each space, with the verdict on it."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.judgement import judgement, settings
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.metrics.sampled_pairs import sampled_pairs


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space, beside the network at random initialisation; of a state also what its pairs say."""
    for space in subject.rows:
        judged = judgement(subject, space)
        yield Entry(
            subject.name,
            judged.spectrum,
            space,
            settings=settings(subject, judged.spectrum),
            verdict=judged.verdict,
        )
        if space in subject.states:
            yield _of_pairs(subject, space)


def _of_pairs(subject: Subject, space: str) -> Entry:
    state, seed = subject.states[space], subject.measuring.seed
    result = subject.once(("pairs", space), lambda: sampled_pairs(state.rows, state.count))
    settings = {"N": state.count, "D": state.width, "sampled": result.sampled, "seed": seed, "t": 2}
    return Entry(subject.name, result, space, settings=settings)
