"""Which embeddings of an input are not independent: groups that the user names, or that names of files suggest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from collapse_cli.analysis.array_inputs import Labels, classes
from collapse_cli.analysis.subject import Subject
from collapse_cli.answers import Entry
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.copies_words import suggest_groups
from collapse_cli.metrics.groups import renumbered
from collapse_cli.metrics.spectrum import Spectrum
from collapse_cli.runs import groups
from collapse_cli.runs.source import Source


def grouped(subject: Subject, source: Source | None = None) -> Subject:
    """With the groups that were asked for. source: the file of embeddings, whose columns they may be.

    Of a network they are those of its images, or of all images of the split.
    """
    text = subject.measuring.groups
    if not text:
        count = _suggested(subject, source)
        return replace(subject, suggested=count) if count else subject
    images = subject.case.images if subject.case else None
    if images is None or source is not None or len(images) == subject.count:
        return replace(subject, groups=groups.read(text, source, subject.count))
    return replace(subject, groups=renumbered(groups.read(text, None, len(images))[subject.clean.index]))


def grouped_by(subject: Subject, grouping: Labels) -> Subject:
    """With groups (N,), whole numbers or names, or the path of a file. Raises CollapseError for others."""
    if grouping is None or (isinstance(grouping, str) and not grouping):
        return subject
    owner = classes(grouping, subject.count, "groups")[0]
    original = subject.original and replace(subject.original, groups=owner)
    return replace(subject, groups=owner, original=original)


def _suggested(subject: Subject, source: Source | None) -> int:
    """How many groups the files suggest that the embeddings are of; 0 where they suggest none."""
    labels = None if subject.clean.labels is None else subject.clean.labels.tolist()
    names: Sequence[Any] = ()
    if subject.case and subject.case.images.files:
        names = [subject.case.images.files[place] for place in subject.clean.index.tolist()]
    elif source is not None:
        names = next((list(column) for column in _columns(source).values()), [])
        labels = labels if len(names) == len(subject.clean) else None
    return groups.suggested(names, labels) or 0 if len(names) else 0


def _columns(source: Source) -> dict[str, Any]:
    """Names of files beside embeddings; what cannot be read says nothing."""
    try:
        return groups.columns(source, groups.PATHS)
    except (CollapseError, OSError, ValueError):
        return {}


def remarks(subject: Subject, entries: Sequence[Entry], **options: Any) -> Iterator[str]:
    """Where files or copies suggest that embeddings are not independent, and nobody has said so: one sentence."""
    if subject.groups is not None:
        return
    copied = any(
        isinstance(entry.result, Spectrum) and suggest_groups(entry.result, subject.codes is not None)
        for entry in entries
    )
    if not subject.suggested and not copied:
        return
    why = (
        f"the names of the files suggest {subject.suggested:,} groups"
        if subject.suggested
        else "many of them are copies"
    )
    yield (
        f"{subject.name}: {why}, and intervals treat {'distinct' if copied else 'all'} embeddings "
        "as independent; where several embeddings belong to one user, video or document, name it "
        "with --groups FILE"
    )
