"""Clusters assigned to rows, against their classes.

ACC, NMI and ARI as Contrastive Clustering reports them (Li et al. 2021, arXiv:2009.09687), each made from the
contingency table (M,C): rows of cluster i and class j. How many clusters are used, and how evenly, stands beside them:
without the entropy term of that paper's loss one cluster may take everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.class_names import LISTED, class_names, listed
from collapse_cli.metrics.probe import wilson
from collapse_cli.results import curve, each, matrix, number
from collapse_cli.values import Curve, Matrix, Measured

DRAWN = 100  # clusters and classes whose table is in the result
DENSE = 1 << 20  # cells of a table that is matched as a whole


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Clusters."""

    accuracy: float | None = number(
        "share of embeddings in the cluster that their class is matched to, each cluster to one class at most",
        label="ACC", convention="one-to-one matching that is right most often (Hungarian)",
        null="one cluster", better="high", headline=True, default=None, low=0, high=1,
    )  # fmt: skip
    nmi: float | None = number(
        "mutual information of clusters and classes, over the mean of their entropies; from 0 to 1",
        label="NMI", convention="arithmetic mean of the entropies",
        null="one cluster", better="high", headline=True, default=None, low=0, high=1,
    )  # fmt: skip
    ari: float | None = number(
        "adjusted Rand index: agreement of clusters and classes on pairs of embeddings, 1 at "
        "best, 0 for random clusters",
        label="ARI", null="one cluster", better="high", headline=True, default=None, high=1,
    )  # fmt: skip
    used: int = number(
        "clusters that contain an embedding, of M clusters", label="clusters used", null="even", headline=True
    )  # fmt: skip
    largest: float = number(
        "share of the embeddings in the largest cluster",
        label="largest cluster", unit="share", null="even", low=0, high=1,
    )  # fmt: skip
    entropy: float = number(
        "entropy of the cluster sizes: 0 where one cluster holds all, 1 where all are equally large",
        label="entropy of sizes", convention="H / log M", null="even", low=0, high=1,
    )  # fmt: skip
    recall: dict[str, float] | None = each(
        "share of each class that is in its matched cluster; 0 where no cluster was left for it; of more than 1000 classes, the "
        "1000 with the least",
        of="class", unit="share", low=0, high=1, default=None,
    )  # fmt: skip
    sizes: Curve = curve(
        "share of the embeddings in each cluster; of more than 1000 clusters, 1000 of them, evenly spaced by size",
        label="cluster sizes", x="cluster, by size", y="share of embeddings", null="even", low=0, high=1,
    )  # fmt: skip
    confusion: Matrix | None = matrix(
        "embeddings of each cluster and class; clusters in the order of their classes, then "
        "those without one, by size; for 100 clusters and classes at most",
        rows="cluster", columns="class", low=0, default=None,
    )  # fmt: skip


def clusters(
    assigned: Tensor, count: int, labels: Tensor | None = None, classes: Sequence[str] = ()
) -> Clusters:
    """assigned (N,) int64 in [0, M), of M = `count` >= 2 clusters; labels (N,), or None: then sizes alone are measured.

    classes: names by label; where there is none, the label is its name. Raises CollapseError for fewer than two
    clusters and, with code 3, for fewer than two rows or classes.
    """
    if len(assigned) < 2:
        raise CollapseError(
            f"at least 2 embeddings are needed, and there are {len(assigned)}", "give more embeddings", code=3
        )
    judged = {} if labels is None else _judged(assigned, count, labels, classes)
    if count < 2:
        raise CollapseError(f"{count} cluster cannot divide the embeddings", "give --clusters 2 or more")
    return Clusters(**_sizes(assigned, count), **judged)


def _sizes(assigned: Tensor, count: int) -> dict[str, Any]:
    """What can be said without labels."""
    sizes = assigned.bincount(minlength=count)  # (M,)
    shares = sizes.double().sort(descending=True).values / len(assigned)
    return {
        "used": Measured(int((sizes > 0).sum()), null=count),
        "largest": Measured(float(shares[0]), null=1 / count),
        "entropy": Measured(_entropy(sizes) / math.log(count), null=1.0),
        "sizes": _sizes_shown(shares, count),
    }


def _sizes_shown(shares: Tensor, count: int) -> Curve:
    """Of shares (M,), largest first: all, or as many as are listed."""
    if count <= LISTED:
        return Curve(shares.tolist(), null=[1 / count] * count)
    places = torch.linspace(0, count - 1, LISTED, dtype=torch.float64).round().long()
    return Curve(shares[places].tolist(), (places + 1).tolist(), null=[1 / count] * LISTED)


def _judged(assigned: Tensor, count: int, labels: Tensor, classes: Sequence[str]) -> dict[str, Any]:
    """What labels (N,) say of the clusters."""
    present, member = torch.unique(labels, return_inverse=True)  # (C,), (N,)
    if len(present) < 2:
        raise CollapseError("clusters need at least two classes", "give images of more classes", code=3)
    cells, counts = (assigned * len(present) + member).unique(
        return_counts=True
    )  # of the table (M,C), those above 0
    cluster, of_class = cells // len(present), cells % len(present)
    cluster_of = _matched(cluster, of_class, counts, (count, len(present)))
    sizes = member.bincount(minlength=len(present)).tolist()
    right = {
        c: n
        for i, c, n in zip(cluster.tolist(), of_class.tolist(), counts.tolist(), strict=True)
        if cluster_of.get(c) == i
    }
    names = class_names(present.tolist(), classes)
    parts = assigned.bincount(minlength=count), member.bincount(minlength=len(present)), counts
    return {
        "accuracy": Measured(sum(right.values()) / len(labels), null=max(sizes) / len(labels)),
        "nmi": Measured(_nmi(*parts), null=0.0),
        "ari": Measured(_ari(*parts), null=0.0),
        "recall": listed(names, [_share(right.get(c, 0), size) for c, size in enumerate(sizes)]),
        "confusion": _confusion(assigned, member, count, cluster_of, names)
        if max(count, len(present)) <= DRAWN
        else None,
    }


def _share(right: int, size: int) -> Measured:
    return Measured(right / size, interval=wilson(right, size))


def _matched(cluster: Tensor, of_class: Tensor, counts: Tensor, shape: tuple[int, int]) -> dict[int, int]:
    """class -> its cluster, of the cells of a table (M,C) that are above 0; large ones as a sparse matrix."""
    if shape[0] * shape[1] > DENSE:
        return sparse_matching(cluster, of_class, counts, shape)
    table = counts.new_zeros(shape)
    table[cluster, of_class] = counts
    return matching(table)


def _confusion(
    assigned: Tensor, member: Tensor, count: int, cluster_of: dict[int, int], names: Sequence[str]
) -> Matrix:
    table = contingency(assigned, member, count, len(names))
    order = _order(table, cluster_of)
    return Matrix(table[order].tolist(), map(str, order), names)


def contingency(assigned: Tensor, member: Tensor, clusters: int, classes: int) -> Tensor:
    """(M,C) int64: rows of cluster i and class j, of assigned (N,) in [0, M) and member (N,) in [0, C)."""
    return (assigned * classes + member).bincount(minlength=clusters * classes).view(clusters, classes)


def matching(table: Tensor) -> dict[int, int]:
    """class -> its cluster, one to one, so that most rows of table (M,C) agree (Hungarian algorithm).

    Where M and C differ, what is left over of the larger side has no partner, as if the table were padded with zeros.
    """
    from scipy.optimize import linear_sum_assignment

    partners, classes = linear_sum_assignment(table.numpy(), maximize=True)
    return dict(zip(classes.tolist(), partners.tolist(), strict=True))


def sparse_matching(
    cluster: Tensor, of_class: Tensor, counts: Tensor, shape: tuple[int, int]
) -> dict[int, int]:
    """The same from the cells (n,) above 0 alone; a class that has no cluster left, or none in common, has no partner.

    Every class may also have a place of its own, where no row agrees: so each has one, and all are one above their count.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    clusters, classes = shape
    own = torch.arange(classes)
    weights = torch.cat([counts + 1, torch.ones_like(own)]).double()
    rows, columns = torch.cat([of_class, own]), torch.cat([cluster, own + clusters])
    table = coo_array((weights.numpy(), (rows.numpy(), columns.numpy())), shape=(classes, clusters + classes))
    matched = zip(*min_weight_full_bipartite_matching(table.tocsr(), maximize=True), strict=True)
    return {int(c): int(place) for c, place in matched if place < clusters}


def nmi(table: Tensor) -> float:
    """2 I(clusters; classes) / (H(clusters) + H(classes)) of table (M,C); in [0, 1], 0 where neither is ever divided."""
    return _nmi(table.sum(dim=1), table.sum(dim=0), table.flatten())


def _nmi(of_clusters: Tensor, of_classes: Tensor, cells: Tensor) -> float:
    divided, classes = _entropy(of_clusters), _entropy(of_classes)
    shared = divided + classes - _entropy(cells)
    return max(2 * shared / (divided + classes), 0.0) if divided + classes > 0 else 0.0


def ari(table: Tensor) -> float:
    """(pairs together in both - expected) / (largest possible - expected) of table (M,C); in [-1, 1].

    1 where clusters and classes are the same groups, also where that is one group, or one for each row.
    """
    return _ari(table.sum(dim=1), table.sum(dim=0), table)


def _ari(of_clusters: Tensor, of_classes: Tensor, cells: Tensor) -> float:
    both, clusters, classes, total = (
        float((n * (n - 1) // 2).sum()) for n in (cells, of_clusters, of_classes, cells.sum())
    )
    expected, most = clusters * classes / total, (clusters + classes) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0


def _entropy(counts: Tensor) -> float:
    """-sum p log p of counts (n,), p = counts / sum; nats."""
    return float(torch.special.entr(counts.double() / counts.sum()).sum())


def _order(table: Tensor, cluster_of: dict[int, int]) -> list[int]:
    """Clusters in the order of the classes that they belong to, then those of no class, largest first."""
    matched = [cluster_of[c] for c in sorted(cluster_of)]
    by_size = table.sum(dim=1).argsort(descending=True, stable=True).tolist()
    return matched + [cluster for cluster in by_size if cluster not in matched]
