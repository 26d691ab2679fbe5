"""Two inputs -> the answer about both together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collapse_cli.analysis import alignment as aligned
from collapse_cli.analysis import coverage as covered
from collapse_cli.analysis.inputs import Loaded, expanded, load_all
from collapse_cli.analysis.measured import requested
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.answers import Answer, answer
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent


def alignment(inputs: Sequence[Loaded], measuring: Measuring, progress: Progress = silent) -> Answer:
    """Two sets whose rows are pairs: alignment, modality gap, uniformity of each side, partners found."""
    inputs = expanded(inputs)
    if len(inputs) != 2:
        raise CollapseError(
            f"pairs take two inputs, {len(inputs)} given", "name the file of either side of the pairs"
        )
    first, second = loaded = load_all(inputs, measuring, progress)
    facts = requested(loaded, aligned.measure, {})
    warnings = [line for subject in loaded for line in subject.sampled()]
    return answer("alignment", aligned.pairs(first, second), facts, warnings)


def coverage(
    inputs: Sequence[Loaded], measuring: Measuring, progress: Progress = silent, **options: Any
) -> Answer:
    """The real set, and the generated one that should cover it. options: k, space, width of `coverage.measure`."""
    real, generated = loaded = load_all(inputs, measuring, progress)
    entries = list(covered.measure(real, generated, **options))
    facts = requested(loaded, covered.measure, options)
    return answer("coverage", entries, facts, [line for subject in loaded for line in subject.sampled()])
