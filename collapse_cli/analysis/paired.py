"""Views of the same images that a file does not hold itself: a second file, or a column that says which rows are views of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from collapse_cli import remote
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.runs import embeddings, groups
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings

MATCHED = 2000  # rows, the first of both files, whose order is compared
NEARER = 0.7  # than the nearest other image: then it is the view of one


def paired(subject: Subject, source: Source | None) -> Subject:
    """With the views that --second or --views-of name, of a file of embeddings.

    Raises CollapseError for an input that makes its own views, and for views that do not fit.
    """
    second, views_of = subject.measuring.second, subject.measuring.views_of
    if not second and not views_of:
        return subject
    if subject.case is not None or subject.raw:
        raise CollapseError(
            f"{subject.name} contains no embeddings; --second and --views-of go with a file of embeddings",
            "leave them out: a network makes its own views",
        )
    if second and views_of:
        raise CollapseError("--second and --views-of both name the views", "give only one of them")
    return (
        _second(subject, remote.local_path(Path(second))) if second else _views_of(subject, source, views_of)
    )


def _second(subject: Subject, path: Path) -> Subject:
    """Row n of the file is another view of the image of row n."""
    other = embeddings.load(Source(path, subject.measuring.column), unpack=subject.measuring.unpack)
    for space, rows in subject.rows.items():
        here, there = tuple(rows.shape), tuple(other.every[space].shape) if space in other.every else None
        if here != there:
            description = "no such space" if there is None else f"shape {there}"
            raise CollapseError(
                f"--second {path}: its {space} has {description}, but that of {subject.name} has shape {here}",
                "give the embeddings of another view of the same images, in the same order",
            )
    _refuse_another_order(subject.rows["h"][0:MATCHED], other.every["h"][0:MATCHED], path)
    place = torch.arange(subject.count) if subject.places is None else subject.places
    views = replace(
        subject.clean,
        representations=other.every["h"][place],
        projections=other.every["z"][place] if "z" in subject.rows else None,
    )
    return replace(subject, stored_views=(subject.clean, views))


def _refuse_another_order(first: Tensor, second: Tensor, path: Path) -> None:
    """Raises CollapseError where the rows (n,D) of the second view lie by other rows of the first than their own.

    Views that say nothing of their image lie by none: no nearer than other images do.
    """
    a, b = (rows.double() - rows.double().mean(dim=0) for rows in (first, second))
    across, among = torch.cdist(a, b), torch.cdist(a, a).fill_diagonal_(torch.inf)
    nearest, partner = across.amin(dim=1).median(), across.diagonal().median()
    if nearest < NEARER * among.amin(dim=1).median() and partner > across.median() / 2:
        raise CollapseError(
            f"--second {path}: its embeddings match other rows among the first {len(a):,} better "
            "than the rows of the same place",
            "give both views of the same images in the same order",
        )


def _views_of(subject: Subject, source: Source | None, text: str) -> Subject:
    """Two rows of each image that has as many; rows of one image are a group, unless groups are given."""
    owner = groups.read(text, source, subject.count, "--views-of")  # (N,)
    first, second = _two_of_each(owner)
    if len(first) < 2:
        raise CollapseError(
            f"--views-of {text}: fewer than two images have two embeddings",
            "name the column that identifies the image",
        )
    views = tuple(_of_rows(subject, chosen, owner[chosen]) for chosen in (first, second))
    group_of_row = owner if subject.groups is None else subject.groups
    return replace(subject, stored_views=(views[0], views[1]), groups=group_of_row)


def _two_of_each(owner: Tensor) -> tuple[Tensor, Tensor]:
    """Places (n,) of the first and of the second row of each of the n images that have two."""
    order = owner.argsort(stable=True)
    ids = owner[order]
    starts = torch.ones_like(ids, dtype=torch.bool)
    starts[1:] = ids[1:] != ids[:-1]
    place = starts.nonzero()[:, 0]
    sizes = torch.diff(place, append=place.new_tensor([len(ids)]))
    place = place[sizes > 1]
    return order[place], order[place + 1]


def _of_rows(subject: Subject, chosen: Tensor, images: Tensor) -> Embeddings:
    """Rows of the file (n,) as embeddings of these images."""
    rows: Sequence[Tensor | None] = [
        subject.rows[space][chosen] if space in subject.rows else None for space in ("h", "z")
    ]
    assert rows[0] is not None
    return Embeddings(rows[0], rows[1], None, images, (), subject.clean.source)
