"""collapse classes: how far apart are the classes, and is any of them collapsed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.about import about
from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subject import Subject, sampled
from collapse_cli.commands.subjects import subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from collapse_cli.metrics.neural_collapse import Classifier

COLLAPSED = 0.05  # of the mean class's variance: a class with less is named


@options(Measuring=Measuring, Output=Shown)
def classes(
    inputs: Inputs,
    given: dict[str, Any],
    unit: Annotated[bool, typer.Option("--unit", help="bring rows to length 1 first")] = False,
) -> None:
    """How far apart are the classes, and is any of them collapsed?

    Variance within and between classes, CDNV, neural collapse NC1 and NC2, and of each class its variance and effective
    rank, beside the same rows with their labels shuffled. NC3 and NC4 where the run has a linear classifier. Low NC1 is
    the aim of supervised training; of a contrastive space it says how separable the classes are.

    Example: [bold]collapse classes runs/mine --plot classes.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = asked(subjects(inputs, measuring, shown.quiet), measuring, measure, unit=unit)
    entries = measure(found, measuring.seed, unit)
    finish("classes", entries, found, output, [*sampled(found), *_warnings(entries)])


def measure(found: Sequence[Subject], seed: int, unit: bool = False) -> list[dict[str, Any]]:
    """One entry for each space of each subject; the space that a classifier sees is measured as that sees it."""
    import torch

    from collapse_cli.metrics import rows as lengths
    from collapse_cli.metrics.classes import classes

    entries = []
    for number, subject in enumerate(found):
        clean = subject.clean
        if clean.labels is None:
            raise CollapseError(
                f"{subject.name} has no labels, so no classes",
                "give class folders, a file with labels, or --labels FILE",
            )
        for space, rows in clean.spaces.items():
            classifier = _classifier(subject) if space == list(clean.spaces)[-1] else None
            short = unit or classifier is not None
            generator = torch.Generator().manual_seed(seed)
            with about(f"{subject.name} · {space}"):
                measured = lengths.unit(rows) if short else rows
                result = classes(measured, clean.labels, clean.classes, generator, classifier)
            settings = {"split": clean.source, "L2": short, "seed": seed}
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries


def _classifier(subject: Subject) -> Classifier | None:
    """The method's own, of unit rows and without bias; None where it has none."""
    from collapse_cli.metrics.neural_collapse import Classifier
    from collapse_cli.metrics.rows import unit

    weights = subject.checkpoint.method.classifier if subject.checkpoint else None
    return None if weights is None else Classifier(unit(weights.detach().cpu()))


def _warnings(entries: Sequence[dict[str, Any]]) -> Iterator[str]:
    """A class that is collapsed while others are not, by name."""
    for one in entries:
        for name, variance in one["metrics"]["variance_of_class"]["values"].items():
            if variance < COLLAPSED:
                yield f"{one['of']}: class {name} is collapsed, with {variance:.2%} of the mean class's variance"
