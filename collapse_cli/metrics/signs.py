"""Is it a collapse, or a common offset? Unit rows near one direction cannot tell; what is here can.

A constant that is added to all rows changes neither their variance nor how it is shared out: an encoder that has learned well
and has a large constant part looks like a collapsed one to every cosine. Five things tell them apart:

the ray       of a collapsed encoder only the lengths vary: nearly all raw variance lies along the mean row, which is spread
              over many axes. An offset does not make that so. Rows of one length have lost this sign.
the training  a run's own history: its loss saw the same unit rows, epoch by epoch.
the views     variance between images over that between views of one image, divided by the same at random initialisation,
              or at the start of a training that is watched.
the start     the mean embedding at the start of a training that is watched: what all had in common then is an offset.
the scale     raw variance over that at random initialisation, where a loss knows lengths: collapse of the scale alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_cli.figures import percent
from collapse_cli.metrics.contrast import TIMES
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.values import Measured

UNTOLD = "A collapsed encoder gives this, and so does a healthy one with a constant offset; these embeddings cannot tell which."

COMPLETE = 0.25
"""Of the root of the unit rows' total variance, which is std·√D where no axis is special; an isotropic space has 1."""

RAY = 0.95
"""Of the raw variance along the mean row. Where the common part dominates, collapsed runs have .956 to 1.000 (digits, 9 kinds);
the z of 14 healthy methods has .01 to .14, and h, where it does not dominate, .01 to .70."""

ON_RAY = 0.003
"""Total variance of the unit rows on a ray, at most: collapsed runs have 9e-6 to .0011, and one of strength 3, which its history
tells, .0053. A cone whose lengths vary much has most of its raw variance along the mean, too: lognormal lengths of sigma 1 at a
mean cosine of .95 to .99."""

AXES = 4.0
"""Axes that the mean row is spread over, at least, or D/6: along fewer it is massive coordinates. Collapsed z of 64: 17 to 27."""

FEWEST_AXES = 2.0  # in few dimensions

TOLD_APART = 8.0
"""View ratio over that at random initialisation, from which a common part is an offset: collapsed z has 5.5 at most, z of 14
healthy methods 10 to 50 (digits). Less says nothing: healthy h has 4 to 12, and 3.5 after three epochs of CIFAR-10."""

STRONGEST = 1.0
"""Strength of the views above which their ratio says nothing: what is left of an image in them is too little."""

ALIKE = 0.02
"""View ratio below which two views of an image are as far apart as two images, whatever the strength of the views was."""

STILL = 0.5
"""Of the view ratio at random initialisation, from which on a small ratio is that of the images, as of near copies."""

OUTLIERS = 0.5
"""Row participation over that of Gaussian rows of the same spectrum, below which the shape is that of a minority: .33 where 80 %
of the rows are one tight cluster, .08 where 95 % are; runs on digits .7 or more, healthy or not."""

GROWN = 4.0
"""Times the total variance of the unit rows at the start of a training that is watched, from which their common part is an offset
that was there: noise about a constant has 1, whatever its directions are."""

SHRUNK = 1 / 50
"""Of the raw variance at random initialisation. VICReg without its variance term ends at 1/270 to 1/570, digits."""


@dataclass(frozen=True)
class Signs:
    """What is known beside the spectrum of embeddings; each part may be missing.

    trained: std·√D in the last epoch of the run's own history, where its loss sees directions; views: variance between images
    over that between views of one image; beside_initial: the same over that at random initialisation, of the same images;
    scale: raw variance over that at random initialisation, where the loss sees rows as they are. Of a training that is watched:
    inputs: total variance of the images as unit rows of pixels; initial: the least of the embeddings at random initialisation.
    since_start: `views` over that at its start; about_start: std·√D of the embeddings about their mean at its start, where they
    have spread since; fallen: the same where an alarm has told that they stay close together there.
    """

    trained: float | None = None
    views: Measured | None = None
    beside_initial: Measured | None = None
    scale: float | None = None
    inputs: float | None = None
    initial: float | None = None
    since_start: Measured | None = None
    about_start: float | None = None
    fallen: float | None = None


NO_SIGNS = Signs()


def on_a_ray(spectrum: Spectrum) -> bool:
    """Whether nothing but the lengths of the raw rows varies."""
    return spectrum.total_variance <= ON_RAY and lengths_vary(spectrum)


def lengths_vary(spectrum: Spectrum) -> bool:
    """Whether nearly all raw variance is of the lengths along one direction of many axes."""
    share, axes = spectrum.ray_share, spectrum.ray_axes
    if share is None or axes is None:
        return False
    return share > RAY and axes >= min(AXES, max(spectrum.dimensions / 6, FEWEST_AXES))


def of_collapse(spectrum: Spectrum, signs: Signs) -> Iterator[str]:
    """What an offset cannot forge, each as a sentence; any of them is enough where the common part dominates."""
    if on_a_ray(spectrum) and not _told_apart(signs):
        yield (
            f"It is no mere offset: {percent(spectrum.ray_share or 0, 1)} of what still varies is the length along that one "
            "direction (z of healthy runs: 1 % to 14 %)."
        )
    if signs.trained is not None and signs.trained < COMPLETE:
        yield (
            f"The history of the run agrees: std·√D of what its loss saw was {signs.trained:.3g} in the last epoch (collapsed: "
            f"below {COMPLETE})."
        )
    if signs.views is not None and _below(signs.views, ALIKE) and not _alike_at_first(signs):
        yield (
            "Two views of one image, if the pairs are right, are as far apart as two images: the variance between images is "
            f"{max(signs.views, 0):.2g} of that between views."
        )
    if signs.fallen is not None and signs.fallen < 2 * COMPLETE:
        yield (
            "What all embeddings have in common has come during this training: about their mean at its start, std·√D is "
            f"{signs.fallen:.3g}, and has stayed small."
        )


def of_offset(signs: Signs) -> Iterator[str]:
    """What a collapsed encoder does not show, each as a sentence."""
    if signs.trained is not None and signs.trained > 2 * COMPLETE:
        yield (
            f"The loss of the run did not see the offset: std·√D of what its loss saw was {signs.trained:.3g} in the last epoch."
        )
    if _above(signs.beside_initial):
        yield (
            f"Images differ from their views {signs.beside_initial:.3g} times as clearly as at random initialisation: the "
            "encoder has learned."
        )
    if surely_told_apart(signs.since_start):
        yield (
            f"Images differ from their views {signs.since_start:.3g} times as clearly as at the start of this training: the "
            "encoder has learned."
        )
    if signs.about_start is not None and signs.about_start > 2 * COMPLETE:
        yield (
            "What all embeddings have in common was there at the start of this training: about their mean at that time, std·√D "
            f"is {signs.about_start:.3g}."
        )


def of_inputs(spectrum: Spectrum, signs: Signs) -> bool:
    """Whether the images themselves, as pixels, point one way, and the network has brought them no nearer to one point than that,
    or random weights do, by the factor that tells it beside another data set."""
    if signs.inputs is None or signs.initial is None or signs.inputs >= COMPLETE**2:
        return False
    return spectrum.total_variance >= min(signs.inputs, signs.initial) / TIMES


def contradiction(spectrum: Spectrum, signs: Signs) -> str:
    """A sentence where views tell images apart, as with an offset, and yet nothing but lengths varies; else empty.

    Collapsed networks show both on images that they were not trained on (12 times as clearly as at random initialisation). What
    was there at the start, or in the history of the run, is an offset none the less.
    """
    known = (signs.trained, signs.about_start)
    if (
        not _told_apart(signs)
        or not lengths_vary(spectrum)
        or any((std or 0) > 2 * COMPLETE for std in known)
    ):
        return ""
    return (
        "Two signs contradict each other: what varies is nearly all length along that one direction, as in a collapse, and yet "
        "images differ from their views more clearly than at random initialisation, as with an offset."
    )


def _alike_at_first(signs: Signs) -> bool:
    """Whether random weights, too, put two views of an image as far apart as two images: then the images differ too little."""
    return signs.beside_initial is not None and signs.beside_initial > STILL


def _told_apart(signs: Signs) -> bool:
    return _above(signs.beside_initial) or surely_told_apart(signs.since_start)


def surely_told_apart(since_start: Measured | None) -> bool:
    """Whether all of the interval of a view ratio over that at the start says that images are told apart."""
    return (
        since_start is not None and since_start.interval is not None and since_start.interval[0] > TOLD_APART
    )


def _above(ratio: Measured | None) -> bool:
    return ratio is not None and ratio > TOLD_APART


def _below(ratio: Measured, bound: float) -> bool:
    """Whether all of its interval is."""
    return ratio.interval is not None and ratio.interval[1] < bound


def shrunk(signs: Signs) -> bool:
    """Whether the scale has collapsed, of rows whose lengths the loss knows."""
    return signs.scale is not None and signs.scale < SHRUNK


def few_rows_vary(spectrum: Spectrum) -> bool:
    """Whether the variance is that of a few outliers around a tight cluster."""
    share = spectrum.row_participation
    return share is not None and share < OUTLIERS * (getattr(share, "null", None) or 1.0)
