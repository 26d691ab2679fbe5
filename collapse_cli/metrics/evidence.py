"""What a verdict stands on, in one table: numbers that decide beside those that only say more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from collapse_cli.layout import Table
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.verdict import COMPLETE_SOURCE, DIMENSIONAL_SOURCE, complete, dimensional
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

ON_SPHERE = "centred, L2-normalised rows"


@dataclass(frozen=True)
class Evidence:
    """Evidence."""

    TABLE: ClassVar = Table(json_only=("complete_below", "dimensional_below"))  # which the reasons say

    samples: int = number("embeddings measured, N")
    dimensions: int = number("width of the space, D")
    total_variance: float = number(
        "trace of the covariance of the unit embeddings, 1 - mean cosine; near 0 all point one way: a collapse, or an offset",
        convention=ON_SPHERE, null="isotropic", better="high", headline=True, low=0,
    )  # fmt: skip
    complete_below: float = number(
        f"total variance below this is complete collapse, if no constant offset explains it: {COMPLETE_SOURCE}",
        label="common part dominates below",
        convention=".25²: SimSiam's sign, arXiv:2011.10566, sec. 4.1, and runs on digits",
        low=0,
    )
    active: int = number(
        "directions that hold more than 3 % of an equal share of the variance; decides",
        label="active dimensions", convention=f"λ > 0.03 · mean λ, {ON_SPHERE}", null="isotropic", better="high", headline=True,
    )  # fmt: skip
    dimensional_below: float = number(
        f"fewer active dimensions than this, half of those of the null, are dimensional collapse: {DIMENSIONAL_SOURCE}",
        label="dimensional collapse below", convention="half of the null's: Jing et al. 2022, arXiv:2110.09348; calibrated",
        low=0,
    )  # fmt: skip
    dimensions_90: int = number(
        "directions that hold 90 % of the variance", label="dimensions for 90 %",
        convention=f"λ, {ON_SPHERE}", null="isotropic", better="high",
    )  # fmt: skip
    effective_rank: float = number(
        "exp of the entropy of lambda / sum lambda",
        convention=f"λ, {ON_SPHERE}",
        null="isotropic",
        better="high",
        low=0,
    )
    effective_rank_initial: float | None = number(
        "the same of the same network at random initialisation, on 1000 of the images at most",
        label="effective rank at random initialisation", convention=f"λ, {ON_SPHERE}",
        interval="range over several initialisations", default=None, low=0,
    )  # fmt: skip
    ray_share: float | None = number(
        "share of the raw variance along the mean row; near 1, with a common part that dominates, the collapse is complete",
        label="variance along the mean", convention="λ, centred, raw rows", null="isotropic", default=None, low=0, high=1,
    )  # fmt: skip
    row_participation: float | None = number(
        "share of the rows that the variance comes from; near 0 a few outliers",
        label="row participation", convention=ON_SPHERE, null="Gaussian", default=None, low=0, high=1,
    )  # fmt: skip
    std_sqrt_d: float = number(
        "the usual check: 1 isotropic, 0 collapsed; it does not show lost rank",
        label="std·√D", convention=ON_SPHERE, null="isotropic",
        better="high", default=0.0, low=0,
    )  # fmt: skip
    mean_cosine: float | None = number(
        "mean cosine of two different rows; 1 is complete collapse",
        convention="not centred, no self pairs",
        null="isotropic",
        better="low",
        default=None,
        low=-1,
        high=1,
    )
    alignment: float | None = number(
        "mean squared distance of two views of an image; near 0 it is good only where images are apart",
        convention="L2-normalised rows, alpha = 2", null="independent", better="low", default=None, low=0,
    )  # fmt: skip
    loss: float | None = number(
        "training loss of the last epoch", label="training loss", null="chance level", default=None
    )
    queue: float | None = number(
        "share of the queue that was ever filled", label="queue filled", default=None, low=0, high=1
    )
    eigenvalues: Curve = curve(
        "eigenvalues of the covariance of the unit embeddings",
        x="direction, by size", y="eigenvalue λ", log="y", null="isotropic", apart="dimensions",
        sketch=True, low=0, default=Curve(()),
    )  # fmt: skip


def evidence(spectrum: Spectrum, context: Context) -> Evidence:
    """Of one space."""
    loss = None if context.loss is None else Measured(context.loss, null=context.chance_level)
    alignment = None if context.alignment is None else Measured(context.alignment, null=2.0)
    return Evidence(
        samples=spectrum.samples,
        dimensions=spectrum.dimensions,
        total_variance=spectrum.total_variance,
        complete_below=complete(spectrum).bound,
        active=spectrum.active,
        dimensional_below=dimensional(spectrum).bound,
        dimensions_90=spectrum.dimensions_90,
        effective_rank=spectrum.effective_rank,
        effective_rank_initial=spectrum.effective_rank_initial,
        ray_share=spectrum.ray_share,
        row_participation=spectrum.row_participation,
        std_sqrt_d=spectrum.std_sqrt_d,
        mean_cosine=spectrum.mean_cosine,
        alignment=alignment,
        loss=loss,
        queue=context.queue,
        eigenvalues=spectrum.eigenvalues,
    )
