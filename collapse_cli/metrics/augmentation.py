"""Augmentation against data: what differs between views of one image beside what differs between images.

Where the first outweighs the second along a direction, a contrastive loss gains by letting it die (Jing et al. 2022,
arXiv:2110.09348, Theorem 1: X = Σ̂0 - Σ̂1 has a negative eigenvalue).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.eigenvalues import ROUNDING
from collapse_cli.metrics.rows import directions
from collapse_cli.metrics.scatter import of_views
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

EVEN = 0.5  # share of a direction's variance that is within images: above it the augmentation wins
IMAGES = 8  # to each direction
DEAD = 0.01  # of the largest: a direction of h that z holds less of has died on the way
NORMAL_95 = 1.959964  # two-sided

WITHIN = "Sw v = share (Sw + Sb - Sw/q) v; Sb divided by n - 1, Sw by n (q - 1)"


@dataclass(frozen=True)
class Augmentation:
    """Augmentation against data."""

    recognised: float = number(
        "probability that a view is more similar to the other view of its image than to a view "
        "of another image; 0.5: nothing of the image is left",
        label="views recognised", unit="share", convention="cosine of the centred embeddings", null="chance level", headline=True,
        low=0, high=1,
    )  # fmt: skip
    within: float = number(
        "share of the variance that lies between views of one image", label="variance within images", unit="share",
        convention="tr Sw / tr(Sw + Sb - Sw/q)", low=0,
    )  # fmt: skip
    wins: int = number(
        "generalised directions in which views of one image differ more than images do",
        label="augmentation-dominated directions", unit="dimensions", convention=WITHIN, headline=True,
    )  # fmt: skip
    directions: int = number("directions with any variance", unit="dimensions")
    died: float | None = number(
        "share of the directions of h where augmentation dominates that z has lost; null: share "
        "of the other directions",
        label="of these lost in z", unit="share", convention=f"lost: z covaries with it less than {DEAD:.0%} of the largest",
        null="other directions",
        headline=True, default=None, low=0, high=1,
    )  # fmt: skip
    along: Curve = curve(
        "share of the variance between views of one image along each generalised direction; above 1 where the variance "
        "of the images, whose estimate is unbiased, comes out below 0",
        label="share within, by direction", x="generalised direction, by share", y="share within",
        apart="dimensions", low=0, default=Curve(()),
    )  # fmt: skip


@dataclass(frozen=True)
class Strengths:
    """Augmentation against data, by strength."""

    recognised: Curve = curve(
        "probability that a view is more similar to the other view of its image than to a view "
        "of another image; 0.5: nothing of the image is left",
        label="views recognised by strength", x="strength", y="views recognised", null="untrained", sketch=True,
        low=0, high=1,
    )  # fmt: skip
    within: Curve = curve(
        "share of the variance that lies between views of one image",
        label="variance within images by strength", x="strength", y="share within", null="untrained", low=0,
    )  # fmt: skip
    wins: Curve = curve(
        "share of the generalised directions in which views of one image differ more than images do",
        label="augmentation dominates, by strength", x="strength", y="share of the directions", null="untrained",
        low=0, high=1,
    )  # fmt: skip


def augmentation(h: Tensor, z: Tensor | None = None) -> Augmentation:
    """Of n images' q views, h (n,q,D) and, for what died on the way, z (n,q,d); n and q at least 2.

    Raises CollapseError as `scatter.groups` does.
    """
    shares, axes = generalised(h)
    total = of_views(h)
    variance = float((total.within + total.net).trace())
    wins = shares > EVEN
    lost = None
    if z is not None and wins.any():
        lost = died(h.flatten(0, 1).double() @ axes, z.flatten(0, 1))  # (r,)
    return Augmentation(
        recognised=recognised(h[:, 0], h[:, 1]),
        within=float(total.within.trace()) / variance if variance > 0 else 1.0,
        wins=int(wins.sum()),
        directions=len(shares),
        died=None if lost is None else _share(lost[wins], lost[~wins]),
        along=Curve(shares.tolist()),
    )


def _share(mine: Tensor, others: Tensor) -> Measured:
    return Measured(float(mine.double().mean()), null=float(others.double().mean()) if len(others) else None)


def generalised(views: Tensor) -> tuple[Tensor, Tensor]:
    """views (n,q,D) -> shares (r,), descending, and axes (D,r): of Sw v = share (Sw + Sb - Sw/q) v, v^T (…) v = 1.

    share 0: all views of an image agree; 1: images differ no more than their views do; a little more by chance.
    r: of the principal directions the first n / 8 whose variance is above rounding. In more, n images seem to differ where
    they do not: in n / 8 the least share then is 0.78 from four views and 0.52 from two, in n / 4 it is 0.68 and 0.34.
    """
    scatters = of_views(views)
    lam, vectors = torch.linalg.eigh(scatters.within + scatters.net)
    principal = lam > max(ROUNDING * float(lam[-1]), 0)
    principal[: max(len(lam) - len(views) // IMAGES, 0)] = False
    whitening = vectors[:, principal] / lam[principal].sqrt()  # (D, r)
    shares, turned = torch.linalg.eigh(whitening.T @ scatters.within @ whitening)
    return shares.flip(0), (whitening @ turned).flip(1)


def died(coordinates: Tensor, z: Tensor) -> Tensor:
    """coordinates (N,r) of unit variance, uncorrelated, z (N,d) -> (r,) bool: of which of them z has next to nothing.

    ||Cov(z, c)||^2 is the variance that c explains in z; dead below DEAD of the largest.
    """
    c, z = coordinates - coordinates.mean(dim=0), z.double() - z.double().mean(dim=0)
    held = (z.T @ c).square().sum(dim=0)  # (r,)
    return held < DEAD * held.max()


def recognised(first: Tensor, second: Tensor) -> Measured:
    """Two views of n images (n,D): mean over images of the share of others that the own second view beats; ties count half.

    In [0, 1], 0.5 by chance. Rows are centred on the mean of all, then unit. The interval is over images.
    """
    n, middle = len(first), torch.cat([first, second]).double().mean(dim=0)
    u, v = (directions(rows.double() - middle) for rows in (first, second))
    similarity = u @ v.T  # (n, n)
    same_image = similarity.diagonal().unsqueeze(1)
    beaten = (similarity < same_image).double() + (
        similarity == same_image
    ).double() / 2  # the own one, always a tie, counts 1/2
    shares = (beaten.sum(dim=1) - 0.5) / (n - 1)  # (n,)
    value, error = float(shares.mean()), float(shares.std() / n**0.5)
    low, high = value - NORMAL_95 * error, value + NORMAL_95 * error
    return Measured(value, null=0.5, interval=(max(low, 0.0), min(high, 1.0)))


def strengths(
    at: Sequence[float], now: Sequence[Augmentation], before: Sequence[Augmentation] | None
) -> Strengths:
    """Curves over the strengths `at`; before: of the network before training."""

    def along(of: str) -> Curve:
        taken = [[_number(result, of) for result in some] for some in (now, before or [])]
        return Curve(taken[0], x=at, null=taken[1] if before else None)

    return Strengths(along("recognised"), along("within"), along("wins"))


def _number(result: Augmentation, of: str) -> float:
    return result.wins / max(result.directions, 1) if of == "wins" else float(getattr(result, of))
