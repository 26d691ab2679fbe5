"""The infinitesimal jackknife that leaves out groups of rows, as `jackknife` leaves out rows.

The influence of a group is the sum of those of its rows, and two groups act together as all pairs of their rows do. Groups are
few: the variance is divided by G - 1, and the t has no more degrees of freedom than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from collapse_cli.metrics.groups import Units
from collapse_cli.metrics.jackknife import (
    FEWEST,
    PAIRS,
    STEP,
    Error,
    Spectral,
    derivatives,
    error_of,
    neighbours,
    partners,
    share_of_pairs,
    share_of_spectra,
)

CELLS = 2**26  # entries of D x D matrices that pairs of groups cost
LEAST = 16  # pairs


def of_eigenvalues(
    numbers: Sequence[Spectral],
    lam: Tensor,
    vectors: Tensor,
    rows: Tensor,
    units: Units,
    count: float,
    centred: bool,
) -> list[Error]:
    """Of numbers that are functions of eigenvalues lam (D,) > 0, descending, with vectors (D',D).

    rows (R,D') of the units, about their mean where the eigenvalues are of a covariance (`centred`); count: how many independent
    rows tell eigenvalues apart as well as these.
    """
    turned = rows @ vectors  # (R, D)
    pushes = units.summed(turned.square()) - lam * units.sizes[:, None]  # (U, D)
    first, second = partners(len(pushes), rows.device)
    some = slice(pairs_of(len(lam)))
    first, second = first[some], second[some]  # (P,) each
    slopes, bends = derivatives(numbers, lam, pushes[first], _step(units))
    mixing, angles = neighbours(lam, count)
    slopes = slopes @ mixing.T
    moved = 2 * _together(turned, units, first, second, angles, centred)  # (P, D)
    pairs = (bends * pushes[second][:, None]).sum(dim=2) + moved @ slopes.T  # (P, K)
    return [
        of_few(error_of(influences, units.weights, float(square), share_of_spectra), units)
        for influences, square in zip((pushes @ slopes.T).T, pairs.square().mean(dim=0), strict=True)
    ]


def pairs_of(d: int) -> int:
    """How many pairs of groups are looked at in d dimensions: fewer where their matrices are many numbers."""
    return min(max(CELLS // d**2, LEAST), PAIRS)


def of_variances(numbers: Sequence[Spectral], variances: Tensor, rows: Tensor, units: Units) -> list[Error]:
    """Of numbers that are functions of the columns' variances (D,) > 0; rows (R,D) of the units, about their mean."""
    pushes, sums = units.summed(rows.square()) - variances * units.sizes[:, None], units.summed(rows)
    alike = len(pushes) - int((units.weights < units.weights[0]).sum())  # those at random
    some = torch.linspace(0, alike - 1, min(PAIRS, alike)).long()  # (m,)
    different = ~torch.eye(len(some), dtype=torch.bool, device=rows.device)
    slopes, bends = derivatives(numbers, variances, pushes[some], _step(units))
    errors = []
    for k, slope in enumerate(slopes):
        pairs = bends[:, k] @ pushes[some].T - 2 * (sums[some] * slope) @ sums[some].T  # (m, m)
        square = float(pairs[different].square().mean())
        errors.append(of_few(error_of(pushes @ slope, units.weights, square, share_of_pairs), units))
    return errors


def _step(units: Units) -> float:
    """So small that no eigenvalue is pushed below 0 by the largest group."""
    return STEP / max(1.0, float(units.sizes.max()))


def _together(
    turned: Tensor, units: Units, first: Tensor, second: Tensor, angles: Tensor, centred: bool
) -> Tensor:
    """(P,D): what two groups with matrices A, A' (D,D) do to the angles between directions: sum_l A_kl A'_kl angle_kl.

    About their mean, which two groups move, too: less the product of their sums.
    """
    starts = torch.searchsorted(
        units.owner, torch.arange(len(units.sizes) + 1, device=units.owner.device)
    ).tolist()
    weighted = turned * units.share.sqrt()[:, None]

    def matrix(group: int) -> Tensor:
        some = weighted[starts[group] : starts[group + 1]]
        return some.T @ some

    sums = units.summed(turned)
    products = [
        (matrix(g) * matrix(h) * angles).sum(dim=1) - float(centred) * sums[g] * sums[h]
        for g, h in zip(first.tolist(), second.tolist(), strict=True)
    ]
    return torch.stack(products)


def of_few(error: Error, units: Units) -> Error:
    """The same of G groups, which may be few."""
    g = units.groups
    return replace(
        error,
        size=error.size * math.sqrt(g / (g - 1)),
        degrees=max(min(error.degrees, g - 1), min(FEWEST, g - 1)),
    )
