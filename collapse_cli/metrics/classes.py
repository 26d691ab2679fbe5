"""Classes in a space: how they lie apart (neural collapse, Papyan, Han & Donoho 2020, arXiv:2008.08186), and what each is itself.

Low NC1 is what supervised training drives towards. Of a contrastive space it says how separable the classes are, no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.classes_intervals import intervals
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, of_eigenvalues
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, numbers
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.ranks import entropy, entropy_rank
from collapse_cli.metrics.scatter import Groups, groups
from collapse_cli.results import each, matrix, number
from collapse_cli.values import Matrix, Measured

FLOAT32 = (
    1e-12  # of the mean squared length: with less variance a class is one point, as far as float32 tells
)


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Classes and neural collapse."""

    TABLE: ClassVar = Table(
        order=("samples", "classes", "dimensions"),
        together={"samples / classes / dimensions": ("samples", "classes", "dimensions")},
        json_only=("within", "between"),  # their quotient decides, whatever the scale
    )

    cdnv: float | None = number(
        "class-distance normalised variance: mean over pairs of classes of (v_c + v_c') / (2 "
        "||mean_c - mean_c'||^2); 0: every class is one point; near 1 and above the classes "
        "overlap",
        label="CDNV", convention="v_c divided by n_c", null="shuffled labels", better="low", headline=True, default=None, low=0,
    )  # fmt: skip
    nc1: float | None = number(
        "tr(Sigma_W Sigma_B^+) / C: variance within classes in units of that between them, along each direction of the means",
        label="NC1", convention="Σ_W divided by N, Σ_B by C, inverted in the C - 1 directions of the class means",
        null="shuffled labels", better="low", headline=True, default=None, low=0,
    )  # fmt: skip
    nc1_quotient: float | None = number(
        "variance within classes over variance between them", label="NC1, quotient",
        convention="tr Σ_W / tr Σ_B", null="shuffled labels", better="low", default=None, low=0,
    )  # fmt: skip
    within: float = number(
        "variance within classes", label="variance within", convention="tr Σ_W, divided by N", null="shuffled labels", low=0
    )  # fmt: skip
    between: float = number(
        "variance of the class means", label="variance between",
        convention="tr Σ_B, about the mean of the class means, divided by C", null="shuffled labels", low=0,
    )  # fmt: skip
    equinorm: float | None = number(
        "how unequal the distances of the class means from their mean are: standard deviation over mean",
        label="NC2, norms", convention="divided by C", null="shuffled labels", better="low", default=None, low=0,
    )  # fmt: skip
    equiangular: float | None = number(
        "mean |cosine + 1/(C-1)| of two centred class means; 0: all angles are as wide as C "
        "directions can have them",
        label="NC2, angles", null="shuffled labels", better="low", default=None, low=0,
    )  # fmt: skip
    self_dual: float | None = number(
        "distance of W M^T from the simplex, both of norm 1; W: the classifier's weights, M: the centred class means",
        label="NC3", convention="Frobenius norm; 0 to 2", null="shuffled labels", better="low", default=None, low=0,
    )  # fmt: skip
    mismatch: float | None = number(
        "share of embeddings that the classifier and the nearest class mean put into different classes",
        label="NC4, mismatch", unit="share", convention="with the classifier's bias", interval="Wilson 95 %",
        null="shuffled labels", better="low", default=None, low=0, high=1,
    )  # fmt: skip
    nearest_mean: float = number(
        "share of embeddings whose nearest class mean is that of their own class", label="nearest class mean",
        unit="share", convention="a row is left out of its own class's mean", interval="Wilson 95 %",
        null="shuffled labels", better="high", headline=True, low=0, high=1,
    )  # fmt: skip
    least_variance: float | None = number(
        "smallest variance of a class, over the mean of all classes; near 0 one class has "
        "collapsed, whatever the others do",
        label="least variance of a class", convention="v_c divided by n_c", null="shuffled labels", better="high",
        headline=True, default=None, low=0,
    )  # fmt: skip
    least_rank: float = number(
        "smallest effective rank of a class: exp of the entropy of lambda / sum lambda", label="least rank of a class",
        unit="dimensions", convention="λ, centred on the class", null="shuffled labels", better="high", headline=True, low=0,
    )  # fmt: skip
    samples: int = number("embeddings measured, N: those of classes with at least two embeddings")
    classes: int = number("classes measured, C")
    dimensions: int = number("width of the space, D")
    variance_of_class: dict[str, float] = each(
        "variance of each class over the mean of all classes: 1 where all are equally wide, 0 "
        "where the class is one point",
        of="class", unit="× mean", label="variance",
    )  # fmt: skip
    rank_of_class: dict[str, float] = each(
        "effective rank of each class: exp of the entropy of lambda / sum lambda, centred on the "
        "class; 1 where all variance is along one direction",
        of="class", unit="dimensions", label="effective rank",
    )  # fmt: skip
    cosines: Matrix = matrix(
        "cosine of each pair of class means, about the mean of all, to 0.01; -1/(C-1) throughout "
        "where classes lie as far apart as they can",
        label="cosines of class means", rows="class", columns="class",
    )  # fmt: skip


def classes(
    rows: Tensor,
    labels: Tensor,
    names: Sequence[str],
    generator: Generator,
    classifier: Classifier | None = None,
) -> Classes:
    """Of rows (N,D) with labels (N,), as they are or of length 1, beside the same rows with their labels shuffled.

    names: of the classes by label; where there is none, the label is its name. Classes of a single row are left out.
    Intervals: other rows of the same classes, as many of each. Raises CollapseError as `scatter.groups` does.
    """
    rows, labels = _doubled(rows, labels)
    grouped = groups(rows, labels)
    other = groups(rows, labels[torch.randperm(len(labels), generator=generator).to(labels.device)])
    seen, chance = Geometry.of(grouped), Geometry.of(other)
    value, null = (_finite(numbers(g, classifier, s.labels)) for g, s in ((seen, grouped), (chance, other)))
    named = class_names(grouped.labels.tolist(), names)
    ranks, floor = _ranks(grouped), _ranks(other)
    between = intervals(grouped, seen, classifier)
    relative = seen.variances / seen.variances.mean().clamp_min(torch.finfo(torch.float64).tiny)  # (C,)
    measured: dict[str, Any] = {
        name: Measured(finite, null.get(name), between.get(name)) for name, finite in value.items()
    }
    return Classes(
        **measured,
        **_shares(grouped, other, classifier),
        least_rank=Measured(min(ranks), min(floor), _rank_interval(grouped, ranks.index(min(ranks)))),
        samples=len(rows),
        classes=len(named),
        dimensions=rows.shape[1],
        variance_of_class=dict(zip(named, relative.tolist(), strict=True)),
        rank_of_class=dict(zip(named, ranks, strict=True)),
        cosines=Matrix(seen.cosines().round(decimals=2).tolist(), named, named),
    )


def single(labels: Tensor) -> tuple[int, int]:
    """How many of the labels (N,) are the only one of their class, which `classes` leaves out, and of how many classes."""
    sizes = torch.unique(labels, return_counts=True)[1]
    return int((sizes == 1).sum()), len(sizes)


def nearest_mean(grouped: Groups, leave_out: bool) -> Tensor:
    """(N,) in [0, C): the class whose mean is nearest; leave_out: a row is not in the mean of its own class, of n_c >= 2."""
    centre = grouped.means.mean(dim=0)
    means, rows = grouped.means - centre, grouped.deviations + (grouped.means - centre)[grouped.member]
    squared = (
        rows.square().sum(dim=1, keepdim=True) + means.square().sum(dim=1) - 2 * rows @ means.T
    )  # (N, C)
    if leave_out:  # of n rows: the mean of the others is n/(n-1) times as far
        further = (grouped.sizes.double() / (grouped.sizes - 1)).square()[grouped.member]
        to_own_mean = (grouped.deviations.square().sum(dim=1) * further)[:, None]
        squared.scatter_(1, grouped.member[:, None], to_own_mean)
    return squared.argmin(dim=1)


def _doubled(rows: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The rows whose class has at least two."""
    _, member, sizes = torch.unique(labels, return_inverse=True, return_counts=True)
    repeated = sizes[member] > 1
    if not bool(repeated.any()):  # then `groups` says so of all rows
        return rows, labels
    return (rows, labels) if bool(repeated.all()) else (rows[repeated], labels[repeated])


def _finite(tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """Without what is not defined: ratios where means coincide."""
    return {name: float(tensor) for name, tensor in tensors.items() if bool(tensor.isfinite())}


def _shares(grouped: Groups, other: Groups, classifier: Classifier | None) -> dict[str, Measured]:
    """Nearest class mean against labels and, where there is a classifier, against what that says."""
    right, null = (
        nearest_mean(labelling, leave_out=True) == labelling.member for labelling in (grouped, other)
    )
    shares = {"nearest_mean": _share(right, null)}
    if classifier:
        missed, chance = (
            classifier.decide(labelling.deviations + labelling.means[labelling.member])
            != labelling.labels[nearest_mean(labelling, leave_out=False)]
            for labelling in (grouped, other)
        )
        shares["mismatch"] = _share(missed, chance)
    return shares


def _share(hits: Tensor, chance: Tensor) -> Measured:
    count = int(hits.sum())
    return Measured(count / len(hits), float(chance.double().mean()), wilson(count, len(hits)))


def _ranks(grouped: Groups) -> list[float]:
    """Effective rank of each class, from the smaller of its two products; 1 where its variance is float32's rounding."""
    lengths = grouped.deviations.square().sum(dim=1) + grouped.means.square().sum(dim=1)[grouped.member]
    least = FLOAT32 * float(lengths.mean())
    ranks = []
    for c in range(len(grouped.means)):
        deviations = grouped.deviations[grouped.member == c]  # (n_c, D)
        product = (
            deviations.T @ deviations if deviations.shape[1] < len(deviations) else deviations @ deviations.T
        )
        spread = float(product.trace()) / len(deviations) > least
        ranks.append(entropy_rank(torch.linalg.eigvalsh(product).clamp_min(0).flip(0)) if spread else 1.0)
    return ranks


def _rank_interval(grouped: Groups, c: int) -> Interval | None:
    """Of the effective rank of one class; none where it has no more rows than dimensions."""
    deviations = grouped.deviations[grouped.member == c]
    if len(deviations) <= max(deviations.shape[1], FEW) or not float(deviations.abs().max()) > 0:
        return None
    lam, vectors = torch.linalg.eigh(deviations.T @ deviations / (len(deviations) - 1))
    some = lam > FLOAT32 * lam[-1]
    lam, vectors = lam[some].flip(0), vectors[:, some].flip(1)
    (error,) = of_eigenvalues(
        [entropy], lam, vectors, deviations, deviations.new_ones(len(deviations)), centred=True
    )
    low, high = error.around(float(entropy(lam)))
    return max(math.exp(low), 1.0), min(math.exp(high), float(deviations.shape[1]))
