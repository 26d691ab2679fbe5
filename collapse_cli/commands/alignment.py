"""collapse alignment: do views of one picture meet, and do pictures spread out?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

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


@options(Measuring=Measuring, Output=Shown)
def alignment(
    inputs: Inputs,
    given: dict[str, Any],
    pair: Annotated[
        bool,
        typer.Option(
            "--pair", help="two INPUTs are one set in pairs: row i of one belongs to row i of the other"
        ),
    ] = False,
) -> None:
    """Do views of one picture meet, and do pictures spread out?

    Alignment over real augmented pairs, uniformity beside its lower bound, mean cosine; for each class too. With several
    inputs the plot is a scatter of the two.

    With --pair, for pictures and their captions, say: alignment of the pairs, the modality gap between the two sets, the
    uniformity of each, and how many find their partner.

    Examples: [bold]collapse alignment runs/a runs/b --plot plane.png[/bold],
    [bold]collapse alignment image.npy text.npy --pair[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    if pair and len(inputs) != 2:
        raise CollapseError(
            f"--pair takes two inputs, {len(inputs)} given", "name the file of either side of the pairs"
        )
    found = asked(subjects(inputs, measuring, shown.quiet, views=not pair), measuring)
    if pair:
        finish("alignment", together(found[0], found[1], measuring.seed), found, output, sampled(found))
        return
    warnings = [
        f"{subject.name} holds no augmented pairs: alignment is left out{_remedy(subject)}"
        for subject in found
        if subject.views is None
    ]
    finish("alignment", measure(found, measuring.seed), found, output, [*sampled(found), *warnings])


def _remedy(subject: Subject) -> str:
    """Of raw pixels there are no embeddings to be written."""
    pixels = subject.facts["layout"] == "pixels"
    return "" if pixels else "; `collapse embed` writes them, --pair takes two files"


def measure(found: Sequence[Subject], seed: int) -> list[dict[str, Any]]:
    """One entry for each space of each subject. Classes and views are those of the viewed pictures."""
    from collapse_cli.metrics import alignment

    entries = []
    for number, subject in enumerate(found):
        for space, rows in subject.clean.spaces.items():
            pair, labels = None, subject.clean.labels
            if subject.views:
                first, second = subject.views
                pair = first.spaces[space], second.spaces[space]
                chosen = _positions(subject.clean.index, first.index)
                rows, labels = rows[chosen], None if labels is None else labels[chosen]
            with about(f"{subject.name} · {space}"):
                result = alignment.measure(rows, pair, labels, subject.clean.classes)
            settings = {"N": len(rows), "d": rows.shape[1], "alpha": 2, "t": 2, "seed": seed}
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries


def together(first: Subject, second: Subject, seed: int) -> list[dict[str, Any]]:
    """One entry for each space that both have in one width. Raises CollapseError where their rows are no pairs."""
    import torch

    from collapse_cli.metrics.modality import modality

    _refuse_unpaired(first, second)
    entries = []
    for space, rows in first.clean.spaces.items():
        others = second.clean.spaces.get(space)
        if others is not None and others.shape == rows.shape:
            result = modality(rows, others, torch.Generator().manual_seed(seed))
            settings = {
                "first": first.name,
                "second": second.name,
                "N": len(rows),
                "d": rows.shape[1],
                "seed": seed,
            }
            entries.append(entry(f"{first.name} × {second.name} · {space}", result, settings=settings))
    if not entries:
        widths = [
            ", ".join(f"{space} {rows.shape[1]}" for space, rows in one.clean.spaces.items())
            for one in (first, second)
        ]
        raise CollapseError(
            f"{first.name} has rows of width {widths[0]}, {second.name} of {widths[1]}",
            "pairs are compared in one space of one width, as the projections of both encoders are",
        )
    return entries


def _refuse_unpaired(first: Subject, second: Subject) -> None:
    import torch

    if first.count != second.count:
        raise CollapseError(
            f"{first.name} has {first.count:,} rows, {second.name} {second.count:,}: they are no pairs",
            "row i of one must belong to row i of the other",
        )
    if not torch.equal(first.clean.index, second.clean.index):
        raise CollapseError(
            f"{first.name} and {second.name} are of different pictures",
            "row i of one must belong to row i of the other",
        )


def _positions(index: Any, wanted: Any) -> Any:
    """Where in the sorted `index` (N,) the pictures `wanted` (n,) stand."""
    import torch

    return torch.searchsorted(index, wanted)
