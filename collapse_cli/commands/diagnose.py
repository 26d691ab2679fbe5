"""collapse diagnose: has it collapsed, what says so, and what should be tried next?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from collapse_cli.commands.answers import finish
from collapse_cli.commands.kept import asked
from collapse_cli.commands.merging import space
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.spectrum import context, measured, settings
from collapse_cli.commands.subject import Subject
from collapse_cli.commands.subjects import subjects
from collapse_cli.results import entry
from collapse_cli.settings import fill

if TYPE_CHECKING:
    from collapse_cli.metrics.advice import Context


@options(Measuring=Measuring, Output=Shown)
def diagnose(inputs: Inputs, given: dict[str, Any]) -> None:
    """Has it collapsed, what says so, and what should be tried next?

    A verdict on h and z: complete collapse, dimensional collapse (n of D),
    healthy or inconclusive, with the numbers that decide, their intervals, chance
    and bounds, and what to try. Heads are compared with isotropic rows, what a
    ReLU gave with isotropic rows through a ReLU, and both with the same network
    before training: a run's own, another library's with its weights drawn anew.
    How often it is right: collapse calibration.

    Example: [bold]collapse diagnose runs/mine --plot diagnosis.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = asked(subjects(inputs, measuring, shown.quiet, views=True), measuring)
    entries = measure(found, measuring.seed)
    finish("diagnose", entries, found, output)
    if all(one["verdict"]["status"] == "inconclusive" for one in entries):
        raise typer.Exit(3)


def measure(found: Sequence[Subject], seed: int) -> list[dict[str, Any]]:
    """One entry for each space of each subject."""
    from collapse_cli.metrics.evidence import evidence
    from collapse_cli.metrics.verdict import verdict

    entries = []
    for number, subject in enumerate(found):
        before = subject.untrained or subject.redrawn
        for name in subject.rows:
            spectrum, known = measured(subject, name, seed, before), _with_views(subject, name)
            of, found_so = f"{subject.name} · {name}", verdict(spectrum, known)
            said = settings(subject, spectrum, seed)
            entries.append(
                entry(of, evidence(spectrum, known), input=number, settings=said, verdict=found_so)
            )
    _beside_collapse(entries)
    return entries


def _beside_collapse(entries: Sequence[dict[str, Any]]) -> None:
    """A space is not to be kept as it is because random weights gave it directions, while another of its input is one point."""
    points = {one["input"]: one for one in entries if one["verdict"]["status"] == "complete collapse"}
    for one in entries:
        if one["verdict"]["status"] == "healthy" and one["input"] in points:
            where = space(points[one["input"]])
            one["verdict"]["advice"] = (
                f"see {where}, which is one point: what the loss taught went there; random weights fill directions too",
            )


def _with_views(subject: Subject, space: str) -> Context:
    """What is known of a space, the alignment of its views too, if there are any."""
    from collapse_cli.metrics.alignment import alignment
    from collapse_cli.metrics.rows import unit

    known = context(subject, space)
    if not subject.views:
        return known
    first, second = (unit(view.spaces[space]) for view in subject.views)
    return replace(known, alignment=alignment(first, second))
