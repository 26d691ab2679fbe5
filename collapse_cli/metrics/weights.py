"""Spectra of weight matrices, each beside fresh weights of the same shape.

A weight W is (out, in); a convolution (out, in, kh, kw) is read as (out, in·kh·kw). sigma are its singular values, not centred.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.layout import Table
from collapse_cli.metrics.eigenvalues import ROUNDING
from collapse_cli.metrics.ranks import alive, entropy_rank, participation_ratio, stable_rank
from collapse_cli.metrics.rows import as_given, levelled
from collapse_cli.metrics.verdict import DIMENSIONAL
from collapse_cli.results import curve, matrix, number
from collapse_cli.values import Curve, Matrix, Measured

FLOOR = ROUNDING**0.5  # 1e-6 of the largest singular value: what is below is what float32 leaves of a zero
STRAY = 2.0  # of the scale on which extreme singular values of random matrices vary: 1 in 50 strays further
POINTS = 64  # of each layer's spectrum, where many layers share one image
INITIAL, RANDOM = "initial", "random"  # the null, and that of weights whose initial ones are not known
FAINT = 0.1  # of the fresh ones' root mean square: what is below, which varies most by chance, counts as that there

LOST = (
    f"fewer than {DIMENSIONAL:.0%} of the directions that survive in the initial weights; "
    "surviving: σ² above 1 % of the largest"
)
FRESH = (
    "initial: the run's own weights at initialisation; where those are not known, random "
    "weights of the same shape and Frobenius norm"
)
BULK = (
    "the bulk of Marchenko-Pastur: σ² in s²(√in ± √out)², s² the mean square of the initial "
    "weights, its edges moved outwards by the variation of random matrices; for a square matrix "
    "it reaches 0, so that nothing lies below"
)


@dataclass(frozen=True)
class Layer:
    """Layers."""

    TABLE: ClassVar = Table(
        order=("outputs", "inputs", "alive", "stable_rank", "effective_rank", "above", "below"),
        together={"outputs / inputs": ("outputs", "inputs")},
        json_only=("effective_rank_sigma", "participation_ratio"),  # of the same: the verdict is of `alive`
    )

    outputs: int = number("rows of the weight matrix, out")
    inputs: int = number("columns of the weight matrix, in; of a convolution in·kh·kw")
    stable_rank: float = number(
        "||W||_F^2 / ||W||_2^2 = sum sigma^2 / largest sigma^2; 1: one direction outweighs all others",
        convention=FRESH, null="initial", headline=True, low=0,
    )  # fmt: skip
    effective_rank: float = number(
        "exp of the entropy of sigma^2 / sum sigma^2",
        label="effective rank of σ²", convention=FRESH, null="initial", low=0,
    )  # fmt: skip
    effective_rank_sigma: float = number(
        "exp of the entropy of sigma / sum sigma (Roy & Vetterli 2007)",
        label="effective rank of σ", convention=FRESH, null="initial", low=0,
    )  # fmt: skip
    participation_ratio: float = number(
        "(sum sigma^2)^2 / sum sigma^4", convention=FRESH, null="initial", low=0
    )
    alive: float = number(
        "share of the directions whose sigma^2 is above 1 % of the largest",
        label="directions above 1 %", unit="share", convention=FRESH, null="initial", low=0, high=1,
    )  # fmt: skip
    log_condition: float = number(
        "log10 of the largest sigma over the smallest", label="log₁₀ condition number",
        convention=f"a σ below {FLOOR:.0e} of the largest counts as that, so this is at most {-math.log10(FLOOR):.0f}",
        null="initial", low=0,
    )  # fmt: skip
    above: int = number(
        "singular values above the bulk of the initial weights: directions that training made strong",
        label="> bulk", convention=BULK, headline=True,
    )  # fmt: skip
    below: int = number(
        "singular values below the bulk of the initial weights: directions that vanished in training",
        label="< bulk", convention=BULK, headline=True,
    )  # fmt: skip
    norm: float = number("||W||_F", label="Frobenius norm", convention=FRESH, null="initial", low=0)
    change: float | None = number(
        "||W - W_0||_F / ||W_0||_F, W_0 the run's own weights at initialisation",
        headline=True,
        default=None,
        low=0,
    )
    spectrum: Curve | None = curve(
        "singular values over the root mean square of those of the null",
        label="singular values", x="share of the directions, by size", y="singular value / root mean square of the null",
        log="y", null="initial", apart="result", low=0, default=None,
    )  # fmt: skip


@dataclass(frozen=True)
class Stack:
    """Layer weights."""

    layers: int = number("layers measured")
    weights: int = number("weights measured")
    lost: int = number("number of layers that have lost rank", label="layers with lost rank", convention=LOST,
    headline=True)  # fmt: skip
    stable_rank: Curve = curve(
        "||W||_F^2 / ||W||_2^2 of every layer",
        label="stable rank by layer", x="layer, from the input on", y="stable rank", null="initial", sketch=True,
        low=0,
    )  # fmt: skip
    change: Curve | None = curve(
        "||W - W_0||_F / ||W_0||_F of every layer, W_0 the run's own weights at initialisation",
        label="change by layer", x="layer, from the input on", y="‖W − W₀‖ / ‖W₀‖", low=0, default=None,
    )  # fmt: skip
    aligned: Curve | None = curve(
        "block energy of every pair of adjacent layers",
        label="alignment by pair", x="pair, from the input on", y="block energy", null="random",
        low=0, high=1, default=None,
    )  # fmt: skip
    spectra: Matrix | None = matrix(
        f"log10 of each singular value over that of the null at its place, both at least {FAINT} "
        "of the null's root mean square; null: initial weights, or random ones where those are not known",
        label="log₁₀ σ / σ of the null", rows="layer, from the input on", columns="direction by size, in 64 steps",
        low=-1, high=1, default=None,
    )  # fmt: skip


def layer(weight: Tensor, generator: Generator, initial: Tensor | None = None) -> Layer:
    """Every number of a finite weight (out, in, …), beside that of its `initial` value, or else of a random one
    drawn from `generator` (CPU)."""
    (weight, *own), k = levelled(flat(weight), *([] if initial is None else [flat(initial)]))  # (out, in)
    fresh = own[0] if own else random(weight, generator)
    sigma, null = singular_values(weight), singular_values(fresh)  # (r,) each
    outputs, inputs = weight.shape
    low, high = bulk(outputs, inputs, float(fresh.square().mean()))
    ranks, chance, null_is = _ranks(sigma), _ranks(null), INITIAL if own else RANDOM
    return Layer(
        outputs=outputs,
        inputs=inputs,
        above=int((sigma > high).sum()),
        below=int((sigma < low).sum()),
        norm=Measured(
            as_given(float(weight.norm()), k), null=as_given(float(fresh.norm()), k) if own else None
        ),
        change=None if initial is None else float((weight - fresh).norm() / fresh.norm()),
        spectrum=_spectrum(sigma, null, null_is),
        **{name: Measured(value, null=chance[name], null_is=null_is) for name, value in ranks.items()},
    )


def _ranks(sigma: Tensor) -> dict[str, float]:
    """Every number of sigma (r,), descending, that does not change with the scale of W."""
    lam = sigma.square()
    return {
        "stable_rank": stable_rank(lam),
        "effective_rank": entropy_rank(lam),
        "effective_rank_sigma": entropy_rank(sigma),
        "participation_ratio": participation_ratio(lam),
        "alive": alive(lam) / len(lam),
        "log_condition": log_condition(sigma),
    }


def _spectrum(sigma: Tensor, null: Tensor, null_is: str) -> Curve:
    unit, at = null.square().mean().sqrt(), (place / len(sigma) for place in range(1, len(sigma) + 1))
    return Curve((sigma / unit).tolist(), at, (null / unit).tolist(), null_is=null_is)


def flat(weight: Tensor) -> Tensor:
    """weight (out, in, …) -> (out, in·…), float64, on the CPU."""
    return weight.detach().flatten(1).cpu().double()


def random(weight: Tensor, generator: Generator) -> Tensor:
    """A normal matrix with the shape and the Frobenius norm of weight (out, in); of norm √(out·in) where that is 0."""
    drawn = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
    norm = float(weight.norm()) or weight.numel() ** 0.5
    factor: Tensor = norm / drawn.norm()
    return drawn * factor


def singular_values(weight: Tensor) -> Tensor:
    """weight (out, in) float64 -> sigma (r,), r = min(out, in), descending; below FLOOR of the largest they are 0."""
    short = weight if len(weight) <= weight.shape[1] else weight.T
    return roots(torch.linalg.eigvalsh(short @ short.T))


def roots(lam: Tensor) -> Tensor:
    """Eigenvalues (r,) of a Gram matrix, ascending -> singular values (r,), descending."""
    lam = lam.flip(0)
    return torch.where(lam > ROUNDING * lam[0], lam, 0.0).sqrt()


def log_condition(sigma: Tensor) -> float:
    """log10 sigma_1 / sigma_r of sigma (r,) descending; in [0, -log10 FLOOR]."""
    share = float(sigma[-1] / sigma[0]) if sigma[0] > 0 else 0.0
    return -math.log10(max(share, FLOOR))


def bulk(outputs: int, inputs: int, variance: float, stray: float = STRAY) -> tuple[float, float]:
    """Edges (low, high) between which the singular values of an (out, in) matrix of independent entries lie.

    sigma^2 in variance·(√in ± √out)^2 (Marchenko-Pastur), both edges moved out by `stray` times the scale on which
    the extreme values vary about them, variance·|√in ± √out|·|1/√in ± 1/√out|^(1/3).
    """
    a, b = inputs**0.5, outputs**0.5
    top = (a + b) ** 2 + stray * (a + b) * (1 / a + 1 / b) ** (1 / 3)
    bottom = (a - b) ** 2 - stray * abs(a - b) * abs(1 / a - 1 / b) ** (1 / 3)
    return (variance * max(bottom, 0.0)) ** 0.5, (variance * top) ** 0.5


def lost(alive: float, fresh: float) -> bool:
    """Whether a layer with this share of living directions has lost rank: the rule of the verdict."""
    return alive < DIMENSIONAL * fresh


def stack(by_name: Mapping[str, Layer], imaged: bool = False, aligned: Curve | None = None) -> Stack:
    """The layers of a network from the input on; imaged: all spectra as one matrix; aligned: its pairs, in order."""
    layers, names = list(by_name.values()), list(by_name)
    changes = {place: each.change for place, each in enumerate(layers) if each.change is not None}
    ranks = [each.stable_rank for each in layers]
    null_is = " or ".join(sorted({getattr(rank, "null_is", INITIAL) for rank in ranks}))
    spectra = {name: each.spectrum for name, each in by_name.items() if each.spectrum} if imaged else {}
    return Stack(
        layers=len(layers),
        weights=sum(each.outputs * each.inputs for each in layers),
        lost=sum(lost(each.alive, _null(each.alive)) for each in layers),
        stable_rank=Curve(ranks, range(len(layers)), map(_null, ranks), names=names, null_is=null_is),
        change=Curve(changes.values(), changes, names=names) if changes else None,
        aligned=aligned,
        spectra=Matrix(map(_image, spectra.values()), row_names=spectra) if spectra else None,
    )


def _null(value: float) -> float:
    assert isinstance(value, Measured)
    assert value.null is not None
    return value.null


def _image(spectrum: Curve) -> tuple[float, ...]:
    """A row of POINTS: log10 of the spectrum over its null, at evenly spaced places."""
    assert spectrum.null is not None
    places = [round(point * (len(spectrum) - 1) / (POINTS - 1)) for point in range(POINTS)]
    return tuple(math.log10(max(spectrum[p], FAINT) / max(spectrum.null[p], FAINT)) for p in places)
