"""False negatives to expect from class counts and the length of the queue alone: no network, no images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.class_names import class_names
from collapse_cli.results import each, number


@dataclass(frozen=True)
class Expected:
    """False negatives to expect from the labels alone."""

    queue: int = number("negatives, K")
    images: int = number("images in the data set, N")
    classes: int = number("classes, C")
    share: float = number(
        "share of false negatives in a random queue: mean over images of (n_c - 1) / (N - 1)",
        unit="share",
        headline=True,
        low=0,
        high=1,
    )
    false_negatives: float = number(
        "mean number of false negatives of a query", unit="keys", headline=True, low=0
    )
    none_at_all: float = number(
        "probability that a query has no false negative at all",
        convention="keys sampled without replacement; with replacement where K > N - 1", low=0, high=1,
    )  # fmt: skip
    stale_key: float = number(
        "probability that the queue still contains a key of the query's own image, from an earlier epoch",
        convention="reshuffled every epoch, in batches of B, an incomplete last one left out; mean over the steps of an epoch",
        low=0, high=1,
    )  # fmt: skip
    false_negatives_of_class: dict[str, float] = each(
        "expected false negatives of a query of each class", of="class", unit="keys", label="false negatives", low=0
    )  # fmt: skip


def expected(counts: Sequence[int], classes: Sequence[str], queue: int, batch: int = 1) -> Expected:
    """From class counts n_c and a queue of K keys drawn at random from the other N - 1 images. Raises for K < 1 or N < 2.

    batch: images per step, B, as many as there are at most.

    classes: names by class; where there is none, its number is its name.
    """
    total = sum(counts)
    if total < 2:
        raise CollapseError("false negatives need at least two images", code=3)
    if queue < 1:
        raise CollapseError(f"a queue of {queue} keys contains no negatives", "give --queue 1 or more")
    shares = [(n - 1) / (total - 1) if n else 0.0 for n in counts]
    share = sum(n * s for n, s in zip(counts, shares, strict=True)) / total
    names = class_names(range(len(counts)), classes)
    none = sum(n * _none(n, total, queue) for n in counts) / total
    return Expected(
        queue=queue,
        images=total,
        classes=len(counts),
        share=share,
        false_negatives=queue * share,
        none_at_all=none,
        stale_key=stale_key(total, min(batch, total), queue),
        false_negatives_of_class={name: queue * s for name, s in zip(names, shares, strict=True)},
    )


def stale_key(images: int, batch: int, queue: int, views: int = 1, past: int | None = None) -> float:
    """P that a full queue of K keys holds one of the query's own image, as training fills it; the mean over an epoch's steps.

    An epoch is a fresh order of the N images in S = N // B batches; the rest are left out. Each step asks before it pushes its
    keys: B, or with `views` = 2 those of one view of the batch and then those of the other. At step t, from 0, the queue
    reaches R = K - views B t keys back beyond this epoch, in which an image appears once. An epoch that lies in it as a whole
    had the image with probability S B / N, one of which it holds keys of D images with D / N, independently of the others.
    past: epochs before the query's, where the first ones are asked about; None: as many as the queue reaches back.
    """
    steps = images // batch
    whole = views * steps * batch  # keys of an epoch
    epochs = math.inf if past is None else past
    return (
        sum(_holds(images, batch, queue - views * batch * t, views, whole, epochs) for t in range(steps))
        / steps
    )


def _holds(images: int, batch: int, keys: int, views: int, whole: int, past: float) -> float:
    """P that the last `keys` keys of earlier epochs hold one image's, `past` epochs of `whole` keys each."""
    full, rest = divmod(max(min(keys, past * whole), 0), whole)
    in_batch = views * batch
    distinct = rest // in_batch * batch + min(rest % in_batch, batch)
    left_out = 1 - whole / (views * images)  # of an epoch
    return float(1 - left_out**full * (1 - distinct / images))


def _none(count: int, total: int, queue: int) -> float:
    """P of no same-class key among `queue` of the total - 1 others (hypergeometric)."""
    others, same = total - 1, max(count - 1, 0)
    if queue > others:
        return (1 - same / others) ** queue
    if queue > others - same:
        return 0.0
    logs = [math.lgamma(others - same + 1), -math.lgamma(others - same - queue + 1)]
    return math.exp(sum(logs) + math.lgamma(others - queue + 1) - math.lgamma(others + 1))
