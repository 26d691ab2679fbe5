"""collapse alignment: do views of one picture meet, and do pictures spread out?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collapse_cli.commands.kept import asked
from collapse_cli.commands.options import Inputs, Measuring, Shown, options
from collapse_cli.commands.subjects import Subject, finish, subjects
from collapse_cli.results import entry
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def alignment(inputs: Inputs, given: dict[str, Any]) -> None:
    """Do views of one picture meet, and do pictures spread out?

    Alignment over real augmented pairs, uniformity beside its lower bound, mean cosine; for each class too. With several
    inputs the plot is a scatter of the two.

    Example: [bold]collapse alignment runs/a runs/b --plot plane.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = asked(subjects(inputs, measuring, shown.quiet, views=True), measuring)
    warnings = [
        f"{subject.name} holds no augmented pairs: alignment is left out; write them with `collapse embed`"
        for subject in found
        if subject.views is None
    ]
    finish("alignment", measure(found, measuring.seed), found, output, warnings)


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
            result = alignment.measure(rows, pair, labels, subject.clean.classes)
            settings = {"N": len(rows), "d": rows.shape[1], "alpha": 2, "t": 2, "seed": seed}
            entries.append(entry(f"{subject.name} · {space}", result, input=number, settings=settings))
    return entries


def _positions(index: Any, wanted: Any) -> Any:
    """Where in the sorted `index` (N,) the pictures `wanted` (n,) stand."""
    import torch

    return torch.searchsorted(index, wanted)
