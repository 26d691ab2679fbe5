"""Lists in cells of text, as pandas writes them: "[0.1, 0.2]", and numpy's "[0.1 0.2]" that may run over several lines."""

from __future__ import annotations

import re
from typing import Any

import numpy
import pyarrow
from pyarrow import compute

from collapse_cli.errors import CollapseError
from collapse_cli.runs.arrow_columns import Cells

CELL = re.compile(r"\s*\[(.*)\]\s*", re.DOTALL)
ELLIPSIS = "..."


def is_list(cell: str) -> bool:
    """Whether a cell is a list of numbers, to its first one at least."""
    inner = CELL.fullmatch(cell)
    return inner is not None and (not inner[1].strip() or is_number(re.split(r"[\s,]+", inner[1].strip())[0]))


def lists(column: Cells) -> pyarrow.Array:
    """Cells (n,) of text -> n lists of numbers. Raises ArrowInvalid for a cell that is none."""
    inner = compute.replace_substring_regex(column, r"^\s*\[\s*|\s*\]\s*$", "")
    parts = compute.split_pattern_regex(inner, r"\s*,\s*|\s+")
    return parts.cast(pyarrow.list_(pyarrow.float64()))


def numbers(cell: str, where: str) -> numpy.ndarray[Any, Any]:
    """One cell, slowly -> (D,). Raises CollapseError that names what is wrong with it."""
    inner = CELL.fullmatch(cell)
    if inner is None:
        raise CollapseError(f"{where}: {brief(cell)!r} is not a list", 'a cell must read "[0.1, 0.2]"')
    if ELLIPSIS in cell:
        raise CollapseError(
            f"{where}: numpy wrote '...' in place of most numbers",
            "write the table again with whole lists in its cells, or the vectors alone with numpy.save",
        )
    parts = re.split(r"\s*,\s*|\s+", inner[1].strip())
    wrong = next((part for part in parts if not is_number(part)), None)
    if wrong is not None:
        raise CollapseError(
            f"{where}: {brief(wrong)!r} in a list is not a number", 'a cell must read "[0.1, 0.2]"'
        )
    return numpy.array([float(part) for part in parts])


def brief(cell: str, letters: int = 40) -> str:
    """Of a long cell, the beginning."""
    return cell if len(cell) <= letters else f"{cell[:letters]}…"


def is_number(text: str) -> bool:
    """Whether a cell is a number, without the underscores that Python allows."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
