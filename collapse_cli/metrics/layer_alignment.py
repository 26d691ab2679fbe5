"""How the singular vectors of adjacent layers meet: A = V_2^T U_1 (Jing et al. 2022, arXiv:2110.09348, Theorem 2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.ranks import stable_rank
from collapse_cli.metrics.rows import levelled
from collapse_cli.metrics.weights import FLOOR, flat, roots
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

SEPARATED = 0.05  # singular vectors are told apart where the singular values around are further away
GAP = 10.0  # the least ratio of successive singular values that is a gap

LEADING = (
    f"k: the place before the largest ratio of successive σ of the product, if that is {GAP:.0f} "
    "or more and not at the last of d; where there is no such gap, the stable rank of the product"
)
MEANT = (
    "the scale of a batch norm between them is folded in; with anything else between them "
    "the number is a description, and no theorem holds"
)


@dataclass(frozen=True)
class Pair:
    """Alignment of adjacent layers."""

    TABLE: ClassVar = Table(
        order=("leading", "dimensions"),
        together={"leading k / of d": ("leading", "dimensions")},
        json_only=("gap",),  # how k was chosen
    )

    dimensions: int = number(
        "directions between the layers: outputs of the first layer, inputs of the second",
        label="dimensions d",
    )
    leading: int = number(
        "leading directions of the product of both layers",
        label="leading k",
        convention=LEADING,
        headline=True,
    )
    gap: float | None = number(
        "sigma_k / sigma_(k+1) of the product", convention=LEADING, default=None, low=0
    )
    block_energy: float | None = number(
        "||A[:k, :k]||_F^2 / k: share of the first layer's k strongest output directions that "
        "lies in the second layer's k strongest input directions",
        convention=MEANT, null="random", headline=True, default=None, low=0,
    )  # fmt: skip
    block_energy_before: float | None = number(
        "block energy of the run's own weights at initialisation, with the same k",
        label="block energy at initialisation", convention=MEANT, null="random", default=None, low=0,
    )  # fmt: skip
    separated: int = number(
        f"leading directions whose singular values differ by more than {SEPARATED:.0%} from their "
        "neighbours, in both layers",
        default=0,
    )
    diagonal: float | None = number(
        "mean |A_kk| of the separated directions; where there are none, only blocks can align",
        label="mean |A_kk|", convention=MEANT, null="random", headline=True, default=None, low=0,
    )  # fmt: skip
    overlap: Curve | None = curve(
        "||A[:k, :k]||_F^2 / k for every k",
        label="block energy of adjacent layers", x="leading directions k / d", y="‖A[:k, :k]‖² / k", null="random",
        apart="result", low=0, high=1, default=None,
    )  # fmt: skip
    entries: Curve | None = curve(
        "|A_kk| of the separated directions",
        label="|A_kk| of adjacent layers", x="direction k", y="|A_kk|", null="random",
        apart="result", low=0, high=1, default=None,
    )  # fmt: skip


def pair(
    first: Tensor,
    second: Tensor,
    scale: Tensor | None = None,
    before: tuple[Tensor, Tensor] | None = None,
) -> Pair:
    """Of finite weights first (d, in, …), its rows times scale (d,), and second (out, d, …).

    before: both before training. Where a layer is 0 nothing can be aligned, and nothing is measured.
    """
    (sigma, u), (tau, v) = outward(first, scale), inward(second)
    a, d = v.T @ u, len(u)  # (r', r)
    rank = min(int((sigma > 0).sum()), int((tau > 0).sum()))
    if not rank:
        return Pair(dimensions=d, leading=0)
    k, gap = leading(torch.linalg.svdvals(tau.unsqueeze(1) * a * sigma), d)
    energies = block_energy(a)[:rank].tolist()
    shares = [place / d for place in range(1, d + 1)]
    apart = (separated(sigma)[:k] & separated(tau)[:k]).nonzero().squeeze(1)
    entries, chance = a.diagonal().abs()[apart], math.sqrt(2 / (math.pi * d))
    return Pair(
        dimensions=d,
        leading=k,
        gap=gap,
        block_energy=Measured(energies[k - 1], null=k / d),
        block_energy_before=Measured(_before(*before, k), null=k / d) if before else None,
        separated=len(apart),
        diagonal=Measured(float(entries.mean()), null=chance) if len(apart) else None,
        overlap=Curve([*energies, *[math.nan] * (d - rank)], x=shares, null=shares),
        entries=Curve(entries.tolist(), (apart + 1).tolist(), [chance] * len(apart)) if len(apart) else None,
    )


def _before(first: Tensor, second: Tensor, k: int) -> float:
    return float(block_energy(inward(second)[1].T @ outward(first)[1])[k - 1])


def along(pairs: Sequence[Pair], names: Sequence[str]) -> Curve:
    """The block energies of a network's pairs, from the input on; names: of the pairs."""
    energies = [
        math.nan if layer_pair.block_energy is None else layer_pair.block_energy for layer_pair in pairs
    ]
    null = [layer_pair.leading / layer_pair.dimensions for layer_pair in pairs]
    return Curve(energies, range(len(pairs)), null, names=names)


def outward(weight: Tensor, scale: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """weight (d, in, …), rows times scale (d,) -> sigma (r,) but for a power of two, and U (d, r), in columns."""
    rows = flat(weight)  # (d, in·…)
    return _directions(rows if scale is None else rows * scale.detach().cpu().double().unsqueeze(1))


def inward(weight: Tensor) -> tuple[Tensor, Tensor]:
    """weight (out, d, …) -> sigma (r,) descending, up to a power of two, V (d, r): directions of the input as columns.

    A convolution is read as (out·kh·kw, d): its Gram matrix is the mean of W(f)^H W(f) over all frequencies (Parseval).
    """
    return _directions(flat(weight.transpose(0, 1)))


def _directions(rows: Tensor) -> tuple[Tensor, Tensor]:
    """rows (d, n) -> singular values (r,), up to a power of two, and left singular vectors (d, r), r = min(d, n)."""
    (rows,), _ = levelled(rows)
    frame = None
    if len(rows) > rows.shape[1]:
        frame, rows = torch.linalg.qr(rows)  # (d, n), (n, n): the cost is then that of n, not of d
    lam, vectors = torch.linalg.eigh(rows @ rows.T)
    vectors = vectors.flip(1)
    return roots(lam), vectors if frame is None else frame @ vectors


def leading(product: Tensor, d: int) -> tuple[int, float | None]:
    """k and sigma_k / sigma_(k+1) of the singular values (r,) of a product through d directions, descending; 1 <= k <= r <= d.

    At k = d - 1 no gap is seen: the last singular value of a square random matrix is often far below the one before.
    """
    sigma = product.clamp_min(FLOOR * product[0])
    ratios = sigma[:-1] / sigma[1:]
    inner = ratios[: max(d - 2, 0)]
    wide = len(inner) > 0 and float(inner.max()) >= GAP
    k = int(inner.argmax()) + 1 if wide else round(stable_rank(product.square()))
    return k, float(ratios[k - 1]) if k <= len(ratios) else None


def block_energy(a: Tensor) -> Tensor:
    """||A[:k, :k]||_F^2 / k for k = 1 … min(r', r) of A = V^T U (r', r); in [0, 1], k/d in the mean where A is random."""
    energies = a.square().cumsum(0).cumsum(1).diagonal()
    return energies / torch.arange(1, len(energies) + 1)


def separated(sigma: Tensor) -> Tensor:
    """(d,) bool: whether the neighbours of sigma (d,), descending, are both more than SEPARATED of it away."""
    steps = -sigma.diff()
    away = torch.full((1,), torch.inf, dtype=sigma.dtype)
    return torch.minimum(torch.cat([away, steps]), torch.cat([steps, away])) > SEPARATED * sigma
