"""Do images differ more than views of one image do?"""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.metrics.view_ratio import ViewRatio, view_ratio
from collapse_cli.metrics.view_ratio import measure as ratio


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space, of the two views that alignment is measured on. None where there are no views."""
    if subject.views is None:
        return
    how = subject.case.recipe if subject.case else "the two views in the file"
    for space in subject.clean.spaces:
        with concerning(f"{subject.name} · {space}"):
            result = _of_network(subject, space) or ratio([view.spaces[space] for view in subject.views])
        yield Entry(
            subject.name, result, space, settings={"L2": False, "views": how, "seed": subject.measuring.seed}
        )


def _of_network(subject: Subject, space: str) -> ViewRatio | None:
    """Beside the same network at random initialisation, on the same images and views; None where there is no network."""
    if subject.present is None:
        return None
    initial = [view_ratio([view[space] for view in network.views]) for network in subject.initial]
    return ratio([view[space] for view in subject.present.views], initial)
