"""What a page shows beside its numbers: maps of h and z with thumbnails, and galleries of the images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from collapse_cli.analysis import negative_gallery, point_gallery, view_gallery
from collapse_cli.analysis.names import of_paths
from collapse_cli.analysis.report import may_show
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.analysis.thumbnails import Thumbnails
from collapse_cli.exhibits import POINTS, Exhibits, Gallery, Map
from collapse_cli.figures import percent
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.principal import along, directions, shown, stratified

FEWEST_POINTS = 100  # of a map, where there are many inputs
ISOTROPIC = 2.0  # standard deviations of isotropic data, to which the frame of a map reaches at least
CLOSE = "They lie close together: isotropic data of as many dimensions would fill the frame."
ROWS, FEWEST_ROWS = 8, 2  # of a gallery of a single input, and of one of many


def exhibits(subjects: Sequence[Subject], images: bool = False) -> Exhibits:
    """Maps of all inputs, galleries of those whose images may be shown. images: also those of the user's own.

    Galleries take the thumbnails that they need, the maps share what is left.
    """
    named = list(zip(_names(subjects), subjects, strict=True))
    showing = [(name, subject) for name, subject in named if may_show(subject, images)]
    thumbnails, rows = Thumbnails(), max(ROWS // max(len(showing), 1), FEWEST_ROWS)
    several = len(subjects) > 1
    galleries = [
        replace(each, title=f"{name}: {each.title[:1].lower()}{each.title[1:]}") if several else each
        for name, subject in showing
        for each in _galleries(subject, name, thumbnails, rows)
    ]
    most = min(POINTS, max(2 * POINTS // max(len(subjects), 1), FEWEST_POINTS))
    for done, (_, subject) in enumerate(showing):
        share = thumbnails.room // (len(showing) - done)
        if subject.images is not None:
            index = subject.clean.index[_points(subject, most)[:share]]
            thumbnails.add_images(subject.images, index.tolist())
    maps = [
        replace(each, title=f"{name}: {each.title}") if several else each
        for name, subject in named
        for each in _maps(subject, _points(subject, most), thumbnails)
    ]
    return Exhibits(tuple(maps), tuple(galleries), thumbnails.by_key)


def _names(subjects: Sequence[Subject]) -> list[str]:
    """One for each input: its own where no other has it, else by as much of its path as tells it from the others."""
    names = [subject.name for subject in subjects]
    if len(set(names)) < len(names):
        names = of_paths([str(subject.facts["path"]) for subject in subjects])
    return [f"{name} #{n}" if names.count(name) > 1 else name for n, name in enumerate(names, 1)]


def _points(subject: Subject, most: int) -> Tensor:
    """(n,) which of its embeddings are points of its maps."""
    clean, drawn = subject.clean, generator(subject.measuring.seed)
    return subject.once(("points", most), lambda: stratified(clean.labels, len(clean), most, drawn))


def _galleries(subject: Subject, name: str, thumbnails: Thumbnails, rows: int) -> Iterator[Gallery]:
    """Those of one input that have something to show, as far as there is room."""
    if subject.images is not None:
        made = (
            negative_gallery.gallery(subject, subject.images, thumbnails, rows),
            view_gallery.gallery(subject, thumbnails, rows, prefix=name),
            point_gallery.gallery(subject, subject.images, thumbnails),
        )
        yield from (each for each in made if each is not None and each.rows)


def _maps(subject: Subject, points: Tensor, thumbnails: Thumbnails) -> Iterator[Map]:
    """Two of each space, of the same points."""
    clean, images = subject.clean, subject.images
    labels = None if clean.labels is None else clean.labels[points].tolist()
    classes = () if labels is None else tuple(class_names(labels, clean.classes))
    keys = (
        ()
        if images is None
        else tuple(thumbnails.key(images, number) for number in clean.index[points].tolist())
    )
    note = _note(len(points), len(clean), bool(classes))
    for space, rows in clean.spaces.items():
        axes = directions(rows)
        for pair in shown(axes):
            placed = tuple((x, y) for x, y in along(rows[points], axes, pair).tolist())
            x, y = (f"direction {number}: {percent(axes.share(number))} of the variance" for number in pair)
            reach = ISOTROPIC / rows.shape[1] ** 0.5 if pair == (1, 2) else 0.0
            close = max(abs(value) for point in placed for value in point) < reach / 2
            told = f"{note} {CLOSE}" if close else note
            yield Map(_title(space, pair, axes.active), x, y, placed, classes, keys, told, reach)


def _title(space: str, pair: tuple[int, int], active: int) -> str:
    if pair == (1, 2):
        return f"{space} along its first two principal directions"
    return f"{space} along the last two of its {active} active directions"


def _note(points: int, count: int, labelled: bool) -> str:
    if points == count:
        return f"All {count:,} embeddings, L2-normalised and centred."
    sampled = ", sampled in proportion to the classes" if labelled else ", sampled at random"
    return f"{points:,} of {count:,} embeddings{sampled}; L2-normalised and centred."
