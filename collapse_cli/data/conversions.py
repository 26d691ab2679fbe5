"""What was done to the images of a set to make squares of RGB of them, a note for each kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collapse_cli.data.framing import unchanged
from collapse_cli.data.pixels import Trait
from collapse_cli.data.survey import Look
from collapse_cli.data_notes import DataNote
from collapse_cli.printable import printable
from collapse_cli.shapes import Framing


def notes(
    looks: Sequence[Look], framing: Framing, chosen: bool, background: str, white: float
) -> tuple[DataNote, ...]:
    """looks: of the images of a split, broken ones among them, which are left out; chosen: no side was given."""
    whole = [seen for seen in looks if seen.broken is None]
    return (*_broken(looks), *_framed(whole, framing, chosen), *_converted(whole, background, white))


def broken_beside(looks: Sequence[Look]) -> tuple[DataNote, ...]:
    """Images of another split that cannot be read."""
    names = tuple(printable(seen.name) for seen in looks if seen.broken is not None)
    if not names:
        return ()
    what = "left out of another split: they cannot be read"
    return (DataNote("left out", len(names), len(looks), "images beside this split", what, "", names),)


def _broken(looks: Sequence[Look]) -> Iterator[DataNote]:
    if broken := [seen for seen in looks if seen.broken is not None]:
        names = tuple(printable(seen.name) for seen in broken)
        yield DataNote(
            "left out", len(broken), len(looks), "images", "left out: not readable as an image",
            "without --skip-broken an error says why", names,
        )  # fmt: skip


def _framed(looks: Sequence[Look], framing: Framing, chosen: bool) -> Iterator[DataNote]:
    """Cutting and resizing, in one note."""
    changed = [seen.size for seen in looks if not unchanged(seen.size, framing)]
    if not changed:
        return
    side, remedy = framing.side, "--size sets another side" if chosen else ""
    uneven = 0 if framing.stretched else sum(width != height for width, height in changed)
    smaller = sum(min(size) < (framing.resized or side) for size in changed)
    details = [_sizes(changed)]
    details += [f"{uneven:,} not square and cut to the middle"] if uneven else []
    details += [f"{smaller:,} smaller and enlarged"] if smaller else []
    how = "stretched" if framing.stretched else "resized"
    what = f"{how} to {side} x {side} pixels ({'; '.join(details)})"
    yield DataNote("changed", len(changed), len(looks), "images", what, remedy)


def _sizes(sizes: Sequence[tuple[int, int]]) -> str:
    distinct = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    first, last = (f"{width} x {height}" for width, height in (distinct[0], distinct[-1]))
    return f"from {first}" if len(distinct) == 1 else f"{len(distinct):,} sizes, from {first} to {last}"


def _converted(looks: Sequence[Look], background: str, white: float) -> Iterator[DataNote]:
    kinds: dict[Trait, tuple[str, str]] = {
        "turned": ("turned upright, as the EXIF orientation says", ""),
        "composited": (
            f"transparent in part, and composited on {background}",
            "--background sets another",
        ),
        "frames": ("the first of several frames or pages", "save the others as files of their own"),
        "deep": ("reduced from more than 8 bits to the upper 8", ""),
        "float": (f"scaled from fractions in 0 … {white:g} to 0 … 255 and rounded", ""),
        "converted": ("converted to RGB from CMYK, YCbCr, LAB or HSV, without a colour profile", ""),
    }
    for trait, (what, remedy) in kinds.items():
        if count := sum(trait in seen.traits for seen in looks):
            kind = "chosen" if trait == "frames" else "changed"
            yield DataNote(kind, count, len(looks), "images", what, remedy)  # type: ignore[arg-type]
