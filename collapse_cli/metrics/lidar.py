"""LiDAR (arXiv:2312.04000): in how many directions images differ, each measured by how much views of one image differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.metrics.intervals import Interval
from collapse_cli.metrics.jackknife import FEW, of_pairs, raised
from collapse_cli.metrics.nulls import wishart
from collapse_cli.metrics.ranks import entropy, entropy_rank
from collapse_cli.metrics.scatter import Groups, Scatters, scatters
from collapse_cli.results import curve, number
from collapse_cli.values import Curve, Measured

DELTA = 1e-4  # of the mean eigenvalue of Sw; stable-pretraining's is absolute
ROUNDING = 1e-12  # of the largest variance: a direction with less has none
NORMAL_95 = 1.959964  # two-sided


@dataclass(frozen=True, kw_only=True)
class Lidar:
    """LiDAR: images and their views."""

    TABLE: ClassVar = Table(
        order=("groups", "views", "dimensions"),
        together={"images / views of each / dimensions": ("groups", "views", "dimensions")},
        json_only=("delta",),  # which follows from that of the settings
    )

    lidar: float = number(
        "exp of the entropy of the eigenvalues of Sw^-1/2 Sb Sw^-1/2: directions in which images "
        "differ, in units of the spread of their views; pure noise scores highest, so read it "
        "with the next number",
        label="LiDAR", unit="dimensions", convention="Sb divided by n - 1, Sw by n (q - 1), + δ", null="noise", better="high",
        headline=True, low=0,
    )  # fmt: skip
    augmentation: float = number(
        "share of the variance that lies between views of one image; 1: nothing of the image is left",
        label="share within images", convention="tr Sw / tr(Sw + Sb - Sw/q)", null="noise", better="low",
        headline=True, low=0, high=1,
    )  # fmt: skip
    overwhelmed: int = number(
        "principal directions in which views of one image differ more than images do: there "
        "strong augmentation makes dimensions collapse (Jing et al. 2022, arXiv:2110.09348)",
        label="directions within > between", convention="Sw > Sb - Sw/q along those of Sw + Sb - Sw/q",
        null="noise", better="low", headline=True,
    )  # fmt: skip
    groups: int = number("images, or classes where those stand for images, n", label="images")
    views: float = number(
        "views of each image, q; the harmonic mean where groups differ in size",
        label="views of each image",
        low=0,
    )
    dimensions: int = number("width of the space, D")
    delta: float | None = number("amount added to the diagonal of Sw", label="δ", default=None, low=0)
    along: Curve = curve(
        "share of the variance along each principal direction that lies between views of one image",
        label="share within images, by direction", x="direction, by size", y="share within", null="noise",
        sketch=True, apart="dimensions", low=0, high=1,
    )  # fmt: skip
    eigenvalues: Curve = curve(
        "eigenvalues of Sw^-1/2 Sb Sw^-1/2: variance of the images, in units of the variance of an image's views",
        label="LiDAR eigenvalues", x="direction, by size", y="between / within", log="y", null="noise",
        apart="dimensions", low=0,
    )  # fmt: skip


def lidar(grouped: Groups, generator: Generator, delta: float = DELTA, relative: bool = True) -> Lidar:
    """Of rows grouped by image (or by class). delta: added to the diagonal of Sw, times its mean if `relative`.

    Beside isotropic noise of as many groups, rows and dimensions, in which no image is to be found, drawn of the generator.
    Raises CollapseError, with code 3, where no view differs from another.
    """
    seen = scatters(grouped)
    noise = _noise(seen, generator)
    added = _added(seen, delta if relative else grouped.levelled(delta), relative)
    lam, directions = discriminants(seen, added)
    chance, _ = discriminants(noise, _added(noise, delta, relative))
    axes = _principal(seen)
    along, chance_along = _along(seen, axes), _along(noise, _principal(noise))
    between = _intervals(grouped, seen, axes, lam, directions, delta if relative else 0.0)
    overwhelmed: Any = Measured(_count(along), _count(chance_along), between.get("overwhelmed"))
    return Lidar(
        lidar=Measured(entropy_rank(lam), entropy_rank(chance), between.get("lidar")),
        augmentation=Measured(_share(seen), _share(noise), between.get("augmentation")),
        overwhelmed=overwhelmed,
        groups=seen.groups,
        views=round(1 / seen.share, 6),
        dimensions=len(seen.mean),
        delta=grouped.plainly(added),
        along=Curve(along.tolist(), null=chance_along.tolist()),
        eigenvalues=Curve(lam.tolist(), null=chance.tolist()),
    )


def lidar_alone(grouped: Groups, generator: Generator, noise: dict[tuple[int, ...], float]) -> Measured:
    """The number alone, beside that of pure noise, which is drawn once for each shape and kept in `noise`; without an interval.

    Raises as `lidar`.
    """
    seen = scatters(grouped)
    value = entropy_rank(discriminants(seen, _added(seen, DELTA, relative=True))[0])
    shape = seen.groups, seen.rows, len(seen.mean)
    if shape not in noise:
        drawn = _noise(seen, generator)
        noise[shape] = entropy_rank(discriminants(drawn, _added(drawn, DELTA, relative=True))[0])
    return Measured(value, noise[shape])


def discriminants(seen: Scatters, added: float) -> tuple[Tensor, Tensor]:
    """Eigenvalues (D,) >= 0 of Sw^-1/2 Sb Sw^-1/2, descending, and directions u (D,D) in columns, u^T Sw u = 1.

    added: delta. Eigenvalues beyond the n - 1 that n images have are 0. Raises CollapseError where Sw + delta is singular.
    """
    spread, axes = torch.linalg.eigh(seen.within)
    spread = spread.clamp_min(0) + added
    if not float(spread[0]) > ROUNDING * float(spread[-1]):
        raise CollapseError(
            "views do not differ along some direction, and nothing is added to the diagonal of Sw",
            "raise --delta",
        )
    whiten = axes / spread.sqrt()  # (D, D)
    lam, turn = torch.linalg.eigh(whiten.T @ seen.between @ whiten)
    lam, turn = lam.flip(0).clamp_min(0), turn.flip(1)
    lam[seen.groups - 1 :] = 0
    return lam, whiten @ turn


def _added(seen: Scatters, delta: float, relative: bool) -> float:
    mean = float(seen.within.trace()) / len(seen.mean)
    if not mean > 0:
        raise CollapseError(
            "all views of an image have the same embedding, so no unit is left to measure images in",
            "look at `collapse diagnose` for complete collapse, or at the recipe of the views", code=3,
        )  # fmt: skip
    return delta * mean if relative else delta


def _noise(seen: Scatters, generator: Generator) -> Scatters:
    """Of isotropic noise: independent Wishart matrices, for a group's mean and the deviations from it are independent."""
    n, d = seen.groups, len(seen.mean)
    inside = seen.rows - n
    between = wishart(n - 1, d, generator) * (seen.share / (n - 1))
    return Scatters(wishart(inside, d, generator) / inside, between, seen.mean, n, seen.rows, seen.share)


def _share(seen: Scatters) -> float:
    inside, outside = float(seen.within.trace()), float(seen.net.trace())
    return inside / (inside + max(outside, 0.0))


def _principal(seen: Scatters) -> Tensor:
    """Directions (D,D) in columns, by how much rows vary along them, within and between images together."""
    vectors: Tensor = torch.linalg.eigh(seen.within + seen.net).eigenvectors
    return vectors.flip(1)


def _variances(scatter: Tensor, directions: Tensor) -> Tensor:
    """(K,): v^T S v along directions (D,K)."""
    return ((scatter @ directions) * directions).sum(dim=0)


def _along(seen: Scatters, axes: Tensor) -> Tensor:
    """(D,) share within, in [0, 1], along each of the axes (D,D); nan where rows do not vary at all."""
    inside, outside = _variances(seen.within, axes), _variances(seen.net, axes).clamp_min(0)
    total = inside + outside
    return torch.where(total > ROUNDING * total.max(), inside / total, torch.nan)


def _count(along: Tensor) -> int:
    return int((along > 0.5).sum())


def _pushes(grouped: Groups, seen: Scatters, directions: Tensor) -> tuple[Tensor, Tensor]:
    """What a little more weight on each group does to v^T Sw v and v^T Sb v along directions (D,K): (C,K) each."""
    n, inside = seen.groups, seen.rows - seen.groups
    squares = directions.new_zeros(n, directions.shape[1])
    squares.index_add_(0, grouped.member, (grouped.deviations @ directions).square())
    free = (grouped.sizes - 1)[:, None]
    within = (squares - free * _variances(seen.within, directions)) * (n / inside)
    between = ((grouped.means - seen.mean) @ directions).square() * (n / (n - 1))
    return within, between - _variances(seen.between, directions)


def _intervals(
    grouped: Groups, seen: Scatters, axes: Tensor, lam: Tensor, directions: Tensor, delta: float
) -> dict[str, Interval]:
    """95 % intervals over the groups, by the infinitesimal jackknife; none from few. delta: relative to the mean of Sw.

    An eigenvalue of the pencil moves by u^T (dSb - lambda dSw) u. Of directions within > between, the interval holds those
    where that is sure at least, and at most those where it cannot be refuted.
    """
    n, d = seen.groups, len(seen.mean)
    if n < FEW:
        return {}
    inside, outside = _pushes(grouped, seen, axes)  # (C, D)
    net = outside - seen.share * inside
    total = inside.sum(dim=1) * float(seen.net.trace()) - net.sum(dim=1) * float(seen.within.trace())
    share = of_pairs(total / float((seen.within + seen.net).trace()) ** 2, 0.0).around(_share(seen))
    gap = _variances(seen.within - seen.net, axes) / ((inside - net).std(dim=0) / n**0.5)  # (D,), in errors
    spans: dict[str, Interval] = {
        "augmentation": (max(share[0], 0.0), min(share[1], 1.0)),
        "overwhelmed": (int((gap > NORMAL_95).sum()), int((gap > -NORMAL_95).sum())),
    }
    some = lam > 0
    if not bool(some.any()):  # images do not differ at all
        return spans
    u = directions[:, some]
    within, between = _pushes(grouped, seen, u)
    within += delta / d * inside.sum(dim=1, keepdim=True) * u.square().sum(dim=0)
    moved = (between - lam[some] * within) @ _slopes(lam[some])  # (C,)
    low, high = of_pairs(moved, 0.0).around(float(entropy(lam)))
    return spans | {"lidar": (max(raised(low), 1.0), min(raised(high), float(min(d, n - 1))))}


def _slopes(lam: Tensor) -> Tensor:
    """(K,): how the entropy of lambda (K,) > 0 moves with each: -(log p + H) / sum lambda."""
    p = lam / lam.sum()
    return -(p.log() + entropy(lam)) / lam.sum()
