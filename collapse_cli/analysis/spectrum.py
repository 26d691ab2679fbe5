"""How many dimensions do embeddings use? The spectrum of each space, with the verdict on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collapse_cli.analysis.subject import Subject, generator
from collapse_cli.answers import Entry
from collapse_cli.errors import concerning
from collapse_cli.metrics.advice import Context
from collapse_cli.metrics.copies_words import mostly_one_point
from collapse_cli.metrics.groups import renumbered
from collapse_cli.metrics.other_rows import others
from collapse_cli.metrics.spectrum import Spectrum, never_negative, spectrum
from collapse_cli.metrics.verdict import verdict
from collapse_cli.shapes import Rows, class_count


def measure(subject: Subject) -> Iterator[Entry]:
    """One entry for each space, beside the network before its training where that is known."""
    for space in subject.rows:
        result = of_space(subject, space, subject.untrained)
        judged = verdict(result, context(subject, space))
        yield Entry(subject.name, result, space, settings=settings(subject, result), verdict=judged)


def of_space(subject: Subject, space: str, initial: Mapping[str, Rows]) -> Spectrum:
    """Beside embeddings of its kind, and beside those of the network at initialisation, by space, if there are any."""

    def compute() -> Spectrum:
        rows = subject.rows[space]
        with concerning(f"{subject.name} · {space}"):
            return spectrum(
                rows,
                generator(subject.measuring.seed),
                relu=never_negative(rows),
                untrained=initial.get(space),
                groups=subject.groups,
            )

    return subject.once(("spectrum", space, initial is subject.untrained), compute)


def of_others(subject: Subject, space: str, result: Spectrum) -> Spectrum | None:
    """Of the embeddings beside those that are one point, where half or more are; None where fewer are, or no two others."""
    copies = result.copies
    if copies is None or not mostly_one_point(result):
        return None

    def compute() -> Spectrum | None:
        rest = others(subject.rows[space], copies)
        if len(rest) < 2:
            return None
        groups = None if subject.groups is None else renumbered(subject.groups[rest.places])
        seeded = generator(subject.measuring.seed)
        return spectrum(rest, seeded, relu=never_negative(rest), groups=groups)

    return subject.once(("spectrum of the others", space), compute)


def context(subject: Subject, space: str) -> Context:
    """What is known without looking at views; the loss is that of the last space, the only one that it sees."""
    count = class_count(subject.clean.labels, subject.clean.classes)
    facts: dict[str, Any] = {"space": space, "classes": count}
    if subject.checkpoint:
        facts["method"] = subject.checkpoint.run.method
    if subject.negatives:
        facts["queue"] = subject.negatives.filled
    lines = subject.history()
    if lines and space == list(subject.rows)[-1]:
        facts |= {"loss": lines[-1]["loss"], "chance": lines[-1]["chance"]}
    return Context(**facts)


def settings(subject: Subject, result: Spectrum) -> dict[str, Any]:
    """What a result was measured with."""
    kind = {"null": "isotropic, ReLU"} if result.rectified else {}
    return {"split": subject.clean.source, "seed": subject.measuring.seed, "eps": 0} | kind
