"""What is shown of a deep linear network's training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collapse_cli.answers import Verdict
from collapse_cli.metrics.dynamics import ALIGNED, SLIGHT
from collapse_cli.metrics.ranks import RELATIVE_FLOOR
from collapse_cli.metrics.thresholds import Status
from collapse_cli.results import curve, lines, matrix, number
from collapse_cli.values import Curve, Matrix

VANISHED = (
    1e-3  # of the largest eigenvalue before training: a largest one below it has collapsed with all others
)
FLOOR = (
    f"λ of the covariance of z, centred, raw; alive: above {RELATIVE_FLOOR:.0%} of the largest, and none where that is below "
    f"{VANISHED:.1%} of what it was before training"
)
PRODUCT = "mean over adjacent layers; k: as many as live at the end"
RATES = (
    "σ₁ᵏ (σ₂ᵏ)² v₁ᵏ·X v₁ᵏ for L = 2, in general (Π σ_lᵏ)² / σ₁ᵏ · v₁ᵏ·X v₁ᵏ; of W₁, while its σ is distinct and "
    f"|A_kk| above {ALIGNED:g}"
)
MOTION = "Q = W_l W_lᵀ − W_l+1ᵀ W_l+1, over ‖W_l W_lᵀ‖, of the pair with the most"


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """Linear networks, mean over seeds [lowest, highest]."""

    alive: float = number(
        "dimensions of the embedding that live at the end", unit="dimensions", convention=FLOOR, headline=True
    )
    dead: float = number("dimensions of the embedding that do not", convention=FLOOR, headline=True)
    negative: float | None = number(
        "negative eigenvalues of X before training: so many directions die while X stays what it is (Theorem 1)",
        label="X < 0", convention=f"by more than {SLIGHT:.0%} of the largest |λ|; X a mean over 16 batches", headline=True,
        default=None,
    )  # fmt: skip
    gap: float = number(
        "mean log eigenvalue of the first half of the dimensions less that of the second", unit="nats", convention=FLOOR,
        headline=True,
    )  # fmt: skip
    participation_ratio: float = number("(sum lambda)^2 / sum lambda^2", convention=FLOOR)
    block_energy: float | None = number(
        "||A[:k, :k]||_F^2 / k: how much of a layer's k strongest outputs the next one's k strongest inputs take up (Theorem 2)",
        convention=PRODUCT, null="random", headline=True, default=None,
    )  # fmt: skip
    block_energy_before: float | None = number(
        "the same, with the same k, before training", label="block energy, before", convention=PRODUCT, null="random",
        default=None,
    )  # fmt: skip
    diagonal: float | None = number(
        "mean |A_kk| of the leading directions whose singular values stand apart", label="mean |A_kk|",
        null="random", default=None,
    )  # fmt: skip
    imbalance: float | None = number(
        "||Q|| at the end: 0 where adjacent layers have the same singular values",
        convention=MOTION,
        default=None,
    )
    drift: float | None = number(
        "||Q - Q(0)||: how far training has moved what gradient flow conserves", label="drift of Q", convention=MOTION,
        null="flow", default=None,
    )  # fmt: skip
    growth_ratio: float | None = number(
        "growth of singular values over that of Theorem 3, by least squares; 1 where it holds", label="growth / Theorem 3",
        convention=RATES, default=None,
    )  # fmt: skip
    growth_correlation: float | None = number(
        "of the growth of singular values and that of Theorem 3",
        label="correlation of both",
        convention=RATES,
        default=None,
    )
    loss: float = number("mean over the last steps", unit="nats", null="log B")
    spectrum: Curve | None = curve(
        "eigenvalues of the covariance of z, geometric mean over seeds", label="embedding spectrum",
        x="dimension, by size", y="eigenvalue λ", log="y", null="before training", sketch=True, default=None,
    )  # fmt: skip
    survivors: Curve | None = curve(
        "dimensions that live, over the steps",
        label="dimensions alive",
        x="step",
        y="dimensions alive",
        default=None,
    )
    fates: Curve | None = curve(
        "singular values of W at the end, by what X before training said of their directions v: below 0 they should die",
        label="what X said, and what came", x="X before training along a direction of W, v·Xv",
        y="its singular value at the end", log="y", dots=True, default=None,
    )  # fmt: skip
    forces: Curve | None = curve(
        "eigenvalues of X, the spread of the data less that of the augmentation, before training: below 0 directions die",
        label="eigenvalues of X", x="place, by size", y="eigenvalue of X before training", null="0", default=None,
    )  # fmt: skip
    overlap: Curve | None = curve(
        "||A[:k, :k]||_F^2 / k at the end for every k, mean over adjacent layers", label="block energy",
        x="leading directions k", y="‖A[:k, :k]‖² / k", null="random", default=None,
    )  # fmt: skip
    entries: Curve | None = curve(
        "|A_kk| at the end, mean over adjacent layers, where singular values stand apart in every layer and seed", label="|A_kk|",
        x="direction k", y="|A_kk|", null="random", dots=True, default=None,
    )  # fmt: skip
    product: dict[str, Curve] | None = lines(
        "singular values of W = W_L … W_1 over the steps, geometric mean over seeds", of="direction",
        label="singular values of W", x="step", y="singular value σ", log="y", default=None,
    )  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """Layers over the steps, geometric mean over seeds."""

    sigma: dict[str, Curve] = lines(
        "singular values of the layer",
        of="direction",
        label="singular values",
        x="step",
        y="singular value σ",
        log="y",
    )


@dataclass(frozen=True)
class Phases:
    """Phase diagram."""

    alive: tuple[tuple[float, ...], ...] = matrix(
        "dimensions of the embedding that live at the end, mean over seeds", rows="noise, std of a view", columns="layers L",
        label="dimensions alive",
    )  # fmt: skip


def phases(alive: Sequence[Sequence[float]], noises: Sequence[float], layers: Sequence[int]) -> Phases:
    """Dimensions alive by noise (rows) and number of layers (columns)."""
    return Phases(Matrix(alive, (f"{noise:g}" for noise in noises), map(str, layers)))


def verdict(found: Dynamics, width: int, layers: int) -> Verdict:
    """How many of `width` dimensions live, and what the dead ones died of, in the mean over seeds."""
    status = _status(found.alive, width)
    sentence = f"{found.alive:.3g} of {width} dimensions live"
    if found.negative is None or found.dead < 1:
        return Verdict(status, sentence, ())
    deep = found.dead - found.negative
    reasons = [
        f"X is negative along {found.negative:.3g} of {width} directions before training: there augmentation wins"
    ]
    if layers > 1 and deep >= 1:
        reasons.append(f"{deep:.3g} more are lost through the {layers} layers")
    return Verdict(status, sentence, tuple(reasons))


def extremes(alive: Mapping[str, float], width: int) -> Verdict:
    """Of networks by name, and how many of `width` dimensions live in each: where most do, and where fewest."""
    most, fewest = max(alive, key=alive.__getitem__), min(alive, key=alive.__getitem__)
    said = f"from {alive[most]:.3g} of {width} dimensions ({most}) down to {alive[fewest]:.3g} ({fewest})"
    return Verdict(_status(alive[fewest], width), said, ())


def _status(alive: float, width: int) -> Status:
    """Mean over seeds: less than one dimension lost is none."""
    return "healthy" if width - alive < 1 else "dimensional collapse" if alive else "complete collapse"
