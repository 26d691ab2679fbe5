"""Values that say of which class something is -> numbers in [0, C) and the C names: one rule for images, embeddings and texts.

Classes are the distinct values, and their names are the values. So labels 10, 20, 30 are three classes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from collapse_cli.errors import CollapseError

HEADINGS = ("label", "labels")
COLUMNS = (*HEADINGS, "class", "class_name", "class_label", "class_id", "target", "targets", "category")
"""Names, in small letters, of a column of a table that may hold labels; the first two always do."""

LIKELY = (
    *("fine_label", *COLUMNS, "label_id", "label_name", "cls", "y", "species", "genus", "breed", "diagnosis", "category_id"),
    *("coarse_label", "superclass", "fine_labels", "coarse_labels", "classes", "classname", "label_text", "ground_truth"),
)  # fmt: skip
"""Names of a column of labels beside images, the likelier ones first: taken where it is the only one that may be meant."""

DIGITS = 4000  # of a number that is read as one: Python reads no more than 4,300
WHOLE = re.compile(rf"[+-]?\d{{1,{DIGITS}}}")
EXPECTED = "whole numbers or names"

Order = tuple[int, int, str]


def natural(name: str) -> list[Order]:
    """What names are sorted by: digits as the number that they are, so 2 comes before 10, and cat2 before cat10."""
    if WHOLE.fullmatch(name):
        return [(0, int(name), "")]
    parts = re.split(r"(\d+)", name)
    return [
        (0, int(part), "") if part.isdecimal() and len(part) <= DIGITS else (1, 0, part) for part in parts
    ]


def is_missing(value: Any) -> bool:
    """Whether there is no label: null, not a number, or an empty text."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def is_whole(value: Any) -> bool:
    """Whether a label is a whole number, or the text of one."""
    if isinstance(value, str):
        return WHOLE.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbered(values: Sequence[Any], source: str, what: str = "labels") -> tuple[list[int], tuple[str, ...]]:
    """N values -> N numbers in [0, C), and the C names, numbers in the order of numbers and all others in natural order.

    source: where they are from. Raises CollapseError for values that are missing, and that are no whole numbers or names.
    """
    if gone := sum(map(is_missing, values)):
        of = "" if source == what else f" of {source}"
        raise CollapseError(
            f"{gone:,} of {len(values):,} {what}{of} are missing", f"give every row its {what[:-1]}"
        )
    names = {value: _name(value, source, what) for value in _distinct(values, source, what)}
    ordered = sorted(set(names.values()), key=lambda name: (natural(name), name))
    places = {name: number for number, name in enumerate(ordered)}
    return [places[names[value]] for value in values], tuple(ordered)


def _distinct(values: Sequence[Any], source: str, what: str) -> set[Any]:
    try:
        return set(values)
    except TypeError:  # lists and dicts
        raise CollapseError(
            f"{source} contains lists as {what}", f"{what} must be {EXPECTED}, one for each row"
        ) from None


def _name(value: Any, source: str, what: str) -> str:
    """A whole number has one name, whatever its type."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | int):
        return str(value)
    try:
        whole = int(value)
        fraction = whole != value
    except (TypeError, ValueError, OverflowError):
        raise CollapseError(
            f"{source} contains a {type(value).__name__} as one of its {what}", f"{what} must be {EXPECTED}"
        ) from None
    if fraction:
        raise CollapseError(
            f"{source} contains numbers with fractions as {what}, such as {value:g}",
            f"{what} must be {EXPECTED}",
        )
    return str(whole)


def likely(names: Iterable[str]) -> list[str]:
    """Those of the names of columns that labels usually have, the likeliest first."""
    each = list(names)
    return [name for usual in LIKELY for name in each if name.lower() == usual]
