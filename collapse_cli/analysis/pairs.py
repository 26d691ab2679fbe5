"""Two inputs -> the answer about both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collapse_cli.analysis import alignment as aligned
from collapse_cli.analysis import coverage as covered
from collapse_cli.analysis.inputs import Loaded, expanded, load_all
from collapse_cli.analysis.measured import requested, with_assumption
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, answer
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent


def alignment(inputs: Sequence[Loaded], measuring: Measuring, progress: Progress = silent) -> Answer:
    """Two sets whose rows are pairs: alignment, modality gap, uniformity of each side, partners found."""
    refusal = "--pair takes two inputs", "name the file of either side of the pairs"
    first, second = loaded = _two(inputs, measuring, progress, *refusal)
    facts = requested(loaded, aligned.measure, {})
    warnings = [line for subject in loaded for line in subject.sampled()]
    return answer(
        "alignment", [with_assumption(entry) for entry in aligned.pairs(first, second)], facts, warnings
    )


def coverage(
    inputs: Sequence[Loaded], measuring: Measuring, progress: Progress = silent, **options: Any
) -> Answer:
    """The real set, and the generated one that should cover it. options: k, space, width of `coverage.measure`."""
    refusal = "coverage takes a real and a generated set", "name the file of either"
    real, generated = loaded = _two(inputs, measuring, progress, *refusal)
    entries = [with_assumption(entry) for entry in covered.measure(real, generated, **options)]
    facts = [
        each | ({"network": subject.network} if subject.network else {})
        for each, subject in zip(requested(loaded, covered.measure, options), loaded, strict=True)
    ]
    warnings = [*covered.doubts(real, generated), *(line for subject in loaded for line in subject.sampled())]
    return answer("coverage", entries, facts, [*warnings, *covered.remarks(entries)])


def _two(
    inputs: Sequence[Loaded], measuring: Measuring, progress: Progress, message: str, hint: str
) -> list[Subject]:
    """Both sets, loaded; a folder may hold the two. Raises CollapseError for another number of them."""
    sets = expanded(inputs, measuring)
    if len(sets) != 2:
        raise CollapseError(f"{message}, {len(sets)} given", hint)
    return load_all(sets, measuring, progress)
