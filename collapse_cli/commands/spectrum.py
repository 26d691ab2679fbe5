"""collapse spectrum: how many dimensions does the embedding really use?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from collapse_cli.commands.about import about
from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subject import Subject
from collapse_cli.commands.subjects import subjects
from collapse_cli.results import entry
from collapse_cli.settings import fill
from collapse_cli.shapes import class_count

if TYPE_CHECKING:
    from collapse_cli.metrics.advice import Context
    from collapse_cli.metrics.spectrum import Spectrum
    from collapse_cli.shapes import Rows


@options(Measuring=Measuring, Output=Shown)
def spectrum(inputs: Inputs, given: dict[str, Any]) -> None:
    """How many dimensions does the embedding really use?

    Spectrum, effective ranks by every convention, and a verdict, for h and z,
    beside isotropic rows of the same N and D (through a ReLU where these were),
    and beside the same network before training. What to do: collapse diagnose.

    Example: [bold]collapse spectrum runs/mine --plot spectrum.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = asked(subjects(inputs, measuring, shown.quiet), measuring)
    entries = measure(found, measuring.seed)
    finish("spectrum", entries, found, output)
    if all(one["verdict"]["status"] == "inconclusive" for one in entries):
        raise typer.Exit(3)


def measure(found: Sequence[Subject], seed: int) -> list[dict[str, Any]]:
    """One entry for each space of each subject."""
    from collapse_cli.metrics.verdict import verdict

    entries = []
    for number, subject in enumerate(found):
        for space in subject.rows:
            result = measured(subject, space, seed, subject.untrained)
            said = replace(
                verdict(result, context(subject, space)), advice=()
            )  # which collapse diagnose gives
            of = f"{subject.name} · {space}"
            entries.append(
                entry(of, result, input=number, settings=settings(subject, result, seed), verdict=said)
            )
    return entries


def measured(subject: Subject, space: str, seed: int, before: Mapping[str, Rows]) -> Spectrum:
    """Of one space, beside rows of its kind, and beside those of the network before training, by space, if there are any."""
    import torch

    from collapse_cli.metrics.spectrum import never_negative, spectrum

    rows, generator = subject.rows[space], torch.Generator().manual_seed(seed)
    with about(f"{subject.name} · {space}"):
        return spectrum(rows, generator, relu=never_negative(rows), untrained=before.get(space))


def context(subject: Subject, space: str) -> Context:
    """What is known without looking at views; the loss is that of the last space, the only one that it sees."""
    from collapse_cli.metrics.advice import Context

    count = class_count(subject.clean.labels, subject.clean.classes)
    known: dict[str, Any] = {"space": space, "classes": count}
    if subject.checkpoint:
        known["method"] = subject.checkpoint.run.method
    if subject.queue:
        known["queue"] = subject.queue.filled
    lines = subject.record.history() if subject.record else []
    if lines and space == list(subject.rows)[-1]:
        known |= {"loss": lines[-1]["loss"], "chance": lines[-1]["chance"]}
    return Context(**known)


def settings(subject: Subject, result: Spectrum, seed: int) -> dict[str, Any]:
    """What a result was measured with."""
    kind = {"chance": "isotropic, ReLU"} if result.rectified else {}
    return {"split": subject.clean.source, "seed": seed, "eps": 0} | kind
