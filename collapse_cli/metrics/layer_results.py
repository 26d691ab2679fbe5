"""What is measured of the outputs of a network's layers, one by one, and of their course over depth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collapse_cli.layout import Table
from collapse_cli.results import curve, number
from collapse_cli.values import Curve

CENTRED = "λ, centred, L2-normalised; of maps and tokens the mean over positions"
ABOUT_0 = "λ, not centred, L2-normalised; of maps and tokens the mean over positions"
WITHIN = "L2-normalised tokens of one image, not centred; the mean over images"
ACTIVITY = "mean |h| over images and positions ≤ .025 · its mean over the layer"
AXIS = "layer, from the input on"


@dataclass(frozen=True)
class Activations:
    """Layers by depth."""

    TABLE: ClassVar = Table(
        order=(
            "effective_rank",
            "rank_untrained",
            "dimensions",
            "entropy",
            "mean_cosine",
            "cosine_untrained",
        ),
        json_only=("samples", "positions", "dormant_untrained"),
    )

    effective_rank: float = number(
        "exp of the entropy of lambda / sum lambda: in how many directions images differ at this layer",
        label="effective rank", convention=CENTRED, null="isotropic", headline=True, low=0,
    )  # fmt: skip
    rank_untrained: float | None = number(
        "the same of the network re-initialised, on the same images: the geometric mean over several initialisations",
        label="… untrained", convention=CENTRED, interval="range over the initialisations", headline=True, default=None,
        low=0,
    )  # fmt: skip
    dimensions: int = number("width of the layer, D: units, channels, or numbers of a token", default=0)
    entropy: float = number(
        "entropy of lambda / sum lambda of the Gram matrix, ln D where images are spread evenly, 0 where all are one "
        "direction (matrix-based entropy, α = 1: Skean et al. 2025, arXiv:2502.02013)",
        unit="nats", convention=ABOUT_0, null="isotropic", default=0.0, low=0,
    )  # fmt: skip
    mean_cosine: float = number(
        "mean cosine of two different images: anisotropy; 1 where all images map to one direction",
        convention="not centred; of maps and tokens the mean over positions", null="isotropic", headline=True,
        default=0.0, low=-1, high=1,
    )  # fmt: skip
    cosine_untrained: float | None = number(
        "the same of the re-initialised network", label="… untrained cosine", default=None, low=-1, high=1
    )
    dormant: float = number(
        "share of the units that are hardly ever active (Sokar et al. 2023, arXiv:2302.12902)",
        label="dormant units", unit="share", convention=ACTIVITY, default=0.0, low=0, high=1,
    )  # fmt: skip
    dormant_untrained: float | None = number(
        "the same of the re-initialised network", label="… untrained dormant", default=None, low=0, high=1
    )
    token_rank: float | None = number(
        "exp of the entropy of the Gram matrix of the tokens of one image: 1 where its tokens are one direction "
        "(rank collapse with depth: Dong et al. 2021, arXiv:2103.03404)",
        label="rank within an image", convention=WITHIN, null="isotropic", default=None, low=0,
    )  # fmt: skip
    token_cosine: float | None = number(
        "mean cosine of two different tokens of one image: oversmoothing",
        label="cosine within an image", convention=WITHIN, null="isotropic", default=None, low=-1, high=1,
    )  # fmt: skip
    token_cosine_untrained: float | None = number(
        "the same of the re-initialised network", label="… untrained within", default=None, low=-1, high=1
    )
    lidar: float | None = number(
        "directions in which images differ by more than their views", label="LiDAR", unit="dimensions",
        convention="Sb divided by n - 1, Sw by n (q - 1), + δ, of mean Sw", null="noise", default=None, low=0,
    )  # fmt: skip
    samples: int = number("images measured, N", default=0)
    positions: int = number("tokens or positions of one image, over which the mean is taken", default=1)


@dataclass(frozen=True)
class Depth:
    """Depth."""

    depth: int = number("layers measured, from the input on", label="layers")
    rank_fall: float | None = number(
        "largest fall of the effective rank from one layer to the next, as a factor, over that of the untrained network",
        label="largest fall of the rank", unit="times", convention=CENTRED, better="low", headline=True, default=None, low=0,
    )  # fmt: skip
    rank_kept: float | None = number(
        "smallest effective rank of a layer over that of the untrained network",
        label="smallest share of the untrained rank", convention=CENTRED, better="high", headline=True, default=None, low=0,
    )  # fmt: skip
    token_alike: float | None = number(
        "largest mean cosine of the tokens of one image, of all layers",
        label="largest cosine within an image", convention=WITHIN, better="low", default=None, low=-1, high=1,
    )  # fmt: skip
    ranks: Curve = curve(
        "exp of the entropy of lambda / sum lambda at every layer",
        label="effective rank by layer", x=AXIS, y="effective rank", null="isotropic", log="y", sketch=True, low=0,
        default=Curve(()),
    )  # fmt: skip
    entropies: Curve = curve(
        "matrix-based entropy of the Gram matrix at every layer",
        label="entropy by layer", x=AXIS, y="nats", null="isotropic", low=0, default=Curve(()),
    )  # fmt: skip
    cosines: Curve = curve(
        "mean cosine of two different images at every layer",
        label="mean cosine by layer", x=AXIS, y="mean cosine", null="isotropic", low=-1, high=1, default=Curve(()),
    )  # fmt: skip
    dormants: Curve = curve(
        "share of the units that are hardly ever active at every layer",
        label="dormant units by layer", x=AXIS, y="share", low=0, high=1, default=Curve(()),
    )  # fmt: skip
    token_ranks: Curve | None = curve(
        "exp of the entropy of the Gram matrix of the tokens of one image at every layer",
        label="rank within an image by layer", x=AXIS, y="effective rank", null="isotropic", low=0, default=None,
    )  # fmt: skip
    token_cosines: Curve | None = curve(
        "mean cosine of two different tokens of one image at every layer",
        label="cosine within an image by layer", x=AXIS, y="mean cosine", null="isotropic", low=-1, high=1, default=None,
    )  # fmt: skip
    lidars: Curve | None = curve(
        "LiDAR at every layer",
        label="LiDAR by layer",
        x=AXIS,
        y="dimensions",
        null="noise",
        low=0,
        default=None,
    )
