"""What is measured of a spectrum: every number with its unit, its convention and its null."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collapse_cli.metrics.copies import Copies
from collapse_cli.metrics.eigenvalues import ROUNDING
from collapse_cli.metrics.ranks import ACTIVE
from collapse_cli.metrics.spectral_layout import ROWS
from collapse_cli.results import curve, number
from collapse_cli.values import Curve


@dataclass(frozen=True)
class Spectrum:
    """Spectrum and effective ranks."""

    TABLE: ClassVar = ROWS

    samples: int = number("embeddings measured, N")
    dimensions: int = number("width of the space, D")
    total_variance: float = number(
        "trace of the covariance of the unit embeddings, 1 - mean cosine; near 0 all embeddings point one way",
        convention="centred, L2-normalised rows", null="isotropic", better="high", headline=True, low=0,
    )  # fmt: skip
    std_sqrt_d: float = number(
        "mean standard deviation per dimension of unit embeddings, times sqrt(D); the usual check; lost rank does not show in it",
        label="std·√D", convention="centred, L2-normalised rows", null="isotropic", better="high", headline=True, low=0,
    )  # fmt: skip
    effective_rank: float = number(
        "exp of the entropy of lambda / sum lambda",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high", headline=True, low=0,
    )  # fmt: skip
    effective_rank_shuffled: float = number(
        "effective rank after shuffling each column by itself: what the variances of the columns alone would give",
        label="effective rank, shuffled", unit="dimensions", convention="λ, centred, L2-normalised rows, then shuffled", low=0,
    )  # fmt: skip
    effective_rank_raw: float = number(
        "exp of the entropy of lambda / sum lambda, embeddings as the network gave them", low=0,
        label="effective rank, raw", unit="dimensions", convention="λ, centred, raw rows", null="isotropic", better="high",
    )  # fmt: skip
    effective_rank_sigma: float = number(
        "exp of the entropy of sigma / sum sigma (Roy & Vetterli 2007)",
        label="effective rank of σ", unit="dimensions", convention="σ, centred, raw rows", null="isotropic", better="high", low=0,
    )  # fmt: skip
    rankme: float = number(
        "exp of the entropy of sigma / sum sigma (Garrido et al. 2023, arXiv:2210.02885), without its eps",
        label="RankMe", unit="dimensions", convention="σ, not centred, raw rows", null="isotropic", better="high", low=0,
    )  # fmt: skip
    vendi: float = number(
        "exp of the entropy of lambda of U^T U / N (Friedman & Dieng 2023, cosine kernel): "
        "effective number of distinct embeddings",
        label="Vendi score", unit="embeddings", convention="λ, not centred, L2-normalised rows", null="isotropic", better="high",
        low=0,
    )  # fmt: skip
    participation_ratio: float = number(
        "(sum lambda)^2 / sum lambda^2; IsoScore is (this - 1) / (D - 1)",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high", low=0,
    )  # fmt: skip
    stable_rank: float = number(
        "sum lambda / largest lambda, NESum (He & Ozay 2022); its inverse is the share of the first direction",
        unit="dimensions", convention="λ, centred, raw rows", null="isotropic", better="high", low=0,
    )  # fmt: skip
    dimensions_90: int = number(
        "directions that hold 90 % of the variance", label="dimensions for 90 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    dimensions_99: int = number(
        "directions that hold 99 % of the variance", label="dimensions for 99 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high",
    )  # fmt: skip
    alive: int = number(
        "directions whose lambda is above 1 % of the largest", label="dimensions above 1 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    active: int = number(
        f"directions that have more than {ACTIVE:.0%} of an equal share of the variance; the verdict counts these",
        label="active dimensions", unit="dimensions", convention=f"λ > {ACTIVE} · mean λ, centred, L2-normalised rows",
        null="isotropic", better="high", headline=True,
    )  # fmt: skip
    eigenvalues: Curve = curve(
        "eigenvalues of the covariance of the unit embeddings, as in Jing et al. 2022",
        x="direction, by size", y="eigenvalue λ", log="y", null="isotropic", sketch=True, apart="dimensions", low=0,
    )  # fmt: skip
    explained: Curve = curve(
        "share of the variance that the first k directions hold",
        label="variance explained", x="directions k", y="share of variance", null="isotropic", apart="dimensions", low=0, high=1,
    )  # fmt: skip
    mean_cosine: float | None = number(
        "mean cosine of two different embeddings, 1 - total variance: anisotropy (Ethayarajh 2019, arXiv:1909.00512); 1: a point",
        convention="not centred, no self pairs", null="isotropic", default=None, low=-1, high=1,
    )  # fmt: skip
    isoscore: float | None = number(
        "(participation ratio - 1) / (D - 1) (ACL Findings 2022); 1 is isotropic, 0 is one direction",
        label="IsoScore", convention="λ, centred, L2-normalised rows", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    wasserstein: float | None = number(
        "2-Wasserstein distance of N(0, I/D) to a Gaussian of the unit embeddings' mean and covariance (Fang et al. 2024, "
        "arXiv:2403.00642); 0 is isotropic, √2 is one point, √(2 - 2√(k/D)) is k of D equal dimensions",
        label="Wasserstein distance", convention="not centred, L2-normalised rows, divided by N", null="isotropic", better="low",
        default=None, low=0,
    )  # fmt: skip
    information_abundance: float | None = number(
        "sum sigma / largest sigma (Guo et al. 2024, arXiv:2310.04400); low: few directions, or a common offset", low=0,
        label="information abundance", convention="σ, not centred, raw rows", null="isotropic", better="high", default=None,
    )  # fmt: skip
    top_share: float | None = number(
        "share of the variance in the first direction: 1 / stable rank",
        label="first direction's share", convention="λ, centred, raw rows", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    dimensions_95: int | None = number(
        "directions that hold 95 % of the variance", label="dimensions for 95 %",
        unit="dimensions", convention="λ, centred, L2-normalised rows", null="isotropic", default=None,
    )  # fmt: skip
    above_edge: int | None = number(
        "directions above the Marchenko-Pastur edge, the largest λ that isotropic data of this variance would have",
        label="dimensions above isotropic edge", unit="dimensions",
        convention="λ > (1 + √(D/(N-1)))² · mean λ, centred, L2-normalised rows", null="isotropic", default=None,
    )  # fmt: skip
    alpha: float | None = number(
        "exponent of lambda_j ~ j^-alpha (alpha-ReQ, Agrawal et al. 2022)",
        label="α", convention="λ, centred, raw rows, least squares of log λ on log j weighted by 1/j", null="isotropic",
        default=None, low=0,
    )  # fmt: skip
    alpha_r2: float | None = number(
        "how well the power law fits: R²; below 0.9 there is no power law",
        label="R² of α", convention="weighted by 1/j", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    alpha_from: int | None = number("first direction j of the fit", label="α fitted from", default=None)
    alpha_to: int | None = number("last direction j of the fit", label="α fitted to", default=None)
    effective_rank_initial: float | None = number(
        "effective rank of the same network at random initialisation, on at most 1000 of the images",
        label="effective rank at random initialisation", unit="dimensions", convention="λ, centred, L2-normalised rows",
        interval="range over several initialisations", default=None, low=0,
    )  # fmt: skip
    numerical_rank: int | None = number(
        "directions that float64 distinguishes from 0", label="dimensions above rounding",
        unit="dimensions", convention=f"λ > {ROUNDING:.0e} of the largest, centred, L2-normalised rows", null="isotropic",
        default=None,
    )  # fmt: skip
    rounding: float | None = number(
        "|total variance + mean cosine - 1|, which is 0 in exact arithmetic: the rounding error", default=None, low=0
    )  # fmt: skip
    product_error: float | None = number(
        "bound on the error of an eigenvalue by float32 products, as a share of the largest; they are used where N·D² > 10¹¹",
        label="error of float32 products", default=None, low=0,
    )  # fmt: skip
    row_participation: float | None = number(
        "effective share of the embeddings that the variance comes from, (sum |v|^2)^2 / (N sum "
        "|v|^4) of v = u - mean; near 0: a few outliers",
        label="row participation", convention="centred, L2-normalised rows", null="Gaussian", default=None,
        low=0, high=1,
    )  # fmt: skip
    mean_length: float | None = number(
        "length of the mean embedding over the root mean square of all lengths; near 1 a common offset dominates",
        label="length of the mean embedding", convention="raw rows", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    ray_share: float | None = number(
        "share of the raw variance along the mean embedding; near 1 only lengths vary, along one ray",
        label="variance along the mean", convention="λ, centred, raw rows", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    ray_axes: float | None = number(
        "effective number of axes of the mean embedding, (sum m^2)^2 / sum m^4; near 1 it is one massive coordinate",
        label="axes of the mean", convention="raw rows", default=None, low=0,
    )  # fmt: skip
    top_dimension: int | None = number(
        "the dimension that contributes most to the mean cosine, from 0 on", default=None
    )
    top_dimension_share: float | None = number(
        "share of the mean cosine that this dimension makes (Timkey & van Schijndel 2021, arXiv:2109.04404); near 1 it is a "
        "rogue dimension; measured where the mean cosine is .05 or more",
        label="top dimension's share of the mean cosine", convention="not centred, L2-normalised rows", null="random direction",
        default=None, low=0,
    )  # fmt: skip
    dimensions_of_half: int | None = number(
        "dimensions that make half of the mean cosine, the largest contributions first",
        label="dimensions of half the mean cosine", convention="not centred, L2-normalised rows", null="random direction",
        default=None,
    )  # fmt: skip
    mean_cosine_without_top: float | None = number(
        "mean inner product over the mean squared length of what is left of unit embeddings without that dimension",
        label="mean cosine without the top dimension", convention="not centred, L2-normalised rows", default=None, low=-1, high=1,
    )  # fmt: skip
    widest_dimension: int | None = number(
        "the dimension whose values vary most, in unit embeddings, from 0 on", default=None
    )
    widest_dimension_share: float | None = number(
        "share of the variance that this dimension carries; near 1 a cosine is its value alone",
        label="widest dimension's share of the variance", convention="centred, L2-normalised rows", null="equal shares",
        default=None, low=0, high=1,
    )  # fmt: skip
    distinct: int | None = number(
        "distinct embeddings; copies, nearer than 16 eps of their length, are counted once", default=None
    )
    largest_group: float | None = number(
        "share of all embeddings that are equal to the most frequent embedding", low=0, high=1,
        label="most frequent",
        unit="share", default=None,
    )  # fmt: skip
    zero_rows: float | None = number(
        "share of the embeddings that are zero", label="zeros", unit="share", default=None, low=0, high=1
    )
    effective_samples: int | None = number(
        "effective number of independent embeddings: N in rules, nulls and intervals; without groups, the distinct ones",
        label="effective number of embeddings", default=None,
    )  # fmt: skip
    groups: int | None = number("groups of embeddings (--groups), G", default=None)
    icc: float | None = number(
        "correlation of two embeddings of one group: the share of the variance that lies between groups",
        label="intraclass correlation", convention="centred, L2-normalised rows", default=None, low=0, high=1,
    )  # fmt: skip
    copies: Copies | None = None  # of which `other_rows` is made
    equal: bool = False  # whether all rows are the same, up to the rounding of their type
    rectified: bool = False  # whether the isotropic rows went through a ReLU, as these did
