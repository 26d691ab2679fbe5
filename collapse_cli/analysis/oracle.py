"""How many negatives are false? From labels alone, or measured on a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from collapse_cli import data
from collapse_cli.analysis import image_sets, measuring
from collapse_cli.analysis.label_remedies import of_images, without_labels
from collapse_cli.analysis.loss_pairs import OWN_QUEUE, SIDES, keys, loss_pairs
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Answer, Entry
from collapse_cli.answers import answer as answered
from collapse_cli.data.surveyed import as_needed
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.figures import percent, written
from collapse_cli.metrics import oracle
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.oracle_expected import Expected, expected
from collapse_cli.metrics.rows import broken, directions, refuse
from collapse_cli.settings import Training
from collapse_cli.shapes import Framing

WHY = "which tell false negatives from true ones"
KEYS, TEMPERATURE = 4096, 0.2  # where neither the user nor the run says


def from_labels(measuring: Measuring, queue: int = 0, batch: int = 0) -> Answer:
    """What the class sizes of a data set alone say of a queue of K keys; batch: images per step, B; 0: 64, as training has it."""
    if not measuring.dataset:
        raise CollapseError(
            "there is nothing to measure", "give a run, or --dataset NAME for the labels alone"
        )
    measuring = measuring.settled(measuring.dataset)
    counts, classes, notes = _counts(measuring)
    batch = min(batch or Training.batch, sum(counts))
    result = expected(counts, classes, queue or KEYS, batch)
    settings = {"K": queue or KEYS, "N": sum(counts), "B": batch}
    entry = Entry(
        f"{measuring.dataset}/{measuring.split}", result, settings=settings, answer=answer_from_labels(result),
        key_numbers=("false_negatives", "share", "none_at_all"),
    )  # fmt: skip
    return answered("oracle", [entry], warnings=[f"{measuring.dataset}: {note.sentence}" for note in notes])


def _counts(measuring: Measuring) -> tuple[Sequence[int], Sequence[str], Sequence[DataNote]]:
    """Class counts, names and what is not used: facts for the named sets, read from the data for the others."""
    if measuring.dataset in data.NAMES and not measuring.labels:
        facts = data.facts(measuring.dataset)
        return facts.of(measuring.split), facts.classes, ()
    with as_needed():
        images = image_sets.load(
            measuring.dataset, measuring.split, measuring, measuring.data_dir, measuring.download, Framing()
        )
    if images.labels is None:
        raise CollapseError(f"{images.name} has no labels, {WHY}", of_images(measuring.dataset))
    present, counts = torch.unique(images.labels, return_counts=True)
    return counts.tolist(), class_names(present.tolist(), images.classes), images.notes


def _labels(labels: Tensor | None, subject: Subject) -> Tensor:
    if labels is None:
        raise without_labels(subject, WHY)
    return labels


def measure(subject: Subject, queue: int = 0, temperature: float = 0.0, batch: int = 0) -> Iterator[Entry]:
    """On what the loss compares; without a loss that is known, on the projections (representations where there are none).

    queue, temperature: 0: the run's own. batch: of a run it is known.
    """
    if batch:
        raise CollapseError(
            f"--batch {batch} goes with the labels alone, and {subject.name} was given",
            "leave out --batch: of a run it is the run's own",
        )
    space, (first, *_) = subject.last_space, subject.views or (subject.clean,)
    labels = _labels(first.labels if first.labels is not None else subject.clean.labels, subject)
    drawn = keys(subject, queue, KEYS)
    pairs = loss_pairs(subject, drawn.sides)
    T = temperature or subject.temperature or TEMPERATURE
    queries = first.spaces[space] if pairs is None else pairs.queries
    with concerning(f"{subject.name} · {space}"):
        for rows in (queries, drawn.rows):
            refuse(broken(rows), max(len(rows), 2))  # a single query is enough
        here = partial(measuring.placed, name=subject.measuring.device)
        result = oracle.oracle(
            here(of_length_1(queries)), here(of_length_1(drawn.rows)), here(labels),
            here(_labels(drawn.origin.labels, subject)), here(first.index), here(drawn.origin.index), T,
            None if pairs is None else here(of_length_1(pairs.positives)), drawn.left_out,
        )  # fmt: skip
    if drawn.what == OWN_QUEUE and subject.case and subject.case.trained:
        result = replace(result, stale_key=subject.case.trained.stale_key())
    settings = {"queries": result.queries, "K": result.keys, "T": T, "keys": drawn.what, "L2": True}
    if pairs is not None:
        settings |= {"query": SIDES[pairs.sides.query], "positive": SIDES[pairs.sides.positive]}
    yield Entry(subject.name, result, space, settings=settings | {"seed": subject.measuring.seed})


def of_length_1(rows: Tensor) -> Tensor:
    """Rows (N,d) float32 at length 1, as a loss has them, of any scale, which float64 takes off; zeros stay zeros."""
    exact = rows.double()
    return torch.where((exact != 0).any(dim=1, keepdim=True), directions(exact), 0.0).float()


def answer(result: oracle.Oracle) -> str:
    """How often the hardest negative of a query is false, and what that does to the loss."""
    return (
        f"The hardest key of a query is of the query's class in {percent(result.rank_1)} of the cases (all keys: "
        f"{percent(result.share)}): such a negative is false. False negatives hold {percent(result.mass)} of the softmax mass."
    )


def answer_from_labels(result: Expected) -> str:
    """How many false negatives a query has on average, from class sizes alone."""
    return (
        f"Of {result.queue:,} negatives, {written(result.false_negatives)} on average are of the query's class and so false "
        f"({percent(result.share, 1)})."
    )
