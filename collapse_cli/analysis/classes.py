"""How far apart are the classes, and is any of them collapsed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.analysis.label_remedies import without_labels
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.classes import Classes, classes
from collapse_cli.metrics.neural_collapse import Classifier
from collapse_cli.metrics.rows import unit as unit_rows
from collapse_cli.values import null_of

COLLAPSED = 0.05  # of the mean class's variance: a class with less is named


def measure(subject: Subject, unit: bool = False) -> Iterator[Entry]:
    """One entry for each space; the space that a classifier sees is measured as that sees it."""
    clean, seed = subject.clean, subject.measuring.seed
    if clean.labels is None:
        raise without_labels(subject)
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
    """A class that is collapsed while others are not, by name."""
    for entry in entries:
        for name, variance in entry.variance_of_class.items():
            if variance < COLLAPSED:
                yield f"{entry.of}: class {name} has collapsed, with {variance:.2%} of the variance of the mean class"


def answer(result: Classes) -> str:
    """Whether classes can be told by their means, and whether one of them has lost its dimensions."""
    poorest = f"the class with the fewest directions has an effective rank of {written(result.least_rank)}"
    return (
        f"The nearest class mean is the right one for {percent(result.nearest_mean, 1)} of the embeddings (shuffled labels: "
        f"{percent(null_of(result.nearest_mean), 1)}); {poorest} (shuffled labels: {written(null_of(result.least_rank))})."
    )
