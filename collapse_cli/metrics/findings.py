"""Facts that stand beside a verdict, in words: how the variance is spread, a common offset, classes, views."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.copies_words import copies_in_words, groups_in_words
from collapse_cli.metrics.signs import Signs, of_offset
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.thresholds import Status

OFFSET = 0.5
"""Mean cosine above its null from which a common part is named: without a ReLU it is then more than 71 % of each length."""

MASSIVE = 2.0
"""Axes that a common part is spread over, below which it is one massive coordinate."""

UNEVEN = 0.8
"""Row participation over that of Gaussian rows, below which it is named: .66 where 60 % of the rows are one tight cluster."""

CLASSES_APART = 0.2
"""tr Sigma_W / tr Sigma_B of neural collapse, at most: supervised z .11, SupCon z .05, self-supervised z .33 or more (digits)."""

NEAR = 3
"""How far the active dimensions may be from C - 1, which C class means span: supervised z of 10 classes has 12, SupCon z 10."""


def spread_out(spectrum: Spectrum) -> str:
    """How many directions hold 90 % of the variance, and how many they are of isotropic rows."""
    null = getattr(spectrum.dimensions_90, "null", None)
    beside = "" if null is None else f" (isotropic: {null:,.0f})"
    return f", and 90 % of the variance lies in {spectrum.dimensions_90:,.0f}{beside}"


def findings(spectrum: Spectrum, context: Context, signs: Signs, status: Status) -> Iterator[str]:
    """What is true beside the verdict."""
    yield from copies_in_words(spectrum, bool(context.codes))
    yield from filter(None, [groups_in_words(spectrum)])
    cosine = spectrum.mean_cosine
    null = getattr(cosine, "null", None) or 0.0
    if cosine is not None and cosine - null > OFFSET and status != "complete collapse":
        yield (
            f"a common offset is {cosine**0.5:.1%} of each length, mean cosine {cosine:.4g} (the cone effect, anisotropy: "
            "Ethayarajh 2019, arXiv:1909.00512): a cosine search sees little else, a linear probe does not mind; "
            "--centre measures without it"
        )
        if spectrum.ray_axes is not None and spectrum.ray_axes < MASSIVE:
            yield (
                f"it lies in few coordinates ({spectrum.ray_axes:.1f} of {spectrum.dimensions:,}): massive ones, or columns that "
                "are no part of an embedding; leave them out and measure again"
            )
    share = spectrum.row_participation
    null = getattr(share, "null", None) or 1.0
    if share is not None and share < UNEVEN * null and status != "complete collapse":
        yield (
            f"the variance is that of a part of the embeddings: row participation {share:.2f} (Gaussian: {null:.2f}); the others "
            "may be one tight cluster"
        )
    if signs.views is not None:
        ratio = signs.beside_initial
        beside = "" if ratio is None else f", {max(ratio, 0):.3g} times that at random initialisation"
        yield f"the variance between images is {max(signs.views, 0):.3g} of that between views of one image{beside}"
    yield from of_offset(signs)
    yield from _of_classes(spectrum, context)


def _of_classes(spectrum: Spectrum, context: Context) -> Iterator[str]:
    """Neural collapse is few directions and classes that are near to points; either alone is not."""
    between, scatter = min(context.classes - 1, spectrum.dimensions), context.class_scatter
    if scatter is None or between < 2 or scatter > CLASSES_APART or abs(spectrum.active - between) > NEAR:
        return
    yield (
        f"neural collapse (Papyan et al. 2020, arXiv:2008.08186), which a supervised loss wants: the variance within classes is "
        f"{scatter:.2g} of that between them, and {spectrum.active:.0f} dimensions are active, {between} lie between "
        f"{context.classes} classes"
    )
