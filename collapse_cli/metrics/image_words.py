"""What the images themselves mean for a verdict: where they are the fault, nothing can be said of the encoder.

The embedding of identical images must be one point, whatever the encoder is worth: that is no evidence of a collapse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_cli.figures import percent
from collapse_cli.metrics.image_set import ImageSet
from collapse_cli.printable import quoted

FEWEST = 8
"""Distinct images, with fewer of which nothing is said of others: as of embeddings (`metrics.verdict`)."""

NEARLY_ALL = 0.9
"""Share of the images that are one image, or of one colour, from which the others do not speak for them."""

MOSTLY = 0.5
"""Distinct images over all: from more on, that images are too few is not the copies' fault."""

NAMED = 0.01
"""Share of the images from which copies and images of one colour are named beside a verdict."""


@dataclass(frozen=True)
class Fault:
    """Why the images allow no verdict. times: how many times over the bound the number `measured` is; meaning: a sentence."""

    sentence: str
    measured: str
    value: float
    bound: float
    times: float
    meaning: str = "This says nothing of the encoder."


def fault(images: ImageSet | None) -> Fault | None:
    """Where hardly any image differs from the others; None where no images are at hand, or enough of them differ."""
    if images is None or images.images < 2:
        return None
    return _plain(images) or _same(images) or _few(images)


def too_few(images: ImageSet | None, dimensions: int) -> Fault | None:
    """Where most images are copies, and the distinct ones are no more than the dimensions that are to be judged."""
    if images is None or images.looks > min(dimensions, MOSTLY * images.images):
        return None
    sentence = f"{_distinct(images)} are too few to judge {dimensions:,} dimensions: copies add nothing."
    return Fault(sentence, "distinct images", images.looks, dimensions, dimensions / max(images.looks, 1))


def _plain(images: ImageSet) -> Fault | None:
    """Nearly all are of one colour."""
    n, share = images.images, images.constant / images.images
    if share < NEARLY_ALL:
        return None
    colour = {images.black: "black", images.white: "white"}.get(images.constant, "of one colour each")
    only = "their colours" if colour == "of one colour each" else "nothing"
    count = f"All {n:,}" if images.constant == n else f"{images.constant:,} of {n:,}"
    sentence = f"{count} images are {colour}: they give an encoder {only} to tell them apart by."
    return Fault(sentence, "share of images of one colour", share, NEARLY_ALL, share / NEARLY_ALL)


def _same(images: ImageSet) -> Fault | None:
    """One image makes nearly all of them."""
    n, share = images.images, images.largest / images.images
    if images.distinct == 1:
        sentence = (
            f"The images themselves are identical: 1 distinct image of {n:,}; no encoder can tell them apart."
        )
        return Fault(sentence, "distinct images", 1, FEWEST, FEWEST)
    if images.looks == 1:
        sentence = (
            f"The images themselves are nearly identical: all {n:,} are one image up to its brightness and fine detail, as "
            "copies that were saved again are."
        )
        return Fault(sentence, "distinct images", 1, FEWEST, FEWEST)
    if share < NEARLY_ALL:
        return None
    sentence = f"{images.largest:,} of {n:,} images ({percent(share)}) are one image, or nearly so: the others are too few."
    return Fault(sentence, "share of one image", share, NEARLY_ALL, share / NEARLY_ALL)


def _few(images: ImageSet) -> Fault | None:
    """So few distinct images that no embedding could be spread."""
    looks, n = images.looks, images.images
    if looks >= FEWEST or looks == n:
        return None
    span = f"at most {looks - 1} dimension{'s' if looks > 2 else ''}"
    sentence = f"{_distinct(images)}: their embeddings can span {span}, whatever the encoder is worth."
    return Fault(sentence, "distinct images", looks, FEWEST, FEWEST / looks)


def _distinct(images: ImageSet) -> str:
    """`5 distinct images of 1,000`; where near copies are counted once it says so."""
    near = " (near copies counted once)" if images.near_copies else ""
    return f"{images.looks:,} distinct images of {images.images:,}{near}"


def remedy(dataset: str, network: bool) -> str:
    """What to do about images that are the fault. dataset: as it is named in commands; network: whether it can see others."""
    look = f": `collapse inspect {quoted(dataset)}` counts the copies" if dataset else ""
    others = "; --dataset measures the same network on other images" if network else ""
    return f"Give images that differ{look}{others}."


def leave_out(dataset: str) -> str:
    """What to do about copies among images that differ otherwise."""
    look = f": `collapse inspect {quoted(dataset)}` counts them" if dataset else ""
    return f"Leave out the copies among the images{look}."


def findings(images: ImageSet | None) -> Iterator[str]:
    """What is true of the images beside a verdict; nothing of a sound set."""
    if images is None:
        return
    n = images.images
    if images.copies >= max(NAMED * n, 1):
        yield f"{images.copies:,} of {n:,} images are copies of others, pixel for pixel."
    if images.near_copies >= max(NAMED * images.compared, 1):
        yield (
            f"{images.near_copies:,} of {images.compared:,} distinct images are nearly identical to others, as copies that were "
            "saved again are."
        )
    if images.constant >= max(NAMED * n, 1):
        which = {images.black: " (black)", images.white: " (white)"}.get(images.constant, "")
        yield f"{images.constant:,} of {n:,} images are of one colour{which}: nothing is in them."
    if images.contradicting and images.contradicting >= NAMED * n:
        yield f"{images.contradicting:,} of {n:,} images have the same pixels as an image with another label."


def only_class(name: str) -> str:
    """Of a loss that learns from labels."""
    return f"All images have one label ({name}): a loss that learns from labels then wants all of them at one point."


def of_equal(copies: int, different: int | None, samples: int) -> str:
    """Whether equal embeddings are those of equal images. copies: embeddings that are equal to an earlier one, of `samples`;
    different: those of them whose image is not a copy; None where no images are at hand. Empty where there is nothing to say."""
    if different is None or copies < max(NAMED * samples, 1):
        return ""
    if in_the_data(copies, different):
        return "The images of equal embeddings are the same: the copies are in the data, and the encoder has not made them."
    if different < NAMED * samples:
        return ""
    return (
        f"{different:,} of the {copies:,} embeddings that repeat another one come from different images: the encoder makes them "
        "equal, not the data."
    )


def in_the_data(copies: int, different: int | None) -> bool:
    """Whether nearly all embeddings that are equal to another one are those of equal images."""
    return different is not None and copies - different >= NEARLY_ALL * copies
