"""How far apart are the classes, and is any of them collapsed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from collapse_cli.analysis.label_remedies import without_labels
from collapse_cli.analysis.loss_pairs import same_classes
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.class_names import LISTED, class_names
from collapse_cli.metrics.classes import CLOSEST, Classes, classes, single
from collapse_cli.metrics.neural_collapse import Classifier
from collapse_cli.metrics.rows import unit as unit_rows
from collapse_cli.values import null_of

ENOUGH = 10  # embeddings of a class: along one direction, so few vary so little by chance in 1.9e-5 of the cases (chi squared)
COLLAPSED = 0.05  # of the mean class's variance: a class with less is named
NAMED = 10  # of these classes
BEYOND = "too large or too small for float64, and left out"


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
    """The method's own, of unit rows, which has no bias; None where it has none, or the labels are not of its classes."""
    weights = subject.checkpoint.method.classifier if subject.checkpoint else None
    if not same_classes(subject):
        return None
    return None if weights is None else Classifier(unit_rows(weights.detach().cpu()))


def remarks(subject: Subject, entries: Sequence[Entry], **options: bool) -> Iterator[str]:
    """What is left out, a class that is collapsed while others are not, by name, and of many classes what is not listed."""
    labels = subject.clean.labels
    if labels is not None:
        yield from left_out(subject, labels)
    enough = _large(subject)
    for entry in entries:
        lost = [each for each in entry.variance_of_class.items() if each[1] < COLLAPSED and each[0] in enough]
        for name, variance in lost[:NAMED]:
            yield f"{entry.of}: class {name} has collapsed, with {variance:.2%} of the variance of the mean class"
        if len(lost) > NAMED:
            most = f"at least {len(lost):,}" if len(lost) == LISTED else f"{len(lost) - NAMED:,} more"
            yield f"{entry.of}: {most} classes have less than {COLLAPSED:.0%} of the variance of the mean class"
        if entry.within is None:
            yield f"{entry.of}: the variances within and between classes are {BEYOND}; their quotients are not"
        if entry.closest is not None:
            yield f"{entry.of}: {_not_listed(entry.classes)}"


def _large(subject: Subject) -> set[str]:
    """Names of the classes with so many embeddings that a small variance is none by chance."""
    labels = subject.clean.labels
    if labels is None:
        return set()
    values, sizes = torch.unique(labels, return_counts=True)
    return set(class_names(values[sizes >= ENOUGH].tolist(), subject.clean.classes))


def _not_listed(classes: int) -> str:
    """What an answer about many classes does not list."""
    listed = f"the {LISTED:,} classes with the least variance and rank" if classes > LISTED else "all classes"
    return f"of {classes:,} classes, {listed} are listed, and the {CLOSEST} pairs whose means lie closest, not every pair"


def left_out(subject: Subject, labels: Tensor) -> Iterator[str]:
    """Embeddings that are the only ones of their class, and declared classes without any."""
    alone, count = single(labels)
    sampled = len(subject.clean) < max(subject.available or 0, subject.count)
    more = "--samples takes more of each" if sampled else "give more images of each"
    if 0 < alone < len(labels):
        what = "left out: each is the only one of its class, which so has no variance"
        note = DataNote(
            "left out", alone, len(labels), "embeddings", f"{what} ({alone:,} of {count:,} classes)", more
        )
        yield f"{subject.name}: {note.sentence}"
    present = set(labels.tolist())
    absent = [name for number, name in enumerate(subject.clean.classes) if number not in present]
    if absent:
        what = "the sample has none of them" if sampled else f"{subject.clean.source} has no image of them"
        note = DataNote(
            "left out", len(absent), len(subject.clean.classes), "classes", f"left out: {what}",
            "--samples takes more" if sampled else "", absent,
        )  # fmt: skip
        yield f"{subject.name}: {note.sentence}"


def answer(result: Classes) -> str:
    """Whether classes can be told by their means, and whether one of them has lost its dimensions."""
    poorest = f"the class with the fewest directions has an effective rank of {written(result.least_rank)}"
    return (
        f"The nearest class mean is the right one for {percent(result.nearest_mean, 1)} of the embeddings (shuffled labels: "
        f"{percent(null_of(result.nearest_mean), 1)}); {poorest} (shuffled labels: {written(null_of(result.least_rank))})."
    )
