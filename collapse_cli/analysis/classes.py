"""How far apart are the classes, and is any of them collapsed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.class_names import LISTED
from collapse_cli.metrics.classes import CLOSEST, Classes, classes
from collapse_cli.metrics.neural_collapse import Classifier
from collapse_cli.metrics.rows import unit as unit_rows
from collapse_cli.values import null_of

COLLAPSED = 0.05  # of the mean class's variance: a class with less is named
NAMED = 10  # of these classes


def measure(subject: Subject, unit: bool = False) -> Iterator[Entry]:
    """One entry for each space; the space that a classifier sees is measured as that sees it."""
    clean, seed = subject.clean, subject.measuring.seed
    if clean.labels is None:
        raise CollapseError(
            f"{subject.name} has no labels, which this needs",
            "give class folders, a file with labels, or --labels FILE",
        )
    for space, rows in clean.spaces.items():
        classifier = _classifier(subject) if space == subject.last_space else None
        normalised = unit or classifier is not None
        with concerning(f"{subject.name} · {space}"):
            measured = unit_rows(rows) if normalised else rows
            result = classes(measured, clean.labels, clean.classes, generator(seed), classifier)
        settings = {"split": clean.source, "L2": normalised, "seed": seed}
        yield Entry(subject.name, result, space, settings=settings)


def _classifier(subject: Subject) -> Classifier | None:
    """The method's own, of unit rows, which has no bias; None where it has none."""
    weights = subject.checkpoint.method.classifier if subject.checkpoint else None
    return None if weights is None else Classifier(unit_rows(weights.detach().cpu()))


def remarks(subject: Subject, entries: Sequence[Entry], **options: bool) -> Iterator[str]:
    """A class that is collapsed while others are not, by name; of many classes, what is not listed."""
    for entry in entries:
        lost = [each for each in entry.variance_of_class.items() if each[1] < COLLAPSED]
        for name, variance in lost[:NAMED]:
            yield f"{entry.of}: class {name} has collapsed, with {variance:.2%} of the variance of the mean class"
        if len(lost) > NAMED:
            most = f"at least {len(lost):,}" if len(lost) == LISTED else f"{len(lost) - NAMED:,} more"
            yield f"{entry.of}: {most} classes have less than {COLLAPSED:.0%} of the variance of the mean class"
        if entry.closest is not None:
            yield f"{entry.of}: {_left_out(entry.classes)}"


def _left_out(classes: int) -> str:
    """What an answer about many classes does not list."""
    listed = f"the {LISTED:,} classes with the least variance and rank" if classes > LISTED else "all classes"
    return f"of {classes:,} classes, {listed} are listed, and the {CLOSEST} pairs whose means lie closest, not every pair"


def answer(result: Classes) -> str:
    """Whether classes can be told by their means, and whether one of them has lost its dimensions."""
    poorest = f"the class with the fewest directions has an effective rank of {written(result.least_rank)}"
    return (
        f"The nearest class mean is the right one for {percent(result.nearest_mean, 1)} of the embeddings (shuffled labels: "
        f"{percent(null_of(result.nearest_mean), 1)}); {poorest} (shuffled labels: {written(null_of(result.least_rank))})."
    )
