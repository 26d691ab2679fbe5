"""Linear layers that follow on each other directly: one linear map, which has lost rank where none of them has.

Implicit regularisation (Jing et al. 2022, arXiv:2110.09348, Theorem 3): small singular values of a product grow slowest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from torch import Tensor

from collapse_cli.metrics.layer_alignment import pair
from collapse_cli.metrics.layer_epochs import energy, family
from collapse_cli.metrics.ranks import alive
from collapse_cli.metrics.rows import levelled
from collapse_cli.metrics.weights import singular_values
from collapse_cli.results import curve, lines, number
from collapse_cli.values import Curve, Measured

LIVING = "surviving: above 1 % of the largest eigenvalue of W W^T"


@dataclass(frozen=True)
class Chain:
    """Linear layers in a row."""

    layers: int = number("linear layers in a row, with no activation between them")
    together: int | float = number(
        "surviving directions of their product",
        convention=LIVING,
        null="initial",
        headline=True,
        unit="dimensions",
    )
    poorest: int | float = number(
        "surviving directions of the layer that has the fewest", convention=LIVING, null="initial", headline=True,
        unit="dimensions"
    )  # fmt: skip
    block_energy: float | None = number(
        "mean over adjacent layers of ||A[:k, :k]||_F^2 / k: share of a layer's k strongest "
        "output directions that lies in the k strongest input directions of the next layer; k is "
        "that of each pair's product",
        null="initial", headline=True, default=None, low=0,
    )  # fmt: skip
    by_depth: Curve = curve(
        "surviving directions of the product of the first layers",
        label="surviving directions by depth", x="layers multiplied", y="surviving directions", null="initial", sketch=True,
        low=0, default=Curve(()),
    )  # fmt: skip


@dataclass(frozen=True)
class ChainCourse:
    """Linear layers in a row over the epochs kept."""

    together: int | float = number(
        "surviving directions of their product, last epoch", convention=LIVING, null="initial", headline=True, unit="dimensions"
    )  # fmt: skip
    living: Mapping[str, Curve] = lines(
        "surviving directions of the product of the first layers", label="surviving directions by epoch",
        of="layers multiplied", x="epoch", y="surviving directions", low=0,
    )  # fmt: skip
    block_energy: Mapping[str, Curve] | None = lines(
        "||A[:k, :k]||_F^2 / k of adjacent layers, k as in the last epoch", label="block energy by epoch",
        of="layers", x="epoch", y="‖A[:k, :k]‖² / k", low=0, high=1, default=None,
    )  # fmt: skip


def chain(now: Sequence[Tensor], before: Sequence[Tensor]) -> Chain:
    """Of at least two weights (out, in) float64 in the order in which they act, finite, and the same ones before training."""
    depth, fresh = by_depth(now), by_depth(before)
    pairs = [
        pair(*ends, before=starts) for ends, starts in zip(_adjacent(now), _adjacent(before), strict=True)
    ]
    energies = [float(layer_pair.block_energy) for layer_pair in pairs if layer_pair.block_energy is not None]
    starts = [
        float(layer_pair.block_energy_before)
        for layer_pair in pairs
        if layer_pair.block_energy_before is not None
    ]
    return Chain(
        layers=len(now),
        together=Measured(depth[-1], null=fresh[-1]),
        poorest=Measured(min(map(living, now)), null=min(map(living, before))),
        block_energy=Measured(sum(energies) / len(energies), null=sum(starts) / len(starts))
        if energies
        else None,
        by_depth=Curve(depth, null=fresh),
    )


def course(epochs: Mapping[int, Sequence[Tensor]]) -> ChainCourse:
    """Epoch -> the weights of `chain`; the first epoch is that before training."""
    first, *_, last = epochs.values()
    leading = [pair(*ends).leading for ends in _adjacent(last)]
    depths = {at: _numbered(by_depth(weights)) for at, weights in epochs.items()}
    energies = {
        at: {
            f"{place} → {place + 1}": energy(*ends, k)
            for place, (ends, k) in enumerate(zip(_adjacent(weights), leading, strict=True), 1)
            if k
        }
        for at, weights in epochs.items()
    }
    return ChainCourse(
        together=Measured(by_depth(last)[-1], null=by_depth(first)[-1]),
        living=family(depths),
        block_energy=family(energies) or None,
    )


def _numbered(depths: Sequence[int]) -> dict[str, float]:
    return {str(number): float(living) for number, living in enumerate(depths, 1)}


def _adjacent(weights: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(weights[:-1], weights[1:], strict=True))


def by_depth(weights: Sequence[Tensor]) -> list[int]:
    """Living directions of W_1, W_2 W_1, W_3 W_2 W_1 …"""
    return [living(product) for product in accumulate(weights, lambda product, weight: weight @ product)]


def living(weight: Tensor) -> int:
    """Of a matrix (out, in) float64: eigenvalues of W W^T above 1 % of the largest."""
    (near_1,), _ = levelled(weight)
    return alive(singular_values(near_1).square())
