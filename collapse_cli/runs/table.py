"""What a table of embeddings gives: rows, labels, and the columns that are neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.class_labels import HEADINGS, is_missing
from collapse_cli.errors import CollapseError
from collapse_cli.runs.columns import Choice
from collapse_cli.runs.families import brief
from collapse_cli.runs.labels import numbered
from collapse_cli.shapes import Rows


@dataclass(frozen=True)
class Table:
    """rows: (N,D) by name; labels (N,) int64 with the names of the classes, or None; aside: columns that were left out.

    chosen: which columns are the rows, in words; of: the column that the labels are, where its name is not `label`.
    """

    rows: Mapping[str, Rows]
    labels: Tensor | None = None
    classes: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    chosen: str = ""
    of: str = ""

    @property
    def assumed(self) -> tuple[str, ...]:
        """What was made of the table, a line each."""
        lines = {"embeddings": self.chosen, "labels": self.of, "left out": brief(self.aside)}
        return tuple(f"{what}: {words}" for what, words in lines.items() if words)


def table(
    path: Path, choice: Choice, rows: Mapping[str, Rows], name: str = "", cells: Sequence[Any] = ()
) -> Table:
    """name, cells: the column of labels. Where only its name suggests labels, it is left out if it cannot be."""
    if choice.label is None:
        return Table(rows, None, (), choice.aside, choice.words)
    if name.lower() in HEADINGS:
        return Table(rows, *labelled(cells, path, name), choice.aside, choice.words)
    complete = not any(cell is None or cell == "" for cell in cells)
    if complete and 2 * len(set(cells)) <= len(cells):  # a class has several samples
        return Table(rows, *labelled(cells, path, name), choice.aside, choice.words, f"the column {name}")
    return Table(rows, None, (), (*choice.aside, name), choice.words)


def labelled(cells: Sequence[Any], path: Path, name: str = "label") -> tuple[Tensor, tuple[str, ...]]:
    """The cells of a column of labels, whole numbers or names, one for each row. Raises CollapseError where one is empty."""
    if any(is_missing(cell) for cell in cells):
        raise CollapseError(f"{path}: a row has no label", "give every row a label, or leave out the column")
    return numbered(cells, f"{path}, column {name}")
