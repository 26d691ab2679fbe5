"""Columns of a table by name: which share a stem and a counter, and which only count the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

COUNTS = re.compile(r"|id|index|Unnamed: \d+|__index_level_\d+__")
"""Names of columns that count the rows, as pandas writes them, and measure nothing."""

COUNTER = re.compile(r"\d{1,9}(?=\D*$)")  # the last number in a name
SEPARATORS = "_-. []()"
FEW, LETTERS = 8, 40  # names in a sentence, and letters of each


@dataclass(frozen=True)
class Column:
    """name; kind: what a cell holds; whole: the numbers are whole; classes: its cells may be labels."""

    name: str
    kind: Literal["number", "list", "other"]
    whole: bool = False
    classes: bool = False


@dataclass(frozen=True)
class ByName:
    """Every column of a table, whichever are the rows. read: name of a column -> its cells (N,)."""

    names: Sequence[str]
    read: Callable[[str], Sequence[Any]]


@dataclass(frozen=True)
class ColumnFamily:
    """Columns that may be the rows. stem: what --column takes for them; gap: the first counter that is missing."""

    stem: str
    places: tuple[int, ...]
    words: str
    gap: str = ""


def numbers(columns: Sequence[Column], label: int | None) -> list[int]:
    """Places of the columns of numbers that may be dimensions."""
    return [
        place
        for place, column in enumerate(columns)
        if column.kind == "number" and place != label and not COUNTS.fullmatch(column.name)
    ]


def families(columns: Sequence[Column], places: Iterable[int]) -> list[ColumnFamily]:
    """Columns of numbers that share a stem and a counter, two at least, in the order of the counter."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for place in places:
        name = columns[place].name
        if match := COUNTER.search(name):
            groups.setdefault((name[: match.start()], name[match.end() :]), []).append((int(match[0]), place))
    candidates = [_family(columns, *stem, sorted(group)) for stem, group in groups.items() if len(group) > 1]
    stems = Counter(family.stem for family in candidates)
    return [
        family if stems[family.stem] == 1 else replace(family, stem=columns[family.places[0]].name)
        for family in candidates
    ]


def _family(columns: Sequence[Column], before: str, after: str, group: list[tuple[int, int]]) -> ColumnFamily:
    counters, places = {count for count, _ in group}, tuple(place for _, place in group)
    first, last = columns[places[0]].name, columns[places[-1]].name
    start = 1 if 0 not in counters and 1 in counters else 0
    missing = next((n for n in range(start, max(counters)) if n not in counters), None)
    gap = "" if missing is None else f"{before}{missing}{after}"
    words = f"{len(places):,} columns, {first} to {last}" + (f", without {gap}" if gap else "")
    return ColumnFamily(f"{before}{after}".strip(SEPARATORS) or first, places, words, gap)


def lists(columns: Sequence[Column], place: int) -> ColumnFamily:
    return ColumnFamily(columns[place].name, (place,), f"the column {columns[place].name}")


def brief(names: Sequence[str]) -> str:
    """Names between commas, of many only the first, of long ones the beginning."""
    more = len(names) - FEW
    shown = [name if len(name) <= LETTERS else f"{name[:LETTERS]}…" for name in names[:FEW]]
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")
