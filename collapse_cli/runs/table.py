"""What a table of embeddings gives: rows, labels, and the columns that are neither."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.labels import WHOLE, numbered

COUNTS = re.compile(r"|id|index|Unnamed: \d+|__index_level_\d+__")
"""Names of columns that count the rows, as pandas writes them, and measure nothing."""


@dataclass(frozen=True)
class Table:
    """rows: (N,D) by name; labels (N,) int64 with the names of the classes, or None; aside: columns that were left out."""

    rows: dict[str, Tensor]
    labels: Tensor | None
    classes: tuple[str, ...]
    aside: tuple[str, ...]


def labelled(values: Sequence[Any], path: Path) -> tuple[Tensor, tuple[str, ...]]:
    """The cells of a column `label`, whole numbers or names, one for each row. Raises CollapseError where one is empty."""
    if any(value is None or value == "" for value in values):
        raise CollapseError(f"{path}: a row has no label", "give every row one, or leave the column out")
    if all(isinstance(value, str) and WHOLE.fullmatch(value) for value in values):
        values = [int(value) for value in values]
    return numbered(values, f"{path}, column label")
