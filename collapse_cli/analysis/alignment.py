"""Do views of one image meet, and do images spread out? Of one input, or of two sets whose rows are pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from collapse_cli.analysis import measuring
from collapse_cli.analysis.loss_pairs import SIDES, LossPairs, compared, loss_pairs
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics import alignment
from collapse_cli.metrics.modality import Modality, modality
from collapse_cli.metrics.signs import COMPLETE
from collapse_cli.values import null_of


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space. Classes and views are those of the viewed images."""
    for space, rows in subject.clean.spaces.items():
        pair, labels = None, subject.clean.labels
        if subject.views:
            first, second = subject.views
            pair = first.spaces[space], second.spaces[space]
            order = subject.clean.index.argsort()  # a file may number its images in any order
            chosen = order[torch.searchsorted(subject.clean.index[order], first.index)]
            rows, labels = rows[chosen], None if labels is None else labels[chosen]
        with concerning(f"{subject.name} · {space}"):
            loss = _of_loss(subject, space)
            of_loss = (loss.queries, loss.positives) if loss else None
            here = partial(measuring.placed, name=subject.measuring.device)
            pairs = [each and (here(each[0]), here(each[1])) for each in (pair, of_loss)]
            result = alignment.measure(here(rows), pairs[0], labels, subject.clean.classes, pairs[1])
        of_sides = {"query": SIDES[loss.sides.query], "positive": SIDES[loss.sides.positive]} if loss else {}
        settings = {
            "N": len(rows),
            "d": rows.shape[1],
            "alpha": 2,
            "t": 2,
            "seed": subject.measuring.seed,
            **of_sides,
        }
        yield Entry(subject.name, result, space, settings=settings)


def _of_loss(subject: Subject, space: str) -> LossPairs | None:
    """The pairs of the loss, in the space that it sees; None where they are the views themselves."""
    return None if space != subject.last_space or compared(subject).of_views else loss_pairs(subject)


def remarks(subject: Subject, entries: Sequence[Entry]) -> Iterator[str]:
    """Where alignment is left out, and what would bring it."""
    if not subject.has_views:
        remedy = "" if subject.raw else "; `collapse embed` writes them, and --pair takes two files"
        yield f"{subject.name} contains no augmented pairs, so alignment is not measured{remedy}"


def pairs(first: Subject, second: Subject) -> list[Entry]:
    """One entry for each space that both have in one width. Raises CollapseError where their rows are no pairs."""
    _refuse_unpaired(first, second)
    seed, entries = first.measuring.seed, []
    for space, rows in first.clean.spaces.items():
        others = second.clean.spaces.get(space)
        if others is not None and others.shape == rows.shape:
            with concerning(f"{first.name} × {second.name} · {space}"):
                result = modality(rows, others, generator(seed))
            settings = {"first": first.name, "second": second.name, "N": len(rows), "d": rows.shape[1]}
            entries.append(
                Entry(
                    f"{first.name} × {second.name}",
                    result,
                    space,
                    settings=settings | {"seed": seed},
                    answer=answer_of_pairs(result),
                    key_numbers=("recall_first", "modality_gap", "alignment"),
                )
            )
    if not entries:
        widths = [
            ", ".join(f"{space} {rows.shape[1]}" for space, rows in subject.clean.spaces.items())
            for subject in (first, second)
        ]
        raise CollapseError(
            f"{first.name} has embeddings of {widths[0]} dimensions, {second.name} of {widths[1]}",
            "pairs are compared in a space that both sides share, as the projections of two encoders do",
        )
    return entries


def _refuse_unpaired(first: Subject, second: Subject) -> None:
    if first.count != second.count:
        raise CollapseError(
            f"{first.name} has {first.count:,} embeddings and {second.name} has {second.count:,}, "
            "so they are no pairs",
            "row i of the first file must belong to row i of the second",
        )
    if not torch.equal(first.clean.index, second.clean.index):
        raise CollapseError(
            f"{first.name} and {second.name} are embeddings of different images",
            "row i of the first file must belong to row i of the second",
        )


def answer(result: alignment.Alignment) -> str:
    """How near views are beside images, and how far images spread out."""
    spread = f"uniformity is {written(result.uniformity)} (lower bound for this width: {written(null_of(result.uniformity))})"
    if result.alignment is None:
        return f"There are no views, so alignment cannot be measured; {spread}."
    apart = 2 * (1 - result.mean_cosine)  # mean squared distance of two images
    if apart < 2 * COMPLETE**2:
        cosine = f"All embeddings point almost one way (mean cosine {result.mean_cosine:.4f}), so views tell nothing"
        return f"{cosine}; {spread}. Whether that is a collapse: collapse diagnose."
    near = percent(result.alignment / apart)
    return f"The squared distance of two views of an image is {near} of that of two images; {spread}."


def answer_of_pairs(result: Modality) -> str:
    """Whether the two sides find each other, and how far apart they lie."""
    chance = f"guessing: {percent(null_of(result.recall_first))}"
    return (
        f"{percent(result.recall_first)} of the first set have their partner as nearest neighbour among {result.candidates:,} "
        f"({chance}); the centres of the two sets are {written(result.modality_gap)} apart."
    )
