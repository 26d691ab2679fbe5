"""collapse probe: what does a linear probe find with few labels?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from collapse_cli.commands import subjects as inputs_
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subjects import Subject, finish, subjects
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def probe(
    inputs: Inputs,
    given: dict[str, Any],
    per_class: Annotated[int, typer.Option(help="labelled pictures of each class", min=1)] = 10,
    draws: Annotated[int, typer.Option(help="draws of labels, averaged", min=1)] = 3,
) -> None:
    """What does a linear probe find with few labels?

    Logistic regression on a few labelled pictures per class, scored on the test split; chance is shown. With all labels
    raw pixels of digits already score 98 %, with ten they do not.

    Example: [bold]collapse probe runs/a runs/b --per-class 10[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = subjects(inputs, measuring, shown.quiet)
    finish("probe", measure(found, measuring, per_class, draws), found, output)


def measure(
    found: Sequence[Subject], measuring: Measuring, per_class: int = 10, draws: int = 3
) -> list[dict[str, Any]]:
    """One entry for each space of each subject: labels from the measured split, scored on the test split."""
    import torch

    from collapse_cli.embedding import embed, sample
    from collapse_cli.metrics.probe import few_labels

    entries = []
    for number, subject in enumerate(found):
        if subject.checkpoint is None or subject.clean.labels is None:
            raise CollapseError(
                f"{subject.name} cannot be probed", "a probe needs a run and a data set with labels"
            )
        images = inputs_.pictures(subject.checkpoint, measuring, split="test")
        index = sample(images, measuring.samples, measuring.seed)
        test = embed(subject.checkpoint.method, images, subject.checkpoint.normalisation, index)
        for space, rows in subject.clean.spaces.items():
            generator = torch.Generator().manual_seed(measuring.seed)
            assert test.labels is not None
            result = few_labels(
                rows, subject.clean.labels, test.spaces[space], test.labels, generator, per_class, draws
            )
            settings = {
                "train": subject.clean.source,
                "test": test.source,
                "N": len(test),
                "seed": measuring.seed,
            }
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries
