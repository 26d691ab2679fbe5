"""Neural collapse NC1-NC3 and CDNV as functions of class means, class variances and the scatter within, all differentiable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from collapse_cli.metrics import class_pairs
from collapse_cli.metrics.scatter import Groups

ROUNDING = 1e-6  # of the longest direction of the class means: a shorter one is rounding, and has no inverse


@dataclass(frozen=True)
class Classifier:
    """A linear classifier of rows (N,D): weights (C,D), one row for each label, and bias (C,) or None."""

    weights: Tensor
    bias: Tensor | None = None

    def decide(self, rows: Tensor) -> Tensor:
        """(N,) the label of the largest logit."""
        logits = rows @ self.weights.to(rows).T
        return (logits if self.bias is None else logits + self.bias.to(rows)).argmax(dim=1)


@dataclass(frozen=True)
class Geometry:
    """means (C,D); variances (C,), v_c = mean ||row - mean||^2; within (D,D), Sigma_W divided by N; shares (C,) = n_c / N."""

    means: Tensor
    variances: Tensor
    within: Tensor
    shares: Tensor

    @classmethod
    def of(cls, grouped: Groups) -> Geometry:
        rows, sizes = grouped.deviations, grouped.sizes
        sums = torch.zeros(len(sizes), dtype=rows.dtype, device=rows.device)
        sums.index_add_(0, grouped.member, rows.square().sum(dim=1))
        return cls(grouped.means, sums / sizes, rows.T @ rows / len(rows), sizes.double() / len(rows))

    def leaf(self) -> Geometry:
        """The same, with its three parts as where derivatives begin."""
        means, variances, within = (
            p.clone().requires_grad_() for p in (self.means, self.variances, self.within)
        )
        return Geometry(means, variances, within, self.shares)

    @property
    def centred(self) -> Tensor:
        """(C,D): class means about their mean, each class counted once."""
        return self.means - self.means.mean(dim=0)

    @property
    def directions(self) -> Tensor:
        """(C,D): the centred means at length 1; nan where one is 0."""
        lengths: Tensor = self.centred.norm(dim=1, keepdim=True)
        return self.centred / lengths


def numbers(seen: Geometry, classifier: Classifier | None, labels: Tensor) -> dict[str, Tensor]:
    """Every number () that is a function of the geometry, by name. labels (C,): of the classes, rows of the classifier."""
    between = seen.centred.square().sum() / len(seen.means)  # tr Sigma_B
    inside = seen.shares @ seen.variances  # tr Sigma_W
    values = {
        "within": inside,
        "between": between,
        "cdnv": cdnv(seen),
        "nc1": nc1(seen),
        "nc1_quotient": inside / between,
        "least_variance": seen.variances.min() / seen.variances.mean(),
    }
    if len(seen.means) > 2:  # two means are always opposite and equally far
        values |= {"equinorm": equinorm(seen), "equiangular": equiangular(seen)}
    return values | ({"self_dual": self_dual(seen, classifier.weights[labels.cpu()])} if classifier else {})


def cdnv(seen: Geometry) -> Tensor:
    """Mean over c < c' of (v_c + v_c') / (2 ||mean_c - mean_c'||^2), >= 0."""
    return class_pairs.overlap(seen.means, seen.variances)


def nc1(seen: Geometry) -> Tensor:
    """tr(Sigma_W Sigma_B^+) / C, >= 0, by the singular values of the centred means, of which C - 1 at most are not 0.

    With M (C,D) those means, Sigma_B = M^T M / C and its pseudo-inverse C M^+ M^+^T. Of more classes than dimensions, M is turned
    into the D directions that it spans, Q^T M: that has the same M^T M, and the same slopes, Q held as it is.
    """
    centred = seen.centred
    if len(centred) > centred.shape[1]:
        basis = torch.linalg.qr(centred.detach()).Q  # (C, D)
        centred = basis.T @ centred
    inverse = torch.linalg.pinv(centred, rtol=ROUNDING)  # (D, C), or (D, D)
    return (
        ((seen.within @ inverse) * inverse).sum()
        if bool(inverse.any())
        else seen.within.new_tensor(torch.inf)
    )


def equinorm(seen: Geometry) -> Tensor:
    """Standard deviation over mean of the centred means' lengths, >= 0."""
    lengths: Tensor = seen.centred.norm(dim=1)
    return lengths.std(correction=0) / lengths.mean()


def equiangular(seen: Geometry) -> Tensor:
    """Mean |cosine + 1/(C-1)| over c < c', in [0, 2]."""
    return class_pairs.unevenness(seen.directions, -1 / (len(seen.means) - 1))


def self_dual(seen: Geometry, weights: Tensor) -> Tensor:
    """|| W M^T / ||W M^T|| - (I - 1 1^T / C) / sqrt(C-1) ||, Frobenius, in [0, 2]; W (C,D) a classifier, M the centred means.

    By blocks of classes, which are computed again where slopes are asked for.
    """
    ours, means = weights.to(seen.means), seen.centred
    size = ((ours.T @ ours) * (means.T @ means)).sum().sqrt()  # ||W M^T||
    step = max(class_pairs.PAIRS // len(means), 1)
    parts = [
        checkpoint(_unlike_simplex, ours[start : start + step], means, size, start, use_reentrant=False)
        for start in range(0, len(means), step)
    ]
    distance: Tensor = torch.stack(parts).norm()
    return distance


def _unlike_simplex(weights: Tensor, means: Tensor, size: Tensor, start: int) -> Tensor:
    """The same of the rows start, start + 1 … of W alone, (b,D)."""
    count = len(means)
    product = weights @ means.T / size  # (b, C)
    simplex = torch.full_like(product, -1 / count)
    simplex.diagonal(start).add_(1)
    distance: Tensor = (product - simplex / (count - 1) ** 0.5).norm()
    return distance
