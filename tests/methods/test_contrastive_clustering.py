"""Contrastive Clustering: rows of instances, columns of clusters, and the entropy that keeps clusters alive."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def slow_nt_xent(first: list[list[float]], second: list[list[float]], t: float) -> float:
    """Over two lists of n vectors: each of 2n picks its partner among the 2n-1 others, by cosine."""
    rows = first + second

    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    total = 0.0
    for i in range(len(rows)):
        e = {k: math.exp(cosine(rows[i], rows[k]) / t) for k in range(len(rows)) if k != i}
        total -= math.log(e[(i + len(first)) % len(rows)] / sum(e.values()))
    return total / len(rows)


def entropy(rows: list[list[float]]) -> float:
    shares = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return -sum(p * math.log(p) for p in shares)


def assigned(method: Any, views: Tensor) -> list[list[float]]:
    return method.cluster_head(method.encoder(views)).tolist()


def projected(method: Any, views: Tensor) -> list[list[float]]:
    return method.projector(method.encoder(views)).tolist()


@pytest.mark.parametrize("with_entropy", [True, False])
@pytest.mark.parametrize("clusters", [2, 5])
def test_the_loss_is_rows_and_columns_less_entropy(
    clusters: int, with_entropy: bool, build: Make, batch: Batch
) -> None:
    """Rows: 2B projections. Columns: 2M vectors of length B. Less H of each view's mean assignment."""
    knobs = {"temperature": 0.4, "cluster_temperature": 0.7, "entropy": with_entropy}
    method = build("contrastive-clustering", clusters=clusters, **knobs)
    with torch.no_grad():
        method.cluster_head[0][-1].weight.mul_(5)  # assignments that differ
    views = (batch.first, batch.second)
    y, y_prime = (assigned(method, view) for view in views)
    columns = ([list(column) for column in zip(*one, strict=True)] for one in (y, y_prime))
    expected = slow_nt_xent(*(projected(method, view) for view in views), 0.4) + slow_nt_xent(*columns, 0.7)
    expected -= entropy(y) + entropy(y_prime) if with_entropy else 0
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-5)
    even = 2 * math.log(clusters) if with_entropy else 0
    assert method.chance() == pytest.approx(math.log(31) + math.log(2 * clusters - 1) - even)
    said, rows = method.diagnostics(), y + y_prime
    assert said["clusters used"] == len({max(range(clusters), key=row.__getitem__) for row in rows})
    assert said["H(Y) / log M"] == pytest.approx(entropy(rows) / math.log(clusters), rel=1e-5)


def test_the_entropy_rewards_even_clusters(build: Make, batch: Batch) -> None:
    """All on one of 4 clusters: columns and rows do not change with which, and H falls from log 4 to 0, so the loss rises.

    The same head, biased: the loss with entropy less that without is -2 H.
    """
    for bias, h in ((0.0, math.log(4)), (40.0, 0.0)):
        losses = []
        for with_entropy in (True, False):
            method = build("contrastive-clustering", clusters=4, entropy=with_entropy)
            with torch.no_grad():
                method.cluster_head[0][-1].weight.zero_()
                method.cluster_head[0][-1].bias.copy_(torch.tensor([bias, 0, 0, 0]))
            losses.append(float(method.loss(batch).detach()))
        assert losses[0] - losses[1] == pytest.approx(-2 * h, abs=1e-5)
        assert method.diagnostics()["H(Y) / log M"] == pytest.approx(h / math.log(4), abs=1e-5)
        assert method.diagnostics()["clusters used"] == 1


@pytest.mark.parametrize(("clusters", "found"), [(0, 3), (2, 2), (7, 7)])
def test_rows_of_the_cluster_head_sum_to_one(clusters: int, found: int, build: Make, batch: Batch) -> None:
    """0 clusters are as many as the data set's 3 classes."""
    method = build("contrastive-clustering", clusters=clusters)
    rows = method.cluster_head(method.encoder(batch.first)).detach()
    assert rows.shape == (16, found)
    torch.testing.assert_close(rows.sum(dim=1), torch.ones(16))
    assert float(rows.min()) > 0


@pytest.mark.parametrize(("clusters", "classes"), [(0, 0), (1, 3), (0, 1)])
def test_fewer_than_two_clusters_are_refused(clusters: int, classes: int, build: Make) -> None:
    with pytest.raises(CollapseError, match=f"cannot make {clusters or classes} clusters") as r:
        build("contrastive-clustering", classes=classes, clusters=clusters)
    assert r.value.hint == "give --clusters 2 or more"
