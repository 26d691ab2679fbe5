"""Files of labels in a folder, and the sets of rows that they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from collapse_cli.runs import shards
from collapse_cli.runs.members import LABEL_WORDS, ROW_WORDS, Member, Part, words


def labelled(sets: Sequence[Part], labels: Sequence[Member], folder: Path) -> list[Part]:
    """The same, each with the files of labels that are named as it is and of its length; of one set, with the only ones."""
    groups = [list(group) for _, group in groupby(labels, key=lambda member: member.name.texts)]
    return [
        next(
            (
                _with(part, group)
                for group in groups
                if _belong(part, group, len(sets) == len(groups) == 1, folder)
            ),
            part,
        )
        for part in sets
    ]


def _belong(part: Part, group: Sequence[Member], only: bool, folder: Path) -> bool:
    """Whether labels are those of a set: of as many rows, and named alike."""
    counted = sum(len(member.array) for member in group) == sum(
        len(shards.mapped(file)) for file in part.files
    )
    of_set, of_labels = (
        set(words(path.relative_to(folder).with_suffix("").as_posix())) - LABEL_WORDS - ROW_WORDS
        for path in (part.files[0], group[0].file)
    )
    return counted and (only or of_set == of_labels)


def _with(part: Part, group: Sequence[Member]) -> Part:
    files = tuple(member.file for member in group)
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return replace(part, labels=files, notes=(*part.notes, f"labels: {files[0].name}{more}"))
