"""A gallery of queries, each with the keys that its loss repels hardest, and which of them are false negatives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from collapse_cli.analysis.loss_pairs import Keys, keys, loss_pairs
from collapse_cli.analysis.oracle import KEYS, of_length_1
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.analysis.thumbnails import Thumbnails, caption
from collapse_cli.exhibits import Gallery, Neighbour, Row
from collapse_cli.figures import written
from collapse_cli.losses import same, without
from collapse_cli.metrics.principal import stratified
from collapse_cli.metrics.rows import broken
from collapse_cli.shapes import Images, Origin

HARDEST = 5  # negatives beside a query

Near = tuple[int, float, bool]
"""An image, its cosine with a query, and whether it is of the query's class."""


def gallery(subject: Subject, images: Images, thumbnails: Thumbnails, rows: int) -> Gallery | None:
    """Of up to `rows` queries; None where no loss is known to compare images with images."""
    if subject.case is None or subject.views is None:
        return None
    drawn = keys(subject, 0, KEYS)
    pairs, (first, _) = loss_pairs(subject, drawn.sides), subject.views
    queries = first.spaces[subject.last_space] if pairs is None else pairs.queries
    if not bool((drawn.origin.index >= 0).any()) or broken(drawn.rows) or broken(queries):
        return None
    chosen = stratified(first.labels, len(first), rows, generator(subject.measuring.seed))
    origin = Origin(first.index[chosen], None if first.labels is None else first.labels[chosen])
    ranked = hardest(queries[chosen], origin, drawn)
    shown = [
        _row(images, number, near, thumbnails)
        for number, near in zip(origin.index.tolist(), ranked, strict=True)
        if thumbnails.add_images(images, [number, *(other for other, *_ in near)])
    ]
    mark = "" if first.labels is None else "false negative"
    return Gallery("Queries and their hardest negatives", _about(subject, drawn), tuple(shown), mark)


def hardest(queries: Tensor, origin: Origin, drawn: Keys, most: int = HARDEST) -> list[list[Near]]:
    """Of each query (n,d), the hardest negatives, each image once, the most similar first.

    Keys of the query's own image, of images that are not known, and those that the loss leaves out are no negatives.
    """
    keyed = drawn.origin
    similarity = of_length_1(queries) @ of_length_1(drawn.rows).T  # (n, K)
    excluded = same(origin.index, keyed.index) | (keyed.index < 0)
    left_out = drawn.left_out(origin, keyed) if drawn.left_out else None
    negative = without(similarity, excluded if left_out is None else excluded | left_out)
    ranked, order = negative.sort(dim=1, descending=True, stable=True)
    false = torch.zeros_like(excluded)
    if origin.labels is not None and keyed.labels is not None:
        false = same(origin.labels, keyed.labels)
    return [
        _of_query(values, keyed.index[places], marked[places], most)
        for values, places, marked in zip(ranked, order, false, strict=True)
    ]


def _of_query(cosines: Tensor, index: Tensor, false: Tensor, most: int) -> list[Near]:
    """Of keys (K,), the most similar first; -inf for what is no negative."""
    near: dict[int, Near] = {}
    for image, cosine, marked in zip(index.tolist(), cosines.tolist(), false.tolist(), strict=True):
        if cosine == float("-inf") or len(near) == most:
            break
        near.setdefault(image, (image, cosine, marked))
    return list(near.values())


def _row(images: Images, number: int, near: Sequence[Near], thumbnails: Thumbnails) -> Row:
    beside = (
        Neighbour(thumbnails.key(images, other), caption(images, other, f"cosine {written(cosine)}"), false)
        for other, cosine, false in near
    )
    return Row(thumbnails.key(images, number), caption(images, number, "query"), tuple(beside))


def _about(subject: Subject, drawn: Keys) -> str:
    labelled = subject.labelled
    sentences = [
        f"Queries sampled {'evenly over the classes' if labelled else 'at random'} (seed {subject.measuring.seed}), each with "
        "the keys of other images that are most similar to it.",
        f"Keys: {drawn.what}. Images are shown without augmentation.",
    ]
    if labelled:
        sentences.append(
            "A negative of the query's class is a false negative: the loss repels what belongs together."
        )
    if subject.checkpoint and subject.checkpoint.method.repels is False:
        sentences.append(
            "The loss of this run has no negatives: another loss would repel these images hardest."
        )
    return " ".join(sentences)
