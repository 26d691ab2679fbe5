"""Encoded images -> uint8: all at once where they fit into memory, read when asked for where they do not.

Both are decoded by the same rules (`pixels`, `framing`), after every image of the source was looked at (`survey`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

import numpy
import torch
from torch import Tensor

from collapse_cli.data import surveyed
from collapse_cli.data.contents import contents
from collapse_cli.data.conversions import broken_beside, notes
from collapse_cli.data.encoded import Encoded
from collapse_cli.data.filling import Filling
from collapse_cli.data.framing import OTHERWISE
from collapse_cli.data.on_demand import OnDemand
from collapse_cli.data.splits import NoSplit
from collapse_cli.data.stream import Stream
from collapse_cli.data.survey import Look, look, parallel, refuse_broken, untaken, white
from collapse_cli.data.surveyed import Survey
from collapse_cli.errors import CollapseError
from collapse_cli.progress import counted
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images

BUDGET = 4 << 30  # bytes of decoded images that are held in memory
WINDOW = 4096  # images after which progress is told
FEW, SMALL = (
    1000,
    1 << 24,
)  # images beside the split, and their pixels together, that are decoded to check them
_streams: ContextVar[bool] = ContextVar("streams", default=False)


@dataclass(frozen=True)
class Source:
    """Images as they are kept, `count` of them in the order of their labels.

    name: as `cats/train`; files: their names below the folder, if they are files. elsewhere: gives further images that must be
    readable and agree in size, as those of another split's shards. stands_in: all files that its images are in, if that is known;
    outside: whether some of its images lie in other files than those.
    """

    name: str
    read: Callable[[int], Encoded]
    count: int
    files: tuple[str, ...] = ()
    elsewhere: Callable[[], Iterable[Encoded]] = tuple
    stands_in: Sequence[Path] = ()
    outside: Callable[[], bool] = bool


def images(
    source: Source,
    chosen: Sequence[int],
    labels: Sequence[int] | None,
    classes: tuple[str, ...],
    framing: Framing,
    files: ImageFiles,
) -> Images:
    """Images of the images `chosen` of a source; labels of all of the source, or None.

    Raises NoSplit where none is chosen, and CollapseError that names all images of the source, chosen or not, which cannot be
    read; with `skip_broken` they are left out, and a note says so.
    """
    files = replace(files, background="white") if files.background == "auto" else files
    if not chosen:
        raise NoSplit(f"{source.name} has no images", "give a folder or file with more images in it")
    gathered = _gathered(source, chosen, framing, files)
    beside, looked_at_later = gathered.beside, _streams.get()
    if not (files.skip_broken or looked_at_later):
        refuse_broken([*gathered.looks, *beside], len(gathered.looks) + len(beside))
    level = white([*gathered.looks, *beside])
    square = replace(framing, side=framing.side or common_side([*gathered.looks, *beside]))
    stream = Stream(lambda row: source.read(chosen[row]), len(chosen), square, files.background, level)
    fits = _fits(len(chosen), square.side)
    held = _finished(gathered, stream, files) if fits and not gathered.known else None
    _keep(gathered, source, fits)
    whole = [place for place, seen in enumerate(gathered.looks) if looked_at_later or seen.broken is None]
    if not whole:
        raise CollapseError(f"{source.name} has no image that can be read", "give a folder or file of images")
    taken = [chosen[place] for place in whole]
    streamed = replace(stream, read=lambda row: source.read(taken[row]), count=len(taken))
    unread = _on_demand(streamed, gathered.name) if gathered.known and fits else streamed
    looks = [gathered.looks[place] for place in whole] if looked_at_later else gathered.looks
    aside = () if looked_at_later else broken_beside(beside)
    return Images(
        unread if held is None else _at(held, whole),
        None if labels is None else torch.tensor([labels[i] for i in taken], dtype=torch.long),
        classes,
        source.name,
        tuple(source.files[i] for i in taken) if source.files else (),
        (*notes(looks, square, framing.side == 0, files.background, level), *aside),
        None
        if looked_at_later or gathered.known
        else contents(streamed.read, len(taken), bool(source.files)),
    )


def _on_demand(stream: Stream, name: str) -> OnDemand:
    """name: of what was seen of its images."""
    return OnDemand(stream, surveyed.of_pixels(name, stream.framing, stream.background, stream.white))


def _gathered(source: Source, chosen: Sequence[int], framing: Framing, files: ImageFiles) -> Gathered:
    """What is known of the images from before, where that may be asked; else all are looked at."""
    name = "" if _streams.get() else surveyed.key(source.stands_in, chosen, files.skip_broken)
    if known := _known(name, len(chosen), framing):
        return Gathered(list(known.looks), None, known.beside, name, known=True)
    gathered = _looked_at(source, chosen, framing, files)
    return replace(gathered, beside=list(_looks_beside(source, chosen)), name=name)


def _keep(gathered: Gathered, source: Source, decoded: bool) -> None:
    """What was seen, for another time."""
    if gathered.name and not gathered.known and not source.outside():
        surveyed.write(gathered.name, Survey(gathered.looks, gathered.beside, decoded))


def _known(name: str, count: int, framing: Framing) -> Survey | None:
    """What was seen when all `count` images were looked at, where that is enough to decode them when they are asked for."""
    survey = surveyed.read(name) if name and surveyed.wanted() else None
    if survey is None or len(survey.looks) != count:
        return None
    side = framing.side or common_side([*survey.looks, *survey.beside])
    return survey if survey.decoded or not _fits(count, side) else None


@contextmanager
def as_streams() -> Iterator[None]:
    """Within it no image is decoded when it is loaded, and broken ones stay: for whoever looks at each of them but once."""
    before = _streams.set(True)
    try:
        yield
    finally:
        _streams.reset(before)


def common_side(looks: Iterable[Look]) -> int:
    """The side of the images of a whole source, the same for each of its splits; 64 if they disagree, or are not square."""
    sizes = {seen.size for seen in looks if seen.broken is None}
    width, height = sizes.pop() if len(sizes) == 1 else (0, 1)
    return width if width == height else OTHERWISE


@dataclass
class Gathered:
    """What was seen of the images chosen, and those that were decoded on the way, if they fit into memory.

    beside: what was seen of the others; name: under which all that is kept; known: it was kept, and nothing was decoded.
    """

    looks: list[Look]
    filling: Filling | None
    beside: Sequence[Look] = ()
    name: str = ""
    known: bool = False


def _looked_at(source: Source, chosen: Sequence[int], framing: Framing, files: ImageFiles) -> Gathered:
    """The first image's size is the guess by which all are decoded at once; where it is wrong, they are decoded again."""
    (first,) = parallel(lambda i: look(source.read(i), 0, False, False, untaken), chosen[:1])
    guess = replace(framing, side=framing.side or common_side([first]))
    filling = None
    if _fits(len(chosen), guess.side):
        filling = Filling(_empty(len(chosen), guess.side), guess, files.background, _settled(first, framing))
    take = filling.take if filling else untaken
    whole = files.skip_broken  # else a broken image would have a say in the common side
    places = range(len(chosen))
    looks: list[Look] = []
    for start in counted(
        range(0, len(chosen), WINDOW), "images looked at", lambda start: len(places[start : start + WINDOW])
    ):
        part = places[start : start + WINDOW]
        looks += parallel(lambda place: look(source.read(chosen[place]), place, whole, True, take), part)
    return Gathered(looks, filling)


def _settled(first: Look, framing: Framing) -> bool:
    """Whether the side is no guess: it was given, or an image is not square, or one is broken, which decides nothing."""
    return bool(framing.side) or (first.broken is None and first.size[0] != first.size[1])


def _looks_beside(source: Source, chosen: Sequence[int]) -> Iterable[Look]:
    """Of the images that are not chosen: their headers, and their pixels where that is soon done."""
    taken = set(chosen)
    others = [i for i in range(source.count) if i not in taken]
    looks = list(parallel(lambda i: look(source.read(i), 0, False, False, untaken), others))
    sizes = [seen.size[0] * seen.size[1] for seen in looks]
    if len(others) <= FEW and sum(sizes) <= SMALL:
        looks = list(parallel(lambda i: look(source.read(i), 0, True, False, untaken), others))
    yield from looks
    yield from parallel(lambda encoded: look(encoded, 0, False, False, untaken), source.elsewhere())


def _finished(gathered: Gathered, stream: Stream, files: ImageFiles) -> numpy.ndarray:
    """All images (N,3,side,side), decoded where they are not yet; those that turn out to be broken are marked so."""
    filling = gathered.filling
    if filling and filling.agreed and filling.framing == stream.framing:
        output, left = filling.output, sorted(filling.left)
    else:
        output, left = _empty(stream.count, stream.framing.side), list(range(stream.count))
    left = [place for place in left if gathered.looks[place].broken is None]
    for place, why in zip(left, parallel(lambda place: stream.into(output, place, place), left), strict=True):
        if why:
            gathered.looks[place] = Look(name=stream.read(place).name, broken=why.reason)
    if not files.skip_broken:
        refuse_broken(gathered.looks, len(gathered.looks))
    return output


def _at(pixels: numpy.ndarray, places: list[int]) -> Tensor:
    every = torch.from_numpy(pixels)
    return every if len(places) == len(pixels) else every[torch.tensor(places)]


def _empty(count: int, side: int) -> numpy.ndarray:
    return numpy.empty((count, 3, side, side), numpy.uint8)


def _fits(count: int, side: int) -> bool:
    return not _streams.get() and count * 3 * side**2 <= BUDGET
