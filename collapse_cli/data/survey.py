"""Every image of a source is looked at before it is used: its header always, its pixels where only they tell enough."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol, TypeVar

from PIL import Image

from collapse_cli.data import pixels
from collapse_cli.data.encoded import REMEDY, Broken, Encoded, cut_short, reason
from collapse_cli.data.pixels import Header, Trait
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable

PIECE = 64  # images that a thread takes in one go: one by one, small images take twice as long
LISTED = 5  # broken images that an error names
FAINTEST = 1 / 16  # share of white that the brightest value of a set reaches, or white is not known

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of an image. name: only where it matters; least and most: its values, where it is deep.

    full: the value that is white, 0 where nothing declares it; broken: why it cannot be read.
    """

    size: tuple[int, int] = (0, 0)
    traits: frozenset[Trait] = frozenset()
    name: str = ""
    mode: str = ""
    least: float = 0.0
    most: float = 0.0
    full: float = 0.0
    broken: str | None = None


class Sink(Protocol):
    """Takes an image on the way, so that it is opened once."""

    def __call__(self, place: int, image: Image.Image, about: Header) -> bool | None:
        """Whether something of it was transparent; None where it was not taken."""


def untaken(place: int, image: Image.Image, about: Header) -> None:
    """Images are only looked at."""


def look(encoded: Encoded, place: int, whole: bool, alpha: bool, take: Sink) -> Look:
    """whole: decode it, whatever its header says; alpha: decode it where something of it may be transparent."""
    try:
        with encoded.raw() as image:
            about = pixels.header(image)
            transparent = take(place, image, about)
            if transparent is None and (whole or cut_short(image)):
                image.load()
            seen = Look(about.size, about.traits)
            if about.deep:
                image.load()
                seen = _measured(seen, encoded, image, about)
            if transparent is None and alpha and about.transparent and not about.whole:
                transparent = pixels.rgb(image, about, "white", 1.0)[1]
            return replace(seen, traits=seen.traits | {"composited"}) if transparent else seen
    except Exception as error:  # Pillow raises almost anything on a damaged file
        return Look(name=encoded.name, broken=reason(error, encoded))


def _measured(seen: Look, encoded: Encoded, image: Image.Image, about: Header) -> Look:
    least, most = pixels.values(image, about)
    if not math.isfinite(least + most):
        raise ValueError("some of its values are not finite")
    full = 0.0 if about.mode == "F" else 255.0
    if about.whole:
        full = (1 << about.bits) - 1.0 if about.bits else 0.0
    if about.inverted:
        least, most = full - most, full - least
    return replace(seen, name=encoded.name, mode=about.mode, least=least, most=most, full=full)


def parallel(work: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
    """work(item) in order, by a few threads, with a few pieces of the items in memory at a time; Pillow warns of nothing."""
    cores, left = os.cpu_count() or 1, iter(items)
    with warnings.catch_warnings(), ThreadPoolExecutor(cores) as threads:
        warnings.simplefilter("ignore")
        while window := list(islice(left, 8 * PIECE * cores)):
            piece = max(1, min(PIECE, len(window) // cores))
            pieces = [window[start : start + piece] for start in range(0, len(window), piece)]
            for answers in threads.map(lambda items: [work(item) for item in items], pieces):
                yield from answers


def refuse_broken(looks: Sequence[Look], total: int) -> None:
    """Raises CollapseError that names the images which cannot be read, where there are any."""
    broken = [seen for seen in looks if seen.broken is not None]
    if len(broken) == 1:
        raise Broken(broken[0].name, broken[0].broken or "")
    if broken:
        named = [printable(b.name) + (f" ({b.broken})" if b.broken else "") for b in broken[:LISTED]]
        more = f" and {len(broken) - LISTED:,} more" if len(broken) > LISTED else ""
        raise CollapseError(
            f"{len(broken):,} of {total:,} images cannot be read: {', '.join(named)}{more}", REMEDY
        )


def white(looks: Iterable[Look]) -> float:
    """The value of mode F that is white in this set: 1, or 255. Raises CollapseError where the values do not tell.

    One rule for all images beyond 8 bits: the brightest of a set reaches a sixteenth of white, or is 0, as in a black set.
    """
    deep = [seen for seen in looks if seen.mode]
    for seen in deep:
        if seen.least < 0 or (seen.mode != "F" and not seen.full):
            raise _unclear(seen)
    _refuse_faint([seen for seen in deep if seen.mode != "F"])
    fractions = [seen for seen in deep if seen.mode == "F"]
    return _white_of(fractions) if fractions else 1.0


def _refuse_faint(whole: list[Look]) -> None:
    brightest = max(whole, key=lambda seen: seen.most / seen.full, default=None)
    if brightest and 0 < brightest.most / brightest.full < FAINTEST:
        raise _unclear(brightest)


def _white_of(fractions: list[Look]) -> float:
    brightest = max(fractions, key=lambda seen: seen.most)
    most = brightest.most
    if most > 255 or 0 < most < FAINTEST or 1 < most < 255 * FAINTEST:
        raise _unclear(brightest)
    if most <= 1:
        return 1.0
    if dark := next((seen for seen in fractions if 0 < seen.most <= 1), None):
        raise CollapseError(
            f"{printable(dark.name)} has fractions from {dark.least:g} to {dark.most:g}, and {printable(brightest.name)} "
            f"up to {most:g}: images of one set must have one scale",
            "save all of them in 0 … 1, or all in 0 … 255, best with 8 bits",
        )
    return 255.0


def _unclear(seen: Look) -> CollapseError:
    kind = "fractions" if seen.mode == "F" else "whole numbers"
    scale = f" of {seen.full:,.0f}" if seen.full else ""
    values = f"{seen.least:,.6g} to {seen.most:,.6g}{scale}"
    if seen.mode == "F":
        remedy = "save such images with 8 bits, or spread their values over 0 … 1"
    else:
        remedy = "save such images with 8 bits, or with 16 bits and their values spread over 0 … 65,535"
    return CollapseError(
        f"{printable(seen.name)} has {kind} from {values}, and no image of its set tells which value is white",
        remedy,
    )
