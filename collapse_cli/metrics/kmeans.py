"""Clusters of a space, by k-means, and how long that takes."""

from __future__ import annotations

import warnings

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.rows import levelled, sound

STARTS = 10  # at most; the tightest clusters are kept
PER_START = (
    3e-9  # seconds on one core for each embedding, cluster and dimension; nearly all of it goes to k-means++
)
ENOUGH = 20.0  # seconds: there are fewer starts where ten would take longer


def starts(rows: int, width: int, count: int) -> int:
    """How often k-means starts on rows (N,D) of this size: ten times, or fewer where that would take too long, at least once."""
    return max(1, min(STARTS, int(ENOUGH / seconds(rows, width, count))))


def seconds(rows: int, width: int, count: int) -> float:
    """About how long a start of k-means takes on one core."""
    return PER_START * rows * width * count


def kmeans(rows: Tensor, count: int, generator: Generator) -> Tensor:
    """(N,) int64, the cluster of each of rows (N,D): the tightest of as many k-means++ starts as `starts` says.

    Raises CollapseError for no clusters, more clusters than rows, and rows that are not finite.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    if not 1 <= count <= len(rows):
        raise CollapseError(
            f"{count} clusters cannot be made of {len(rows)} embeddings",
            f"give --clusters {len(rows)} or less",
        )
    (near_1,), _ = levelled(sound(rows))
    seed = int(torch.randint(2**31, (), generator=generator))
    with warnings.catch_warnings():  # fewer different rows than clusters: `clusters used` says so
        warnings.simplefilter("ignore", ConvergenceWarning)
        n, d = rows.shape
        often = starts(n, d, count)
        assigned = KMeans(count, n_init=often, random_state=seed).fit_predict(near_1.numpy())
    return torch.from_numpy(assigned).long()
