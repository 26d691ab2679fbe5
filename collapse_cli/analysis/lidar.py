"""In how many directions do images differ, measured by how much their views do?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli import memory
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics.classes import single
from collapse_cli.metrics.lidar import Lidar, lidar
from collapse_cli.metrics.scatter import groups
from collapse_cli.shapes import Embeddings
from collapse_cli.values import null_of

DELTA = 1e-4
FEW_VIEWS = 5


@dataclass(frozen=True)
class Grouped:
    """Rows (N,D) by space, the image that each is of (N,), and what stands for its views."""

    spaces: Mapping[str, Tensor]
    member: Tensor
    how: str


def measure(
    subject: Subject, views: int = 10, images: int = 1000, delta: float = DELTA, absolute: bool = False
) -> Iterator[Entry]:
    """One entry for each space. views q of each of `images` n images; delta: added to the diagonal of Sw, times its mean."""
    grouped, seed = _grouped(subject, views, images), subject.measuring.seed
    for space, rows in grouped.spaces.items():
        with concerning(f"{subject.name} · {space}"):
            result = lidar(groups(rows, grouped.member), generator(seed), delta, relative=not absolute)
        settings = {
            "L2": False,
            "views": grouped.how,
            "δ": f"{delta:g}" + ("" if absolute else " of mean Sw"),
            "seed": seed,
        }
        yield Entry(subject.name, result, space, settings=settings)


def _grouped(subject: Subject, views: int, images: int) -> Grouped:
    """Augmented views of a network, the two that a file holds, or rows of one class in their place."""
    if subject.case:
        seen = min(images, len(subject.clean))
        each = 4 * seen * sum(rows.shape[1] for rows in subject.clean.spaces.values())  # bytes of a view
        memory.refuse_beyond(lambda of: of["views"] * each, {"views": views}, {"views": 10}, memory.memory())
        many = subject.many_views(views, images)
        return _together(many, subject.case.recipe)
    if subject.stored_views:
        return _together(subject.stored_views, "the two views in the file")
    if subject.clean.labels is None:
        raise CollapseError(
            f"{subject.name} has neither views nor labels",
            "give a checkpoint, an .npz from `collapse embed`, which contains two views, or --labels FILE",
        )
    return Grouped(subject.clean.spaces, subject.clean.labels, "embeddings of one class")


def _together(views: Sequence[Embeddings], how: str) -> Grouped:
    """Views of the same images, one set below the other."""
    spaces = {space: torch.cat([view.spaces[space] for view in views]) for space in views[0].spaces}
    return Grouped(spaces, torch.arange(len(views[0])).repeat(len(views)), how)


def remarks(subject: Subject, entries: Sequence[Entry], **options: float) -> Iterator[str]:
    """Few images bound LiDAR from above; of few views, their own noise is a large part of Sb."""
    of_classes = not subject.has_views
    labels = subject.clean.labels
    alone, count = single(labels) if of_classes and labels is not None else (0, 0)
    if alone:
        what = "of a single embedding, which tells nothing of the spread within"
        yield f"{subject.name}: {DataNote('changed', alone, count, 'classes', what).sentence}"
    for entry in entries:
        n, q, d = entry.groups, entry.views, entry.dimensions
        if q < FEW_VIEWS:
            yield (
                f"{entry.of}: {q:.3g} views of each bring LiDAR close to that of noise; compare it only with others of the same "
                "number of views"
            )
        if n <= d:
            what = "classes" if of_classes else "images"
            yield f"{entry.of}: {n} {what} in {d} dimensions limit LiDAR to {n - 1} at most; more than {d} are recommended"


def answer(result: Lidar) -> str:
    """In how many directions images differ more than their views do."""
    return (
        f"Images differ in an effective {written(result.lidar)} of {result.dimensions:,} directions, weighed by how much their "
        f"views differ (noise: {written(null_of(result.lidar))}); {percent(result.augmentation)} of the variance lies within "
        "images."
    )
