"""Classes in a space: how they lie apart (neural collapse, Papyan, Han & Donoho 2020, arXiv:2008.08186), and what each is itself.

Low NC1 is what supervised training drives towards. Of a contrastive space it says how separable the classes are, no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics import class_ranks
from collapse_cli.metrics.class_names import class_names, listed
from collapse_cli.metrics.class_pairs import closest
from collapse_cli.metrics.classes_intervals import with_intervals
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.nearest_mean import nearest_mean
from collapse_cli.metrics.neural_collapse import Classifier, Geometry, numbers
from collapse_cli.metrics.probe import wilson
from collapse_cli.metrics.scatter import Groups, groups
from collapse_cli.results import each, matrix, number
from collapse_cli.values import Matrix, Measured

DRAWN = 100  # classes whose pairs are all in the result
CLOSEST = 20  # pairs of more classes
SQUARES = ("within", "between")  # numbers that change with the scale of the rows


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
    within: float | None = number(
        "variance within classes; none where float64 has no number so large or so small", label="variance within",
        convention="tr Σ_W, divided by N", null="shuffled labels", default=None, low=0,
    )  # fmt: skip
    between: float | None = number(
        "variance of the class means; none where float64 has no number so large or so small", label="variance between",
        convention="tr Σ_B, about the mean of the class means, divided by C", null="shuffled labels", default=None, low=0,
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
        "where the class is one point; of more than 1000 classes, the 1000 with the least",
        of="class", unit="× mean", label="variance", low=0,
    )  # fmt: skip
    rank_of_class: dict[str, float] = each(
        "effective rank of each class: exp of the entropy of lambda / sum lambda, centred on the "
        "class; 1 where all variance is along one direction; of more than 1000 classes, the 1000 with the least",
        of="class", unit="dimensions", label="effective rank", low=0,
    )  # fmt: skip
    cosines: Matrix | None = matrix(
        "cosine of each pair of class means, about the mean of all, to 0.01; -1/(C-1) throughout "
        "where classes lie as far apart as they can; for 100 classes at most",
        label="cosines of class means", rows="class", columns="class", low=-1, high=1, default=None,
    )  # fmt: skip
    closest: dict[str, float] | None = each(
        "cosine of the 20 pairs of class means, about the mean of all, that lie closest; where there are more than 100 classes",
        of="pair of classes", unit="cosine", label="closest class means", low=-1, high=1, default=None,
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
    values, between = with_intervals(grouped, seen, classifier)
    value, null = _finite(values), _finite(numbers(chance, classifier, other.labels))
    named = class_names(grouped.labels.tolist(), names)
    ranks, floor = class_ranks.ranks(grouped), class_ranks.ranks(other)
    relative = seen.variances / seen.variances.mean().clamp_min(torch.finfo(torch.float64).tiny)  # (C,)
    shares: dict[str, Any] = _shares(grouped, other, classifier)
    measured: dict[str, Any] = {
        name: Measured(finite, null.get(name), between.get(name)) for name, finite in value.items()
    } | {name: _plainly(grouped, value[name], null[name], between.get(name)) for name in SQUARES}
    return Classes(
        **measured,
        **shares,
        least_rank=Measured(min(ranks), min(floor), class_ranks.interval(grouped, ranks.index(min(ranks)))),
        samples=len(rows),
        classes=len(named),
        dimensions=rows.shape[1],
        variance_of_class=listed(named, relative.tolist()),
        rank_of_class=listed(named, ranks),
        **_pairs(seen.directions, named),
    )


def _plainly(grouped: Groups, value: float, null: float, between: Interval | None) -> Measured | None:
    """A square of the levelled rows, as it is of the rows themselves; None where float64 cannot hold it or its interval."""
    plain, chance = grouped.plainly(value), grouped.plainly(null)
    low, high = (grouped.plainly(end) for end in between or (value, value))
    if plain is None or low is None or high is None:
        return None
    return Measured(plain, chance, (low, high) if between else None)


def single(labels: Tensor) -> tuple[int, int]:
    """How many of the labels (N,) are the only one of their class, which `classes` leaves out, and of how many classes."""
    sizes = torch.unique(labels, return_counts=True)[1]
    return int((sizes == 1).sum()), len(sizes)


def _pairs(directions: Tensor, names: Sequence[str]) -> dict[str, Any]:
    """Cosines of unit directions (C,D): of each pair of a few classes, and of the closest pairs of many."""
    if len(names) > DRAWN:
        pairs = closest(directions, CLOSEST)
        return {"closest": {f"{names[first]} / {names[second]}": cosine for cosine, first, second in pairs}}
    return {"cosines": Matrix((directions @ directions.T).round(decimals=2).tolist(), names, names)}


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
