"""collapse spectrum: how many dimensions does the embedding really use?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import typer

from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subjects import Subject, finish, subjects
from collapse_cli.results import entry
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def spectrum(inputs: Inputs, given: dict[str, Any]) -> None:
    """How many dimensions does the embedding really use?

    Spectrum, effective ranks by every convention, and a verdict, for h and z, beside isotropic rows of the same N and D.

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
    import torch

    from collapse_cli.metrics import spectrum
    from collapse_cli.metrics.verdict import verdict

    entries = []
    for number, subject in enumerate(found):
        for space, rows in subject.clean.spaces.items():
            result = spectrum.spectrum(rows, torch.Generator().manual_seed(seed))
            settings = {"split": subject.clean.source, "seed": seed, "eps": 0}
            of = f"{subject.name} · {space}"
            entries.append(entry(of, result, input=number, settings=settings, verdict=verdict(result)))
    return entries
