"""The terms of a gate, read from texts before anything is measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.requirements import Requirement, parse
from collapse_cli.metrics.tolerances import Tolerances, tolerances
from collapse_cli.runs.project import TOLERANCE


@dataclass(frozen=True)
class Terms:
    """What is required. only: names of the numbers that are compared with a baseline, all where there are none; tolerances: by
    how much they may be worse; compares: whether numbers are compared, besides those that requirements hold against the baseline;
    strict: dimensional collapse fails, and what the sample cannot decide.
    """

    requirements: Sequence[Requirement]
    only: Sequence[str]
    tolerances: Tolerances
    compares: bool
    strict: bool

    @property
    def required(self) -> list[str]:
        """Names of the numbers that are required."""
        return [requirement.name for requirement in self.requirements]

    @property
    def compared(self) -> list[str]:
        """Names of the numbers that are compared, as far as they are named."""
        return [*self.only, *self.tolerances.by_name]


def read(
    require: Sequence[str], only: Sequence[str], tolerance: Sequence[str], strict: bool, baseline: bool
) -> Terms:
    """baseline: whether there is one. Raises CollapseError for what cannot be read, and for what needs a baseline."""
    requirements = [parse(text) for text in require]
    of_baseline = [str(requirement) for requirement in requirements if requirement.of == "baseline"]
    names = [name.strip() for text in only for name in text.split(",")]
    if "" in names:
        raise CollapseError("'only' holds an empty name", "as in: effective_rank,uniformity")
    allowed = tolerances(tolerance, TOLERANCE)
    if not baseline and (of_baseline or only or tolerance):
        meaning = (
            f"'{of_baseline[0]}' needs a baseline" if of_baseline
            else "'only' says which numbers are compared with a baseline's" if only
            else "'tolerance' is by how much a number may be worse than a baseline's"
        )  # fmt: skip
        raise CollapseError(meaning, "add --baseline")
    compares = baseline and bool(only or tolerance or not of_baseline)
    return Terms(requirements, names, allowed, compares, strict)
