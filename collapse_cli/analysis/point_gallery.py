"""A gallery of the images nearest to a point that many embeddings collapse onto, and of those farthest from it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from collapse_cli.analysis.judgement import judgement
from collapse_cli.analysis.subject import Subject
from collapse_cli.analysis.thumbnails import Thumbnails, caption
from collapse_cli.exhibits import Gallery, Neighbour, Row
from collapse_cli.figures import percent, written
from collapse_cli.metrics.copies import counted
from collapse_cli.metrics.principal import nearest
from collapse_cli.metrics.rows import unit
from collapse_cli.shapes import Embeddings, Images

SHOWN = 6  # images in a row
MANY, FEWEST = 0.05, 3  # share of the embeddings, and number, of copies from which on they are shown


def gallery(subject: Subject, images: Images, thumbnails: Thumbnails) -> Gallery | None:
    """Of the last space in which embeddings collapse onto a point; None where they do not."""
    whole = subject.original or subject
    for space in reversed(list(whole.clean.spaces)):
        if point := collapsed(whole, space):
            rows = tuple(_rows(whole.clean, space, point[0], images, thumbnails))
            about = f"{point[1]} Shown are the images nearest to that point, and those farthest from it, with their cosines."
            return Gallery(f"Images that collapse onto one point in {space}", about, rows)
    return None


def collapsed(subject: Subject, space: str) -> tuple[Tensor, str] | None:
    """The point (D,) that many embeddings of a space collapse onto, and a sentence on that; None where they do not."""
    rows = subject.clean.spaces[space]
    copies = subject.once(("copies", space), lambda: counted(rows))
    if copies.largest >= max(MANY * len(rows), FEWEST):
        share = percent(copies.largest / len(rows))
        return rows[
            copies.first
        ], f"{copies.largest:,} of {len(rows):,} embeddings ({share}) are copies of one point."
    if judgement(subject, space).verdict.status == "complete collapse":
        return unit(rows).mean(dim=0), "All embeddings have nearly one direction, that of their mean."
    return None


def _rows(
    clean: Embeddings, space: str, point: Tensor, images: Images, thumbnails: Thumbnails
) -> Iterator[Row]:
    rows = clean.spaces[space]
    cosines = unit(rows) @ unit(torch.stack([point, point]))[0]
    order = nearest(rows, point, len(rows))
    ends = {"nearest": order[:SHOWN], "farthest": order[SHOWN:].flip(0)[:SHOWN]}
    for words, places in ends.items():
        index, values = clean.index[places].tolist(), cosines[places].tolist()
        if index and thumbnails.add_images(images, index):
            captions = [f"cosine {written(value)}" for value in values]
            captions[0] = f"{words}, {captions[0]}"
            first, *others = (
                Neighbour(thumbnails.key(images, number), caption(images, number, text))
                for number, text in zip(index, captions, strict=True)
            )
            yield Row(first.image, first.caption, tuple(others))
