"""How much images differ, over how much views of one image do: one-way analysis of variance of raw embeddings.

A row is x_ij = mean + image_i + view_ij. The components of variance are those of Searle, Casella & McCulloch (1992, ch. 3):
their quotient is the intraclass correlation (Shrout & Fleiss 1979, ICC(1)) as odds, ICC / (1 - ICC).
An encoder that shrinks everything, or adds a constant to all rows, keeps it; one that forgets the image loses it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.metrics.jackknife import FEW, Error, raised
from collapse_cli.metrics.rows import levelled, sound
from collapse_cli.results import number
from collapse_cli.values import Measured

NULL = 0.0  # of rows in which no image is to be found


@dataclass(frozen=True)
class ViewRatio:
    """Images and their views."""

    TABLE: ClassVar = Table(together={"images / views of each": ("images", "views")})

    images: int = number("images, n")
    views: int = number("views of each image, q")
    view_ratio: float = number(
        "variance between images over variance between views of one image; near 0 nothing of the "
        "image is left. It depends on the strength of the augmentation: compare it under the "
        "same views only",
        convention="raw embeddings, components of variance, summed over dimensions", null="noise", better="high", headline=True,
    )  # fmt: skip
    intraclass: float = number(
        "share of the variance that is between images: the intraclass correlation, ratio / (1 + ratio)",
        label="intraclass correlation", convention="ICC(1), Shrout & Fleiss 1979", null="noise", better="high", high=1,
    )  # fmt: skip
    view_ratio_gain: float | None = number(
        "view ratio over that of the same network re-initialised, under the same views",
        label="view ratio over re-initialised", null="re-initialised", better="high", headline=True, default=None,
    )  # fmt: skip


def measure(views: Sequence[Tensor], initial: Sequence[float] = ()) -> ViewRatio:
    """As `view_ratio`, but nan where all rows are equal: a table of such rows has no number there, and goes on.

    initial: the ratios of re-initialised networks, of the same images under the same views.
    """
    ratio = _ratio(views)
    ratio = Measured(math.nan, NULL) if ratio is None else ratio
    return ViewRatio(len(views[0]), len(views), ratio, _intraclass(ratio), against(ratio, initial))


def view_ratio(views: Sequence[Tensor]) -> Measured:
    """q >= 2 views (n,D) of the same n images, not normalised -> variance between images over that between views of one.

    (MSB - MSW) / (q MSW), summed over dimensions: both components are unbiased, so that 0 is expected where views say nothing
    of their image, and a sample may fall below; at least -1/q. Infinite where all views of an image are equal.
    Interval: the jackknife that leaves out one image with its views (Miller 1974), of log(MSB / MSW); none from few images.
    Raises CollapseError for rows that are not finite and, with code 3, for fewer than two images and where all rows are equal.
    """
    ratio = _ratio(views)
    if ratio is None:
        raise CollapseError("all views of all images have the same embedding, so there is no ratio", code=3)
    return ratio


def _ratio(views: Sequence[Tensor]) -> Measured | None:
    """None where all rows are equal."""
    q = len(views)
    inside, outside = _squares(views)  # (n,) each
    n, within, between = len(inside), float(inside.sum()), float(outside.sum())
    if not within + between > 0:
        return None
    if not within > 0:
        return Measured(math.inf, NULL)
    quotient = q * (q - 1) * n / (n - 1)  # turns sums into F = MSB / MSW
    value = (quotient * between / within - 1) / q
    if n < FEW or not between > 0:
        return Measured(value, NULL)
    without = ((between - outside * n / (n - 1)) / between).clamp_min(0).log()
    without -= ((within - inside) / within).clamp_min(0).log()
    if not bool(
        torch.isfinite(without).all()
    ):  # one image alone has views that differ, or differs from others
        return Measured(value, NULL)
    deviation = float(without.std(correction=0)) * (n - 1) ** 0.5
    low, high = Error(deviation, n - 1).around(math.log(quotient * between / within))
    return Measured(value, NULL, ((raised(low) - 1) / q, (raised(high) - 1) / q))


def against(now: Measured, initial: Sequence[float]) -> Measured | None:
    """A ratio of views over that of re-initialised networks under the same views, of which the geometric mean is taken.

    1 where training changed nothing. Interval: that of `now`, over the whole range of the re-initialised ones.
    None where there are none, or where one of them tells no images apart: then there is nothing to divide by.
    """
    if not initial or not all(0 < ratio < math.inf for ratio in initial):
        return None
    typical = math.exp(sum(math.log(ratio) for ratio in initial) / len(initial))
    if now.interval is None:
        return Measured(now / typical, 1.0)
    ends = [end / ratio for end in now.interval for ratio in (min(initial), max(initial))]
    return Measured(now / typical, 1.0, (min(ends), max(ends)))


def between(now: Measured, before: Measured) -> Measured | None:
    """A ratio of views over one of the same network before, of other images.

    Interval: both are independent, so that the squares of the distances of their ends add up, in logarithms. Where an end is not
    above 0 it reaches over all quotients of the ends: a ratio of about 0 before, of which noise makes any quotient, has an end at
    infinity. None where one has no interval, or nothing is left before.
    """
    if now.interval is None or before.interval is None or not 0 < before.interval[1] < math.inf:
        return None
    (low, high), (least, most) = now.interval, before.interval
    if low > 0 and least > 0:
        value = now / before
        down = math.hypot(math.log(now / low), math.log(most / before))
        up = math.hypot(math.log(high / now), math.log(before / least))
        return Measured(value, 1.0, (value * math.exp(-down), value * math.exp(up)))
    value = now / before if before > 0 else math.inf if now > 0 else 0.0
    first = low / most if low > 0 or least <= 0 else low / least
    return Measured(value, 1.0, (first, high / least if least > 0 else math.inf))


def _intraclass(ratio: Measured) -> Measured:
    """r / (1 + r), which grows with r > -1."""
    low, high = ratio.interval or (ratio, ratio)
    return Measured(_share(ratio), NULL, ratio.interval and (_share(low), _share(high)))


def _share(ratio: float) -> float:
    return 1.0 if math.isinf(ratio) else ratio / (1 + ratio)


def _squares(views: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(n,) squares of the views of each image about their mean, and (n,) of its mean about that of all images.

    Differences are taken first, from a view of the image and from an image: where rows are equal, they are exactly 0.
    """
    if len(views) < 2 or len({view.shape for view in views}) > 1:
        raise CollapseError(
            "at least two views are needed, of the same images and with equally many dimensions"
        )
    (first, *others), _ = levelled(*(sound(view) for view in views))  # (n, D) each
    steps = [other - first for other in others]  # (q - 1, n, D)
    step = torch.stack(steps).sum(dim=0) / len(views)  # (n, D): from the first view to the mean of all
    inside = step.square().sum(dim=1)
    for other in steps:
        inside += (other - step).square().sum(dim=1)
    means = first - first[0] + step
    return inside, (means - means.mean(dim=0)).square().sum(dim=1)
