"""Rows whose verdict is known before they are drawn, because their whole population is: what the rules are calibrated on.

Truth is the definition (verdict.py) applied to the population. Of Gaussian rows its spectrum is known exactly
(`of_unit_rows`). Near the bound nothing is asked: a direction is surely active with MARGIN times what makes it so, surely empty
with 1 / MARGIN of that, and of the directions more than 60 % must surely be active, or fewer than 40 % not surely be empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.ranks import ACTIVE
from collapse_cli.metrics.signs import NO_SIGNS, Signs
from collapse_cli.metrics.thresholds import Status
from collapse_cli.metrics.verdict import NOTHING_ELSE

GAP = (0.4, 0.6)  # share of the directions active, between which nothing is asked
MARGIN = 4.0  # either way; with N = 2 D sampling lifts a flat spectrum's largest eigenvalue 2.9 times
CLUSTERS = 10

Draw = Callable[[int, Generator], Tensor]
"""(n, generator) -> rows (n,d)."""


@dataclass(frozen=True)
class Scene:
    """A kind of rows, what is true of its population, and how n of them are drawn.

    signs, context: what is known beside the rows; whatever_n: true of however few rows; worth: the share of the rows that tell
    something new; grouped: whether it is said which rows are a group.
    """

    kind: str
    truth: Status
    draw: Draw
    signs: Signs = NO_SIGNS
    context: Context = NOTHING_ELSE
    whatever_n: bool = False
    worth: float = 1.0
    grouped: bool = False


def spectra(d: int, generator: Generator) -> Iterator[Scene]:
    """Rows whose shape is known, in d dimensions; the generator turns it, and places cluster centres."""
    for kind, lam in _spectra(d):
        truth = of_spectrum(lam)
        if truth:
            yield Scene(kind, truth, gaussian(lam, generator))
    yield from _rectified(d, generator)
    yield from _clusters(d, generator)
    yield from _spoilt(d, generator)


def of_unit_rows(lam: Tensor) -> Tensor:
    """Eigenvalues (d,), of sum 1, of the covariance of x/|x| for Gaussian x with covariance eigenvalues lam (d,) >= 0.

    E[x_j^2 / |x|^2] = lam_j int_0^inf (1 + 2 lam_j t)^-1 prod_k (1 + 2 lam_k t)^-1/2 dt, from 1/|x|^2 = int exp(-|x|^2 t) dt.
    """
    t = torch.logspace(-6, 12, 4000, dtype=torch.float64)[:, None] / lam.sum()  # (T, 1)
    spread = 1 + 2 * lam * t  # (T, d)
    together = spread.log().sum(dim=1, keepdim=True).mul(-0.5).exp()  # (T, 1)
    return torch.trapezoid(lam * together / spread * t, t.log(), dim=0)


def of_spectrum(lam: Tensor) -> Status | None:
    """What is true of Gaussian rows of mean 0 with these covariance eigenvalues (d,); None near the bound."""
    level = of_unit_rows(lam.double()) * len(lam) / ACTIVE  # above 1: active
    if (level > 1 / MARGIN).double().mean() < GAP[0]:
        return "dimensional collapse"
    return "healthy" if (level > MARGIN).double().mean() > GAP[1] else None


def gaussian(lam: Tensor, generator: Generator, mean: float = 0.0) -> Draw:
    """Rows with these covariance eigenvalues (d,), turned at random; mean: length of a common offset over that of a row."""
    frame = torch.linalg.qr(torch.randn(len(lam), len(lam), generator=generator)).Q  # (d, d)
    root = lam.sqrt().float()[:, None] * frame
    offset = mean * float(lam.sum()) ** 0.5 * frame[0]
    return lambda n, chance: torch.randn(n, len(lam), generator=chance) @ root + offset


def low_rank(d: int, share: float, noise: float = 0.0) -> Tensor:
    """Eigenvalues (d,) of sum 1: equal in this share of the directions, at least one; noise: what the rest holds."""
    rank = max(round(share * d), 1)
    lam = torch.full((d,), noise / max(d - rank, 1))
    lam[:rank] = (1 - noise if rank < d else 1.0) / rank
    return lam


def _spectra(d: int) -> Iterator[tuple[str, Tensor]]:
    """Covariance eigenvalues (d,) of Gaussian rows."""
    for noise in (0.0, 1e-4, 1e-3, 0.05, 0.1):
        for share in (1 / 64, 1 / 16, 1 / 4, 3 / 8):
            yield f"rank {'and noise' if noise else 'r of D'}", low_rank(d, share, noise)
    for share in (5 / 8, 3 / 4, 7 / 8):
        yield "rank r of D", low_rank(d, share)
    yield "isotropic", low_rank(d, 1.0)
    for exponent in (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0):
        yield "power law", torch.arange(1, d + 1).double() ** -exponent
    for outliers in (1, 3):
        for share in (0.5, 0.8, 0.999):
            yield "outlier dimensions", low_rank(d, outliers / d, 1 - share)


def _rectified(d: int, generator: Generator) -> Iterator[Scene]:
    """Through a ReLU, which makes some ten directions of two and some thirty of four: from D/8 on it fills most of them."""
    few = 1 if d < 32 else 2 if d < 128 else 4
    ranks: dict[Status, int] = {"healthy": d, "dimensional collapse": few}
    for truth, rank in ranks.items():
        draw = gaussian(low_rank(d, rank / d), generator)
        yield Scene("ReLU", truth, partial(_relu, draw, 0.0))
    yield Scene("ReLU", "healthy", partial(_relu, gaussian(low_rank(d, 1.0), generator), 0.5))


def _relu(draw: Draw, bias: float, n: int, chance: Generator) -> Tensor:
    """max(x - bias, 0), bias in standard deviations of an entry."""
    rows = draw(n, chance)
    threshold: float = bias / rows.shape[1] ** 0.5
    return (rows - threshold).clamp_min(0)


def _clusters(d: int, generator: Generator) -> Iterator[Scene]:
    """10 equal clusters, noise of this length around centres of length 1: 9 directions, if noise fills none."""
    centres = torch.nn.functional.normalize(torch.randn(CLUSTERS, d, generator=generator), dim=1)
    yield Scene("clusters", "healthy", partial(_clustered, centres, 0.5))
    if d * GAP[0] > CLUSTERS:
        yield Scene("clusters", "dimensional collapse", partial(_clustered, centres, 0.03))


def _clustered(centres: Tensor, noise: float, n: int, chance: Generator) -> Tensor:
    some = centres[torch.arange(n) % len(centres)]
    root: float = some.shape[1] ** 0.5
    return some + noise * torch.randn(some.shape, generator=chance) / root


def _spoilt(d: int, generator: Generator) -> Iterator[Scene]:
    """The same two truths in float16, in rows of lengths 1e-6 to 1e6, and with heavy tails."""
    shares: dict[Status, float] = {"healthy": 1.0, "dimensional collapse": 0.25}
    for truth, share in shares.items():
        draw = gaussian(low_rank(d, share), generator)
        for kind, spoil in (("float16", _half), ("lengths 1e-6 to 1e6", _scaled)):
            yield Scene(kind, truth, partial(spoil, draw))
        mix = torch.randn(max(round(share * d), 1), d, generator=generator)
        yield Scene("heavy tails", truth, partial(_heavy, mix))


def _half(draw: Draw, n: int, chance: Generator) -> Tensor:
    return draw(n, chance).half()


def _scaled(draw: Draw, n: int, chance: Generator) -> Tensor:
    return draw(n, chance) * 10 ** torch.empty(n, 1).uniform_(-6, 6, generator=chance)


def _heavy(mix: Tensor, n: int, chance: Generator) -> Tensor:
    """Sources (n,r) of Student's t with 3 degrees of freedom, mixed (r,d)."""
    normal = torch.randn(4, n, len(mix), generator=chance)
    return normal[0] / normal[1:].square().mean(dim=0).sqrt() @ mix
