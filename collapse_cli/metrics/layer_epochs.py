"""The layers of a network over the epochs of which checkpoints were kept, from the weights before the first step on.

Depth narrows a network while it learns, and adjacent layers align meanwhile (Jing et al. 2022, arXiv:2110.09348, sec. 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from collapse_cli.metrics.layer_alignment import block_energy, inward, outward
from collapse_cli.metrics.ranks import entropy_rank
from collapse_cli.metrics.rows import levelled
from collapse_cli.metrics.weights import flat, singular_values
from collapse_cli.results import lines, number
from collapse_cli.values import Curve


@dataclass(frozen=True)
class Course:
    """Layers over the epochs kept."""

    checkpoints: int = number("checkpoints, including the last; the initial weights come before them")
    least: float = number(
        "effective rank of sigma^2 after the last epoch over that at initialisation, for the "
        "layer that has lost most",
        label="least rank left", unit="of initial", headline=True, low=0,
    )  # fmt: skip
    effective_rank: Mapping[str, Curve] = lines(
        "exp of the entropy of sigma^2 / sum sigma^2, over that of the same layer at initialisation",
        of="layer", x="epoch", y="effective rank of σ² / initial", label="effective rank by epoch", low=0,
    )  # fmt: skip
    block_energy: Mapping[str, Curve] | None = lines(
        "||A[:k, :k]||_F^2 / k of adjacent layers, the scale of a batch norm folded in; k is "
        "that of the last epoch",
        of="second layer of the pair", x="epoch", y="‖A[:k, :k]‖² / k", label="block energy by epoch",
        low=0, high=1, default=None,
    )  # fmt: skip


def course(ranks: Mapping[int, Mapping[str, float]], energies: Mapping[int, Mapping[str, float]]) -> Course:
    """Epoch -> layer -> `rank`, and epoch -> pair of layers -> `energy`; the first epoch is that of the fresh weights."""
    (_, fresh), *_, (_, last) = ranks.items()
    left = {at: {name: value / fresh[name] for name, value in every.items()} for at, every in ranks.items()}
    return Course(
        checkpoints=len(ranks) - 1,
        least=min(last[name] / fresh[name] for name in last),
        effective_rank=family(left),
        block_energy=family(energies) or None,
    )


def family(values: Mapping[int, Mapping[str, float]]) -> dict[str, Curve]:
    """Epoch -> name -> value, as name -> its curve over the epochs."""
    names = next(iter(values.values()), {})
    return {name: Curve((every[name] for every in values.values()), values) for name in names}


def rank(weight: Tensor) -> float:
    """Effective rank of sigma^2 of a finite weight (out, in, …)."""
    (near_1,), _ = levelled(flat(weight))
    return entropy_rank(singular_values(near_1).square())


def energy(first: Tensor, second: Tensor, k: int, scale: Tensor | None = None) -> float:
    """How much of the k strongest outputs of first (d, in, …), rows times scale (d,), second (out, d, …) takes up; in [0, 1]."""
    return float(block_energy(inward(second)[1].T @ outward(first, scale)[1])[k - 1])
