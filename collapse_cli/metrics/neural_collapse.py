"""Neural collapse NC1-NC3 and CDNV as functions of class means, class variances and the scatter within, all differentiable."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

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

    def cosines(self) -> Tensor:
        """(C,C) of the centred means; nan where one is 0."""
        lengths: Tensor = self.centred.norm(dim=1, keepdim=True)
        directions = self.centred / lengths
        return directions @ directions.T


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
    first, second = torch.triu_indices(len(seen.means), len(seen.means), 1)
    squared = (seen.means[first] - seen.means[second]).square().sum(dim=1)
    return ((seen.variances[first] + seen.variances[second]) / (2 * squared)).mean()


def nc1(seen: Geometry) -> Tensor:
    """tr(Sigma_W Sigma_B^+) / C, >= 0, by the singular values of the centred means, of which C - 1 at most are not 0.

    With M (C,D) those means, Sigma_B = M^T M / C and its pseudo-inverse C M^+ M^+^T.
    """
    inverse = torch.linalg.pinv(seen.centred, rtol=ROUNDING)  # (D, C)
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
    count = len(seen.means)
    first, second = torch.triu_indices(count, count, 1)
    return (seen.cosines()[first, second] + 1 / (count - 1)).abs().mean()


def self_dual(seen: Geometry, weights: Tensor) -> Tensor:
    """|| W M^T / ||W M^T|| - (I - 1 1^T / C) / sqrt(C-1) ||, Frobenius, in [0, 2]; W (C,D) a classifier, M the centred means."""
    count = len(weights)
    product = weights.to(seen.means) @ seen.centred.T  # (C, C)
    simplex = torch.eye(count).to(product) - 1 / count
    distance: Tensor = (product / product.norm() - simplex / (count - 1) ** 0.5).norm()
    return distance
