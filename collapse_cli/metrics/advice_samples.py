"""What is to be done where a sample is too small to tell: no more is asked for than the input has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from collapse_cli.metrics.spectrum import Spectrum

if TYPE_CHECKING:
    from collapse_cli.metrics.advice import Context

USUAL = 10  # embeddings for each dimension, with which counts of directions are stable
HALVED = 4  # times as many halve an interval


def is_small(spectrum: Spectrum) -> bool:
    """Whether more embeddings would change what is counted in them."""
    return (spectrum.effective_samples or spectrum.samples) < enough(spectrum)


def enough(spectrum: Spectrum) -> int:
    """Embeddings from which a count of directions is stable."""
    return max(USUAL * spectrum.dimensions, 100)


def more(spectrum: Spectrum, context: Context) -> Iterator[str]:
    """How more can be had: of images by an option, as far as there are some; of embeddings by whoever made them."""
    counted = spectrum.effective_samples or spectrum.samples
    wanted = enough(spectrum) if is_small(spectrum) else HALVED * spectrum.samples
    why = "a small sample limits the rank" if is_small(spectrum) else "four times as many halve the interval"
    if spectrum.groups is not None:
        yield f"Measure more groups: these embeddings count as {counted:,}, and {wanted:,} are needed; {why}."
    elif context.available is None:
        yield f"Measure more distinct embeddings, {wanted:,} or more if there are as many: {why}."
    else:
        yield _of_images(spectrum, context, wanted, why)
    if not is_small(spectrum):
        yield "Or take it as a case at the bound."


def _of_images(spectrum: Spectrum, context: Context, wanted: int, why: str) -> str:
    """An option, where there are more images; else that there are too few, and what else would do."""
    here, measured, least = context.available or 0, spectrum.samples, spectrum.dimensions + 1
    if here > measured and (here >= least or not context.in_all):
        return f"Give --samples {min(wanted, here)}: {why}."
    if (context.in_all or 0) >= max(least, measured + 1):
        samples = f" --samples {min(wanted, context.in_all or 0)}" if measured < here else ""
        return f"Give --split all{samples}, which has {context.in_all:,} images: {why}."
    there = max(here, context.in_all or 0)
    other = "measure the pixels of a larger one" if context.pixels else "name a larger one with --dataset"
    if there < least:
        needed = f"more than {least - 1:,} are needed to judge {spectrum.dimensions:,} dimensions, better {wanted:,}"
    else:
        needed = f"{why}, but no more are there"
    alone = "At this size nothing can be concluded" if there < least else "Else take it as undecided"
    return f"The data set is too small: it has {there:,} images; {needed}: {other}. {alone}."
