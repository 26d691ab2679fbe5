"""What do frozen embeddings tell of their classes? kNN, and linear probes on all labels and on few."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis import measuring
from collapse_cli.analysis.label_remedies import without_labels
from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.data.splits import Unlabelled
from collapse_cli.data_notes import EXAMPLES
from collapse_cli.errors import concerning
from collapse_cli.figures import percent
from collapse_cli.metrics.class_names import class_names
from collapse_cli.metrics.copies import counted
from collapse_cli.metrics.probe import Probe, kept_together, probe, stratified
from collapse_cli.shapes import Embeddings
from collapse_cli.values import null_of


def measure(
    subject: Subject, per_class: int = 10, replications: int = 3, k: int = 20, temperature: float = 0.07
) -> Iterator[Entry]:
    """One entry for each space."""
    seed = subject.measuring.seed
    unlabelled = _test_is_unlabelled(subject)
    train, test, copies = _halves(subject, unlabelled)
    settings: dict[str, Any] = {"train": train.source, "test": test.source, "N": len(train), "M": len(test)}
    settings |= {"classes": len(torch.unique(_labels(train))), "k": min(k, len(train)), "T": temperature}
    settings |= {"labels per class": per_class, "replications": replications, "seed": seed}
    settings |= {"copies": copies} if copies else {}
    settings |= {"test split": "without labels: a part of train is held out"} if unlabelled else {}
    unseen, untested = _unseen(train, test), _unseen(test, train)
    settings |= ({"unseen classes": unseen} if unseen else {}) | (
        {"untested classes": untested} if untested else {}
    )
    for space, rows in train.spaces.items():
        with concerning(f"{subject.name} · {space}"):
            here = partial(measuring.placed, name=subject.measuring.device)
            result = probe(
                here(rows), here(_labels(train)), here(test.spaces[space]), here(_labels(test)), generator(seed),
                per_class, replications, k, temperature,
            )  # fmt: skip
        yield Entry(subject.name, result, space, settings=settings)


def _test_split(subject: Subject) -> Embeddings | None:
    """The test split, whether or not it has labels; None where there is none beside what is measured. Embedded once."""
    if subject.measuring.split != "train":
        return None
    return subject.once("test split", lambda: subject.split("test"))


def _test_is_unlabelled(subject: Subject) -> bool:
    """Whether there is a test split, but not one label of it."""
    if subject.clean.labels is None:
        raise without_labels(subject, "which a probe needs")
    try:
        test = _test_split(subject)
    except Unlabelled:
        return True
    return test is not None and test.labels is None


def _halves(subject: Subject, unlabelled: bool) -> tuple[Embeddings, Embeddings, str]:
    """Embeddings to fit on and others to be judged on: train and test split, or those at hand, cut within each class.

    unlabelled: the test split has no labels, so it judges nothing. Cut are otherwise the rows of a file, and those of any split
    but train, for they are, or hold, the test split themselves. Copies are never on both sides; the last is what that took, in
    words.
    """
    test = None if unlabelled else _test_split(subject)
    if test is not None:
        return subject.clean, *_without_copies(subject.clean, test)
    labels = _labels(subject.clean)
    owner = _owner(subject.clean.representations, labels)
    with concerning(subject.name):
        fitted, judged = stratified(labels, generator(subject.measuring.seed), owner=owner)
    note = "" if owner is None else "on one side of the split"
    return _part(subject.clean, fitted, "80 %"), _part(subject.clean, judged, "20 %"), note


def _unseen(train: Embeddings, test: Embeddings) -> str:
    """Which classes of the second the first lacks, and how many embeddings they have; empty where it lacks none."""
    gone = ~torch.isin(_labels(test), _labels(train))
    names = class_names(torch.unique(_labels(test)[gone]).tolist(), test.classes)
    if not names:
        return ""
    words = ", ".join(names[:EXAMPLES]) + (" and others" if len(names) > EXAMPLES else "")
    return f"{len(names):,} ({words}), with {int(gone.sum()):,} embeddings"


def _owner(rows: Tensor, labels: Tensor) -> Tensor | None:
    """(N,) int64, equal for rows (N,D) that are copies; None where there are none."""
    owner = counted(rows).owner
    owner = None if owner is None else kept_together(owner, labels)
    return None if owner is None or int(owner.max()) + 1 == len(owner) else owner


def _without_copies(train: Embeddings, test: Embeddings) -> tuple[Embeddings, str]:
    """The test split without what is a copy of a row of the train split, and what was left out, in words."""
    rows = torch.cat([train.representations, test.representations])
    owner = _owner(rows, torch.cat([_labels(train), _labels(test)]))
    if owner is None:
        return test, ""
    remaining = (~torch.isin(owner[len(train) :], owner[: len(train)])).nonzero()[:, 0]
    left_out = len(test) - len(remaining)
    if len(remaining) < 2 or not left_out:
        return test, ""
    rest = _part(test, remaining, "")
    return replace(rest, source=test.source), f"{left_out:,} of {len(test):,} test embeddings left out"


def _part(whole: Embeddings, chosen: Tensor, share: str) -> Embeddings:
    """The chosen (n,) rows."""
    return replace(
        whole,
        representations=whole.representations[chosen],
        projections=None if whole.projections is None else whole.projections[chosen],
        labels=_labels(whole)[chosen],
        index=whole.index[chosen],
        source=f"{share} of {whole.source}",
    )


def _labels(embeddings: Embeddings) -> Tensor:
    assert embeddings.labels is not None
    return embeddings.labels


def remarks(
    subject: Subject, entries: Sequence[Entry], per_class: int = 10, k: int = 20, **others: float
) -> Iterator[str]:
    """What was measured otherwise than asked."""
    last = entries[-1]
    if "test split" in last.settings:
        yield f"{subject.name}: the test split is {last.settings['test split']}"
    if "copies" in last.settings:
        yield f"{subject.name}: some embeddings are copies, which a probe could memorise: {last.settings['copies']}"
    if "unseen classes" in last.settings:
        yield (
            f"{subject.name}: classes that only the test embeddings have: {last.settings['unseen classes']}; every probe is "
            "wrong on these, for it never saw their class"
        )
    if "untested classes" in last.settings:
        yield (
            f"{subject.name}: classes that only the training embeddings have: {last.settings['untested classes']}; no accuracy "
            "tells anything of these"
        )
    if last.neighbours < k:
        yield f"{subject.name}: k is lowered from {k} to {last.settings['N']}, the number of training embeddings"
    if last.few_labels is None:
        yield (
            f"{subject.name}: the few-label probe is left out, because a class has fewer than {per_class} labels; lower "
            "--per-class"
        )


def answer(result: Probe) -> str:
    """How often each probe is right."""
    few = ""
    if result.few_labels is not None:
        few = f", with {result.per_class} labels of each class on {percent(result.few_labels, 1)}"
    guessing = f"guessing: {percent(null_of(result.linear), 1)}"
    return (
        f"A linear probe is right on {percent(result.linear, 1)} of the test images{few}; kNN on {percent(result.knn, 1)} "
        f"({guessing}){_no_better(result.linear)}."
    )


def _no_better(accuracy: float) -> str:
    """What is said where the interval of an accuracy reaches down to guessing."""
    interval = getattr(accuracy, "interval", None)
    return ": no better than guessing" if interval and interval[0] <= null_of(accuracy) else ""
