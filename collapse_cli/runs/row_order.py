"""Whether a table of labels counts its rows in another order than that in which they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.runs.file_names import IDS, Column

INDICES = (
    *("", "1", *IDS, "ids", "idx", "index", "row", "row_id", "row_index", "sample", "sample_id", "sample_index"),
    *("number", "no", "unnamed: 0"),
)  # fmt: skip
"""Names, in small letters, of a column that may count rows; `1` is the first column of a table without a heading."""


def refuse_another_order(path: Path, columns: Mapping[str, Column], label: str) -> None:
    """Raises CollapseError where a column beside the labels has each number of 0 to N-1, or of 1 to N, but not in that order.

    Whether row 1 is that of the first embedding, or the one with the smallest number, only the user can know.
    """
    for name, cells in columns.items():
        if name != label and name.strip().lower() in INDICES and _is_shuffled(cells):
            raise CollapseError(
                f"{path}: column `{name.strip()}` counts the rows in another order than that of the lines ({_first(cells)}, …)",
                "sort the lines by it; or, if the embeddings are in the order of the lines, leave that column out",
            )


def _is_shuffled(cells: Column) -> bool:
    texts = [str(cell).strip() for cell in cells]
    if not all(text.isdecimal() and len(text) < 19 for text in texts):
        return False
    numbers = [int(text) for text in texts]
    ordered = sorted(numbers)
    counted = ordered in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))
    return counted and numbers != ordered


def _first(cells: Sequence[object]) -> str:
    return ", ".join(str(cell).strip() for cell in cells[:3])
