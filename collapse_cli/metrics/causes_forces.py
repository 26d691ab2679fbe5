"""What keeps images apart in a loss, and what happens where it is missing or too weak. Rules as in `metrics.causes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collapse_cli.metrics.causes import POINT, Cause
from collapse_cli.values import Measured

SHRUNK = 0.4
"""Standard deviation of z, not normalised, over that at initialisation. VICReg on digits: 3.2; .16 with a variance weight of
1 beside an invariance of 25, at an effective rank of 1.5; .004 without. LeJEPA's z, over the deviation of 1 that SIGReg asks for:
1.06 at a weight of .05, .97 at .02, .68 at .005, .005 at .002, .001 without."""

FEWEST = 8.0
"""Other images that repel one image: n points in equal distance from each other span n - 1 dimensions, so a loss that sees few at
a time asks for few."""


PROTOTYPES = 4.0
"""Prototypes that images are spread over: 1.0 to 1.6 in runs of DINO and SwAV on digits whose outputs are not balanced; 8 and 51
of 64 in those that do not fail."""


def missing_force(
    name: str, what: str, std_sqrt_d: float, cure: Mapping[str, Any], instead: str = ""
) -> Cause:
    """What keeps images apart is not there, as the settings say; whether images have met is measured (SimSiam, sec. 4.1).

    what: which it is, as a clause; std_sqrt_d: of z.
    """
    sentence = f"{what}; std·√d of z is {std_sqrt_d:.3f} (isotropic: 1)"
    times = POINT / max(std_sqrt_d, 1e-6)
    return Cause(
        name, "a point", "std·√d of z", times, Measured(std_sqrt_d, null=POINT), sentence, cure, instead
    )


def few_prototypes(name: str, what: str, used: float, count: int, cure: Mapping[str, Any]) -> Cause:
    """What spreads images over prototypes is not there, as the settings say; over how many they are is measured.

    used: exp of the entropy of the shares of the images whose nearest prototype each is, of `count`.
    """
    sentence = f"{what}; images are spread over {used:.3g} of {count} prototypes (exp of the entropy)"
    threshold = min(PROTOTYPES, count / 2)
    return Cause(
        name,
        "few dimensions",
        "prototypes used",
        threshold / used,
        Measured(used, null=threshold),
        sentence,
        cure,
    )


def weak_variance(scale: float, variance: float, invariance: float) -> Cause:
    """Nothing keeps the scale of z: VICReg's hinge is too weak against its invariance (arXiv:2105.04906, sec. 4.1).

    scale: standard deviation of z over that at initialisation. Directions may remain: only lengths tell.
    """
    sentence = (
        f"the weight of the variance term is {variance:g} and that of the invariance "
        f"{invariance:g}; z, not normalised, has {scale:.2g} of its standard deviation at "
        "initialisation"
    )
    return Cause(
        "variance term too weak", "lost scale", "std of z / std at initialisation", SHRUNK / max(scale, 1e-6),
        Measured(scale, null=SHRUNK), sentence, {"variance": max(invariance, 1.0)},
    )  # fmt: skip


def weak_sigreg(scale: float, weight: float, usual: float) -> Cause:
    """Nothing keeps the scale of z: LeJEPA's SIGReg is too weak against the distance of the views (arXiv:2511.08544, sec. 5).

    scale: of z, not normalised, the root of its mean variance, which SIGReg asks to be 1; usual: a weight that is enough.
    """
    sentence = (
        f"the weight of SIGReg is {weight:g}; z, not normalised, has a standard deviation of {scale:.2g} in each dimension, "
        "where SIGReg asks for 1"
    )
    return Cause(
        "SIGReg too weak", "lost scale", "std of z in each dimension", SHRUNK / max(scale, 1e-6), Measured(scale, null=SHRUNK),
        sentence, {"sigreg_weight": usual},
    )  # fmt: skip


def few_negatives(others: int, effective_rank: float, cure: Mapping[str, Any]) -> Cause:
    """The loss tells apart few images at a time. others: that repel one image at one step; effective_rank: of z."""
    sentence = f"{others} other images repel an image in one step, and z has an effective rank of {effective_rank:.2g}"
    return Cause(
        "too few negatives", "few dimensions", "negatives", FEWEST / max(others, 1), Measured(float(others), null=FEWEST),
        sentence, cure,
    )  # fmt: skip
