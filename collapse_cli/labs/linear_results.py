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
    f"λ of the covariance of z, centred, raw; surviving: above {RELATIVE_FLOOR:.0%} of the "
    f"largest, and none where that is below {VANISHED:.1%} of its value at initialisation"
)
PRODUCT = "mean over adjacent layers; k: the number of dimensions that survive"
RATES = (
    "σ₁ᵏ (σ₂ᵏ)² v₁ᵏ·X v₁ᵏ for L = 2, in general (Π σ_lᵏ)² / σ₁ᵏ · v₁ᵏ·X v₁ᵏ; of W₁, while its σ is distinct and "
    f"|A_kk| above {ALIGNED:g}"
)
MOTION = "Q = W_l W_lᵀ − W_l+1ᵀ W_l+1, over ‖W_l W_lᵀ‖, of the pair with the most"


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """Linear networks, mean over seeds [lowest, highest]."""

    alive: float = number(
        "dimensions of the embedding that survive training",
        unit="dimensions",
        convention=FLOOR,
        headline=True,
    )
    dead: float = number(
        "dimensions of the embedding that do not survive training", convention=FLOOR, headline=True
    )
    negative: float | None = number(
        "negative eigenvalues of X at initialisation: as many directions vanish while X stays "
        "the same (Theorem 1)",
        label="X < 0", convention=f"by more than {SLIGHT:.0%} of the largest |λ|; X is a mean over 16 batches", headline=True,
        default=None,
    )  # fmt: skip
    gap: float = number(
        "mean log eigenvalue of the first half of the dimensions less that of the second half", unit="nats", convention=FLOOR,
        headline=True,
    )  # fmt: skip
    participation_ratio: float = number("(sum lambda)^2 / sum lambda^2", convention=FLOOR)
    block_energy: float | None = number(
        "||A[:k, :k]||_F^2 / k: share of a layer's k strongest output directions that lies in "
        "the k strongest input directions of the next layer (Theorem 2)",
        convention=PRODUCT, null="random", headline=True, default=None,
    )  # fmt: skip
    block_energy_before: float | None = number(
        "block energy at initialisation, with the same k", label="block energy at initialisation", convention=PRODUCT,
        null="random",
        default=None,
    )  # fmt: skip
    diagonal: float | None = number(
        "mean |A_kk| of the leading directions whose singular values are distinct", label="mean |A_kk|",
        null="random", default=None,
    )  # fmt: skip
    imbalance: float | None = number(
        "||Q|| at the end: 0 where adjacent layers have the same singular values",
        convention=MOTION,
        default=None,
    )
    drift: float | None = number(
        "||Q - Q(0)||: change of Q, which gradient flow conserves", label="drift of Q", convention=MOTION,
        null="flow", default=None,
    )  # fmt: skip
    growth_ratio: float | None = number(
        "growth of singular values over that predicted by Theorem 3, by least squares; 1 where the theorem holds",
        label="growth / Theorem 3",
        convention=RATES, default=None,
    )  # fmt: skip
    growth_correlation: float | None = number(
        "correlation of the growth of singular values with that predicted by Theorem 3",
        label="correlation with Theorem 3",
        convention=RATES,
        default=None,
    )
    loss: float = number("mean loss over the last steps", unit="nats", null="log B")
    spectrum: Curve | None = curve(
        "eigenvalues of the covariance of z, geometric mean over seeds", label="embedding spectrum",
        x="dimension, by size", y="eigenvalue λ", log="y", null="at initialisation", sketch=True,
        apart="dimensions", low=0, default=None,
    )  # fmt: skip
    survivors: Curve | None = curve(
        "dimensions that survive, over the steps",
        label="surviving dimensions",
        x="step",
        y="surviving dimensions",
        low=0,
        default=None,
    )
    fates: Curve | None = curve(
        "singular value of W after training along each direction v, against X at initialisation "
        "along it: below 0 the direction should vanish",
        label="singular values against X", x="X at initialisation along a direction of W, v·Xv",
        y="singular value after training", log="y", dots=True, low=0, default=None,
    )  # fmt: skip
    forces: Curve | None = curve(
        "eigenvalues of X, the covariance of the data less that of the augmentation, at "
        "initialisation: directions below 0 vanish",
        label="eigenvalues of X", x="index, by size", y="eigenvalue of X at initialisation", null="0",
        apart="dimensions", default=None,
    )  # fmt: skip
    overlap: Curve | None = curve(
        "||A[:k, :k]||_F^2 / k after training for every k, mean over adjacent layers", label="block energy",
        x="leading directions k", y="‖A[:k, :k]‖² / k", null="random",
        apart="dimensions", low=0, high=1, default=None,
    )  # fmt: skip
    entries: Curve | None = curve(
        "|A_kk| after training, mean over adjacent layers, where singular values are distinct in "
        "every layer and seed", label="|A_kk|",
        x="direction k", y="|A_kk|", null="random", dots=True, apart="dimensions", low=0, high=1, default=None,
    )  # fmt: skip
    product: dict[str, Curve] | None = lines(
        "singular values of W = W_L … W_1 over the steps, geometric mean over seeds", of="direction",
        label="singular values of W", x="step", y="singular value σ", log="y", low=0, default=None,
    )  # fmt: skip


@dataclass(frozen=True)
class LayerCourse:
    """Layers over the steps, geometric mean over seeds."""

    sigma: dict[str, Curve] = lines(
        "singular values of the layer",
        of="direction",
        label="singular values",
        x="step",
        y="singular value σ",
        log="y",
        low=0,
    )


@dataclass(frozen=True)
class Phases:
    """Phase diagram."""

    alive: tuple[tuple[float, ...], ...] = matrix(
        "dimensions of the embedding that survive training, mean over seeds", rows="standard deviation of the noise of a view",
        columns="layers L",
        label="surviving dimensions", low=0,
    )  # fmt: skip


def phases(alive: Sequence[Sequence[float]], noises: Sequence[float], layers: Sequence[int]) -> Phases:
    """Dimensions alive by noise (rows) and number of layers (columns)."""
    return Phases(Matrix(alive, (f"{noise:g}" for noise in noises), map(str, layers)))


def verdict(dynamics: Dynamics, width: int, layers: int) -> Verdict:
    """How many of `width` dimensions live, and what the dead ones died of, in the mean over seeds."""
    status = _status(dynamics.alive, width)
    sentence = f"{dynamics.alive:.3g} of {width} dimensions survive training"
    if dynamics.negative is None or dynamics.dead < 1:
        return Verdict(status, sentence, explained_by="linear")
    deep = dynamics.dead - dynamics.negative
    reasons = [
        (
            f"X is negative along {dynamics.negative:.3g} of {width} directions at initialisation; there "
            "the augmentation is stronger than the data"
        )
    ]
    if layers > 1 and deep >= 1:
        reasons.append(f"{deep:.3g} more are lost through the depth of {layers} layers")
    return Verdict(status, sentence, tuple(reasons), explained_by="linear")


def extremes(alive: Mapping[str, float], width: int) -> Verdict:
    """Of networks by name, and how many of `width` dimensions live in each: where most do, and where fewest."""
    most, fewest = max(alive, key=alive.__getitem__), min(alive, key=alive.__getitem__)
    sentence = f"from {alive[most]:.3g} of {width} dimensions ({most}) down to {alive[fewest]:.3g} ({fewest})"
    return Verdict(_status(alive[fewest], width), sentence, explained_by="linear")


def _status(alive: float, width: int) -> Status:
    """Mean over seeds: less than one dimension lost is none."""
    return "healthy" if width - alive < 1 else "dimensional collapse" if alive else "complete collapse"
