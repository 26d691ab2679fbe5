"""Facts that stand beside a verdict, in words: how the variance is spread, a common offset, classes, views."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from collapse_cli.figures import percent, written
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.copies_words import copies_in_words, groups_in_words
from collapse_cli.metrics.image_words import fault, only_class
from collapse_cli.metrics.image_words import findings as of_images
from collapse_cli.metrics.signs import Signs, of_offset
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.metrics.thresholds import Status
from collapse_cli.values import null_of

OFFSET = 0.5
"""Mean cosine above its null from which a common part is named: without a ReLU it is then more than 71 % of each length."""

MASSIVE = 2.0
"""Axes that a common part is spread over, below which it is one massive coordinate."""

ROGUE, WIDE = 0.5, 16
"""Share of the mean cosine from which one dimension is named, and the dimensions that there must be: of 16 random ones one makes
a quarter."""

UNEVEN = 0.8
"""Row participation over that of Gaussian rows, below which it is named: .66 where 60 % of the rows are one tight cluster."""

CLASSES_APART = 0.2
"""tr Sigma_W / tr Sigma_B of neural collapse, at most: supervised z .11, SupCon z .05, self-supervised z .33 or more (digits)."""

NEAR = 3
"""How far the active dimensions may be from C - 1, which C class means span: supervised z of 10 classes has 12, SupCon z 10."""


INDICES = "If these are indices into a codebook, as of a VQ-VAE, another command judges them: collapse codes {} --size K."


def active(spectrum: Spectrum) -> str:
    """How many directions are active, of how many, beside those of embeddings of the same kind without structure."""
    count, null = spectrum.active, getattr(spectrum.active, "null", None)
    kind = f"isotropic data{_through(spectrum)}"
    beside = "" if null is None else f" ({kind}: {null:,.0f})"
    is_active = "is" if count == 1 else "are"
    return f"{count:,.0f} of {spectrum.dimensions:,} dimensions {is_active} active{beside}"


def spread_out(spectrum: Spectrum) -> str:
    """How many directions hold 90 % of the variance, and the effective rank, each beside that of isotropic embeddings."""
    ninety, rank = spectrum.dimensions_90, spectrum.effective_rank
    count = f"90 % of the variance lies in {ninety:,.0f}{_beside(ninety, '{:,.0f}'.format)}"
    return f"{count}, and the effective rank is {written(float(rank))}{_beside(rank, written)}"


def _through(spectrum: Spectrum) -> str:
    """Which null it is, where the embeddings are never negative; it stands in the first bracket of a sentence."""
    return " through a ReLU" if spectrum.rectified else ""


def _beside(value: float, written: Callable[[float], str]) -> str:
    """The null of a value in brackets; empty where it has none."""
    null = getattr(value, "null", None)
    return "" if null is None else f" (null: {written(float(null))})"


def of_views(signs: Signs) -> Iterator[str]:
    """How the variance between images compares with that between views, where there are views."""
    if signs.views is None:
        return
    initial, start = signs.beside_initial, signs.since_start
    beside = "" if initial is None else f", {max(initial, 0):.3g} times the ratio at random initialisation"
    beside += "" if start is None else f", {max(start, 0):.3g} times the ratio at the start of this training"
    yield f"The variance between images is {max(signs.views, 0):.3g} of that between views of one image{beside}."


def findings(spectrum: Spectrum, context: Context, signs: Signs, status: Status) -> Iterator[str]:
    """What is true beside the verdict."""
    if fault(context.images):
        return  # the verdict says it, and the embeddings say nothing more
    if context.indices:
        yield INDICES.format(context.indices)
    yield from copies_in_words(spectrum, bool(context.codes))
    yield from of_images(context.images)
    if context.one_label:
        yield only_class(context.one_label)
    yield from filter(None, [groups_in_words(spectrum)])
    if status != "complete collapse":
        yield from _offset(spectrum, context.loop, status == "inconclusive")
        yield from _widest(spectrum)
        yield from _uneven(spectrum)
    yield from of_offset(signs)
    yield from _of_classes(spectrum, context)


def _offset(spectrum: Spectrum, loop: bool = False, undecided: bool = False) -> Iterator[str]:
    """A common part of all embeddings, where it is most of their length. loop: without an option; undecided: it may be none."""
    cosine = spectrum.mean_cosine
    null = getattr(cosine, "null", None) or 0.0
    if cosine is None or cosine - null <= OFFSET:
        return
    without = "subtract the mean of the embeddings to measure" if loop else "--centre measures"
    common = "What they have in common" if undecided else "A common offset"
    yield (
        f"{common} is {percent(cosine**0.5, 1)} of the length of each embedding (mean cosine {cosine:.4g}; cone effect, "
        "Ethayarajh 2019, arXiv:1909.00512). A cosine search sees little else; a linear probe is not affected; "
        f"{without} without it."
    )
    if few := _rogue(spectrum):
        yield few
    elif spectrum.ray_axes is not None and spectrum.ray_axes < MASSIVE:
        yield (
            f"The offset lies in few coordinates ({spectrum.ray_axes:.1f} of {spectrum.dimensions:,}): massive activations, or "
            "columns that are no part of an embedding. Leave them out and measure again."
        )


def _rogue(spectrum: Spectrum) -> str:
    """One dimension that makes most of the mean cosine, and what is without it; empty where none does."""
    share, rest = spectrum.top_dimension_share, spectrum.mean_cosine_without_top
    if share is None or rest is None or share < ROGUE or spectrum.dimensions < WIDE:
        return ""
    named = (
        f"One dimension, {spectrum.top_dimension} (from 0 on), makes {percent(share)} of the mean cosine (offset in a random "
        f"direction: {percent(null_of(share))}): a rogue dimension (Timkey & van Schijndel 2021, arXiv:2109.04404)."
    )
    if rest > OFFSET:
        return f"{named} Without it the mean cosine is still {rest:.2g}: the other dimensions have an offset, too."
    return (
        f"{named} Without it the mean cosine is {rest:.2g}: subtract the mean or standardise the dimensions before comparing; a "
        "rogue dimension by itself is no collapse."
    )


def _widest(spectrum: Spectrum) -> Iterator[str]:
    """One dimension that carries most of the variance, which no number of directions tells from a direction of all dimensions."""
    share = spectrum.widest_dimension_share
    if share is not None and share >= ROGUE and spectrum.dimensions >= WIDE:
        yield (
            f"One dimension, {spectrum.widest_dimension} (from 0 on), carries {percent(share)} of the variance of unit "
            f"embeddings (equal shares: {percent(null_of(share))}), so that a cosine is mostly its value. If its scale means "
            "nothing, standardise the dimensions and measure again."
        )


def _uneven(spectrum: Spectrum) -> Iterator[str]:
    """Embeddings of which a part holds the variance."""
    share = spectrum.row_participation
    null = getattr(share, "null", None) or 1.0
    if share is not None and share < UNEVEN * null:
        yield (
            f"The variance is that of a part of the embeddings (row participation {share:.2f}; Gaussian: {null:.2f}); the others "
            "may be one tight cluster."
        )


def _of_classes(spectrum: Spectrum, context: Context) -> Iterator[str]:
    """Neural collapse is few directions and classes that are near to points; either alone is not."""
    between, scatter = min(context.classes - 1, spectrum.dimensions), context.class_scatter
    if scatter is None or between < 2 or scatter > CLASSES_APART or abs(spectrum.active - between) > NEAR:
        return
    yield (
        f"This is neural collapse (Papyan et al. 2020, arXiv:2008.08186), the goal of a supervised loss: the variance within "
        f"classes is {scatter:.2g} of that between them, and {spectrum.active:.0f} dimensions are active; the means of "
        f"{context.classes} classes span {between}."
    )
