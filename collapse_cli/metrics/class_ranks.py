"""The effective rank of each class about its own mean."""

from __future__ import annotations

import torch
from torch import Tensor

from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, of_eigenvalues, raised
from collapse_cli.metrics.ranks import entropy
from collapse_cli.metrics.rows import exponents, levelled, scaled_down
from collapse_cli.metrics.scatter import Groups

FLOAT32 = (
    1e-12  # of the class's mean squared length: with less variance it is one point, as far as float32 tells
)
AT_ONCE = 1 << 20  # numbers of the embeddings whose classes are measured together


def ranks(grouped: Groups) -> list[float]:
    """Effective rank of each class, from the smaller of its two products; 1 where its variance is float32's rounding.

    Classes of one size are measured together.
    """
    members, starts = grouped.member.argsort(stable=True), grouped.sizes.cumsum(0) - grouped.sizes
    measured = torch.ones_like(grouped.means[:, 0])
    for size in torch.unique(grouped.sizes).tolist():
        alike = (grouped.sizes == size).nonzero()[:, 0]
        for some in torch.split(alike, max(AT_ONCE // (size * grouped.means.shape[1]), 1)):
            places = starts[some, None] + torch.arange(size, device=some.device)  # (c, n)
            measured[some] = _of_equally_many(grouped.deviations[members[places]], grouped.means[some])
    ranks: list[float] = measured.tolist()
    return ranks


def _of_equally_many(deviations: Tensor, means: Tensor) -> Tensor:
    """(c,) of deviations (c,n,D) and means (c,D) of c classes of n embeddings; 1 with no more variance than rounding leaves.

    Each class near 1 on its own: beside one that is much longer its squares would vanish.
    """
    count, width = deviations.shape[1:]
    together = torch.cat([deviations.flatten(1), means], dim=1)  # (c, nD + D)
    together = scaled_down(together, exponents(together, dim=1))
    deviations, means = together[:, :-width].view_as(deviations), together[:, -width:]
    inside = deviations.square().sum(dim=(1, 2)) / count
    spread = inside > FLOAT32 * (inside + means.square().sum(dim=1))
    product = deviations.mT @ deviations if width < count else deviations @ deviations.mT
    lam = torch.linalg.eigvalsh(product).clamp_min(0).flip(1)
    return torch.where(spread, entropy(lam).exp(), 1.0)


def interval(grouped: Groups, c: int) -> Interval | None:
    """Of the effective rank of one class; none where it has no more rows than dimensions."""
    (deviations,), _ = levelled(grouped.deviations[grouped.member == c])
    if len(deviations) <= max(deviations.shape[1], FEW) or not float(deviations.abs().max()) > 0:
        return None
    lam, vectors = torch.linalg.eigh(deviations.T @ deviations / (len(deviations) - 1))
    some = lam > FLOAT32 * lam[-1]
    lam, vectors = lam[some].flip(0), vectors[:, some].flip(1)
    (error,) = of_eigenvalues(
        [entropy], lam, vectors, deviations, deviations.new_ones(len(deviations)), centred=True
    )
    low, high = error.around(float(entropy(lam)))
    return max(raised(low), 1.0), min(raised(high), float(deviations.shape[1]))
