"""The place of every result in a document, so that a colour means the same thing in all of its charts.

A document of one subject: a space has its place, h the first and z the second, also where only one of them is drawn. Of several
subjects: each has its place in all charts of one space; charts of several subjects and several spaces take places after those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from collapse_cli.answers import BETWEEN
from collapse_cli.views.document import Document, Metric, Subject, subject_of, subjects
from collapse_cli.views.words import SPACES


@dataclass(frozen=True)
class Measured:
    """One metric of one result. result: the result's name in its document; subject: that of its subject, empty where the
    document has but one; label: what tells it from the others of its chart; place: its own in the document, of_subject: the one
    that it has among results of one space.
    """

    result: str
    space: str
    place: int
    metric: Metric
    of_subject: int = 0
    label: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Order:
    """The subjects of a document with their names, its spaces, and every pair of both, in order of first appearance."""

    subjects: dict[Subject, str]
    spaces: tuple[str, ...]
    pairs: tuple[tuple[Subject, str], ...]

    def measured(self, name: str, entry: dict[str, Any], metric: Metric) -> Measured:
        """A metric of this entry, which is called `name`."""
        subject, space = subject_of(entry), entry["space"]
        if len(self.subjects) == 1:
            place = self.spaces.index(space)
            return Measured(name, space, place, metric, place)
        place = len(self.subjects) + self.pairs.index((subject, space))
        among = list(self.subjects).index(subject)
        return Measured(name, space, place, metric, among, subject=self.subjects[subject])


def order(document: Document) -> Order:
    """Of the results that have numbers; subjects of which something is drawn come before others."""
    results = [result for result in document["results"] if result["metrics"]]
    named = subjects(document)
    spaces = dict.fromkeys(result["space"] for result in results)
    drawn = {subject_of(result) for result in results if _is_drawn(result)}
    ordered = sorted(dict.fromkeys(map(subject_of, results)), key=lambda subject: subject not in drawn)
    ranked = {space: None for space in (*SPACES, *spaces) if space}
    pairs = dict.fromkeys((subject_of(result), result["space"]) for result in results)
    return Order(
        {subject: named[subject] for subject in ordered},
        ("", *ranked) if set(spaces) == {""} else (*ranked, ""),
        tuple(pairs),
    )


def _is_drawn(result: dict[str, Any]) -> bool:
    """Whether it has more than numbers alone, or one of those that are drawn against each other."""
    return any(metric["kind"] != "number" or "axis" in metric for metric in result["metrics"].values())


def labelled(measured: Sequence[Measured]) -> list[Measured]:
    """Each with its place in this chart and its label: its space where all are of one subject, its subject where all are of one
    space, else both.
    """
    alone = len({each.space for each in measured}) == 1
    placed = [replace(each, place=each.of_subject) if alone else each for each in measured]
    labels = [_label(each, alone) for each in placed]
    unique = len(set(labels)) == len(labels)
    return [replace(e, label=label if unique else e.result) for e, label in zip(placed, labels, strict=True)]


def _label(each: Measured, alone: bool) -> str:
    if not each.subject:
        return each.space or each.result
    return each.subject if alone or not each.space else f"{each.subject}{BETWEEN}{each.space}"
