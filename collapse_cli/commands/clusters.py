"""collapse clusters: are the classes found again without labels?"""

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
    from torch import Tensor


@options(Measuring=Measuring, Output=Shown)
def clusters(
    inputs: Inputs,
    given: dict[str, Any],
    count: Annotated[
        int, typer.Option("--clusters", help="of k-means, M; 0: as many as there are classes", min=0)
    ] = 0,
) -> None:
    """Are the classes found again without labels?

    Clusters against labels: ACC, NMI, ARI, and how many clusters are used. Judged are the network's own cluster head, where
    it has one, and k-means on h and z (L2-normalised rows; raw ones for pixels:DATASET). Without labels only
    the sizes of the clusters are measured.

    Example: [bold]collapse clusters runs/mine pixels:digits --plot clusters.png[/bold]
    """
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    found = asked(subjects(inputs, measuring, shown.quiet), measuring, measure, count=count)
    finish("clusters", measure(found, measuring.seed, count), found, output, sampled(found))


def measure(found: Sequence[Subject], seed: int, count: int = 0) -> list[dict[str, Any]]:
    """An entry for the cluster head of each subject that has one, and one for k-means on each of its spaces."""
    from collapse_cli.metrics.clusters import clusters

    entries = []
    for number, subject in enumerate(found):
        clean = subject.clean
        for name, assigned, M, how in _assignments(subject, count, seed):
            result = clusters(assigned, M, clean.labels, clean.classes)
            settings = {"split": clean.source, "N": len(clean), "M": M, "seed": seed, **how}
            entries.append(entry(f"{subject.name} · {name}", result, input=number, settings=settings))
    return entries


def _assignments(
    subject: Subject, count: int, seed: int
) -> Iterator[tuple[str, Tensor, int, dict[str, Any]]]:
    """Name, clusters (N,), their number M and how they came about, for each way of clustering this subject."""
    import torch

    from collapse_cli.metrics.clusters import STARTS, kmeans
    from collapse_cli.metrics.rows import unit

    head = _head(subject)
    if head is not None:
        yield "head", head.argmax(dim=1), head.shape[1], {"assigned by": "head"}
    wanted = count or _classes(subject) or (0 if head is None else head.shape[1])
    if not wanted:
        raise CollapseError(
            f"{subject.name} has no labels, so no number of clusters", "give --clusters M, or --labels FILE"
        )
    raw = subject.facts["layout"] == "pixels"
    how = {"assigned by": "k-means", "starts": STARTS, "L2": not raw}
    for space, rows in subject.clean.spaces.items():
        generator = torch.Generator().manual_seed(seed)
        with about(f"{subject.name} · {space}"):
            assigned = kmeans(rows if raw else unit(rows), wanted, generator)
        yield space, assigned, wanted, how


def _classes(subject: Subject) -> int:
    """Classes among the rows; 0 without labels."""
    labels = subject.clean.labels
    return 0 if labels is None else len(labels.unique())


def _head(subject: Subject) -> Tensor | None:
    """Probabilities (N,M) of the network's own cluster head over the clean h, or None where it has none."""
    import torch

    head = subject.case.method.cluster_head if subject.case else None
    if head is None:
        return None
    training = head.training
    head.eval()
    with torch.no_grad():
        device = next(head.parameters()).device
        probabilities: Tensor = head(subject.clean.representations.to(device)).float().cpu()
    head.train(training)
    return probabilities
