"""Are the classes found again without labels? A network's own cluster head, and k-means on each space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.clusters import Clusters, clusters
from collapse_cli.metrics.kmeans import ENOUGH, kmeans, seconds, starts
from collapse_cli.metrics.rows import unit
from collapse_cli.progress import say
from collapse_cli.values import null_of


def measure(subject: Subject, count: int = 0) -> Iterator[Entry]:
    """An entry for the cluster head where there is one, and one for k-means on each space."""
    clean = subject.clean
    for space, assigned, M, how in _assignments(subject, count):
        result = clusters(assigned, M, clean.labels, clean.classes)
        settings = {"split": clean.source, "N": len(clean), "M": M, "seed": subject.measuring.seed, **how}
        yield Entry(subject.name, result, space, settings=settings)


def _assignments(subject: Subject, count: int) -> Iterator[tuple[str, Tensor, int, dict[str, Any]]]:
    """Space, clusters (N,), their number M and how they came about, for each way of clustering this subject."""
    head = _head(subject)
    if head is not None:
        yield "head", head.argmax(dim=1), head.shape[1], {"assigned by": "head"}
    labels = subject.clean.labels
    classes = 0 if labels is None else len(torch.unique(labels))
    cluster_count = count or classes or (0 if head is None else head.shape[1])
    if not cluster_count:
        raise CollapseError(
            f"{subject.name} has no labels, so the number of clusters is not known",
            "give --clusters M, or --labels FILE",
        )
    for space, rows in subject.clean.spaces.items():
        with concerning(f"{subject.name} · {space}"):
            measured = rows if subject.raw else unit(rows)
            _announce(len(rows), rows.shape[1], cluster_count)
            assigned = kmeans(measured, cluster_count, generator(subject.measuring.seed))
        often = starts(len(rows), rows.shape[1], cluster_count)
        how = {"assigned by": "k-means", "starts": often, "L2": not subject.raw}
        yield space, assigned, cluster_count, how


def _announce(count: int, width: int, clusters: int) -> None:
    """How long it will take, where that is long, and what makes it shorter."""
    expected = seconds(count, width, clusters)
    if expected > ENOUGH:
        amount = f"{expected:.0f} seconds" if expected < 120 else f"{expected / 60:.0f} minutes"
        say(
            f"k-means divides {count:,} embeddings of {width} dimensions into {clusters:,} clusters, which takes about {amount} "
            "on one core; fewer --samples or --clusters take less"
        )


def _head(subject: Subject) -> Tensor | None:
    """Probabilities (N,M) of the network's own cluster head over the clean h, or None where it has none."""
    head = subject.case.method.cluster_head if subject.case else None
    if head is None:
        return None
    was_training = head.training
    head.eval()
    with torch.no_grad():
        device = next(head.parameters()).device
        probabilities: Tensor = head(subject.clean.representations.to(device)).float().cpu()
    head.train(was_training)
    return probabilities


def answer(result: Clusters) -> str:
    """How well clusters meet the classes, and how many are used."""
    largest = f"{written(result.used)} clusters are used, and the largest holds {percent(result.largest)} of the images"
    if result.accuracy is None:
        return f"There are no labels; {largest}."
    return (
        f"Clusters, each matched to a class, are right on {percent(result.accuracy, 1)} of the images (one cluster: "
        f"{percent(null_of(result.accuracy), 1)}); {largest}."
    )
