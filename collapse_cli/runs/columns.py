"""Which columns of a table are the rows: the same rule for every format.

Columns that share a stem and a counter (emb_0 …, dim_000 …, 0 … D-1), or one column of lists. All else is set aside and named.
Where that is not clear nothing is measured: an error names the candidates and what to type.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from collapse_cli.class_labels import COLUMNS, HEADINGS
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.printable import quoted
from collapse_cli.runs import families
from collapse_cli.runs.families import SEPARATORS, Column, ColumnFamily

ROWS, OWN = "rows", ("representations", "projections")
"""What the rows of a table are called, and the columns of lists that are named as the arrays of our own files."""

TELLS = re.compile(r"emb|vec|feature|repres", re.IGNORECASE)
"""By which a name says that it is an embedding: it decides where one of several candidates has it."""

TOKENS = re.compile(r"(.*_)?(ids|mask|tokens|shape|size|bbox|bboxes)", re.IGNORECASE)
"""Columns of lists of whole numbers that are no embeddings, as tokenizers and image tools name them."""


@dataclass(frozen=True)
class Choice:
    """spaces: places of the columns by name of the space, one column of lists or some of numbers; label: a place.

    words: what the rows are; empty where a table has no heading. aside: names of the columns that are neither.
    """

    spaces: dict[str, tuple[int, ...]]
    label: int | None
    words: str
    aside: tuple[str, ...]

    @property
    def taken(self) -> list[int]:
        """Places of all columns that are read."""
        places = [place for chosen in self.spaces.values() for place in chosen]
        return places if self.label is None else [*places, self.label]


def choose(
    columns: Sequence[Column],
    selector: str,
    path: Path,
    ragged: Callable[[int], bool] = lambda place: False,
    headed: bool = True,
) -> Choice:
    """The rows of a table, the labels, and what is left out.

    selector: --column; ragged: whether the lists of a column are of several lengths, asked only where that decides;
    headed: the columns have names. Raises CollapseError where it is not clear which columns are the rows.
    """
    label = _label(columns)
    own_columns = {c.name: (place,) for place, c in enumerate(columns) if c.name in OWN and c.kind == "list"}
    if not selector and OWN[0] in own_columns:
        return _choice(
            columns, {name: own_columns[name] for name in OWN if name in own_columns}, label, "", path
        )
    chosen = (
        _named(columns, selector, path, headed) if selector else _clear(columns, label, path, ragged, headed)
    )
    label = None if label in chosen.places else label
    return _choice(columns, {ROWS: chosen.places}, label, chosen.words if headed else "", path)


def _choice(
    columns: Sequence[Column], spaces: dict[str, tuple[int, ...]], label: int | None, words: str, path: Path
) -> Choice:
    """Raises CollapseError where a name that is taken stands for two columns."""
    taken = {place for places in spaces.values() for place in places} | (set() if label is None else {label})
    counts = Counter(column.name for column in columns)
    twice = next((columns[place].name for place in sorted(taken) if counts[columns[place].name] > 1), None)
    if twice is not None:
        raise CollapseError(
            f"{path}: {counts[twice]} columns are called {twice!r}", "give each column its own name"
        )
    others = [column.name for place, column in enumerate(columns) if place not in taken]
    aside = tuple(name or "the column without a name" for name in others)
    return Choice(spaces, label, words, aside)


def _label(columns: Sequence[Column]) -> int | None:
    """The place of the labels, by the order of the names that labels have."""
    names = [column.name.lower() for column in columns]
    for name in COLUMNS:
        for place, column in enumerate(columns):
            if names[place] == name and (column.classes or (column.kind == "number" and name in HEADINGS)):
                return place
    return None


def _clear(
    columns: Sequence[Column], label: int | None, path: Path, ragged: Callable[[int], bool], headed: bool
) -> ColumnFamily:
    """The only candidate, or the only one of several whose name says that it is an embedding."""
    lists = [
        p for p, c in enumerate(columns) if c.kind == "list" and not (c.whole and TOKENS.fullmatch(c.name))
    ]
    if len(lists) > 1:
        lists = [place for place in lists if not ragged(place)] or lists
    candidates = [families.lists(columns, place) for place in lists]
    numbers = families.numbers(columns, label)
    groups = families.families(columns, numbers) if headed else []
    if not headed and numbers and not lists:
        return ColumnFamily("", tuple(numbers), "")
    candidates += [family for family in groups if not family.gap]
    if len(candidates) > 1:
        telling = [candidate for candidate in candidates if TELLS.search(candidate.stem)]
        candidates = telling if len(telling) == 1 else candidates
    if len(candidates) == 1:
        return candidates[0]
    raise _unclear(columns, candidates or groups, numbers, path)


def _unclear(
    columns: Sequence[Column], candidates: Sequence[ColumnFamily], numbers: Sequence[int], path: Path
) -> CollapseError:
    """What was found, and what to type."""
    if candidates:
        descriptions = "; ".join(candidate.words for candidate in candidates[: families.FEW])
        return CollapseError(
            f"{path}: it is not clear which columns are the embeddings: {descriptions}",
            "add " + " or ".join(_option(candidate.stem) for candidate in candidates[: families.FEW]),
        )
    names = [columns[place].name for place in numbers]
    if names:
        return CollapseError(
            f"{path} has no columns that share a stem and a counter, such as emb_0 and emb_1, and "
            f"no column of lists; its columns of numbers are: {families.brief(names)}",
            f"if these are the embeddings, add {_option(','.join(names) if len(names) <= families.FEW else '*')}",
        )
    return CollapseError(
        f"{path} has no column of numbers; its columns are: {families.brief([column.name for column in columns])}",
        "embeddings must be a column of lists, or a column of numbers for each dimension",
    )


def _option(value: str) -> str:
    plain = re.fullmatch(r"[\w,.\-/]+", value)
    return f"--column {value if plain else quoted(value)}"


def _named(columns: Sequence[Column], selector: str, path: Path, headed: bool) -> ColumnFamily:
    """What --column names: a column of lists, a stem or one of its columns, or columns between commas, with * as in a shell."""
    if not headed:
        raise CollapseError(f"{path} has no heading, so it has no column '{selector}'", "leave out --column")
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    groups = families.families(columns, numbers)
    for place, column in enumerate(columns):
        if column.name == selector and column.kind == "list":
            return families.lists(columns, place)
        if column.name == selector and column.kind == "number":
            alone = ColumnFamily(selector, (place,), f"the column {selector}")
            return next((family for family in groups if place in family.places), alone)
        if column.name == selector:
            raise CollapseError(
                f"{path}: the column {selector} contains no numbers and no lists of equal length",
                f"columns that do: {families.brief([c.name for c in columns if c.kind != 'other']) or 'none'}",
            )
    stem = selector.strip(SEPARATORS)
    family = next((family for family in groups if family.stem == stem), None)
    return family or _listed(columns, selector, numbers, path)


def _listed(columns: Sequence[Column], selector: str, numbers: Sequence[int], path: Path) -> ColumnFamily:
    label, places = _label(columns), []
    for part in (part.strip() for part in selector.split(",")):
        exact = [place for place in numbers if columns[place].name == part]
        like = [place for place in families.numbers(columns, label) if fnmatchcase(columns[place].name, part)]
        if not (exact or like):
            raise CollapseError(
                f"{path} has no column '{part}' of numbers", nearest(part, _selectable(columns))
            )
        places += [place for place in exact or like if place not in places]
    names = [columns[place].name for place in places]
    return ColumnFamily(selector, tuple(places), f"{len(places):,} columns, {families.brief(names)}")


def _selectable(columns: Sequence[Column]) -> list[str]:
    """What --column takes: stems, and names of columns that share none."""
    groups = families.families(
        columns, [place for place, column in enumerate(columns) if column.kind == "number"]
    )
    within = {place for family in groups for place in family.places}
    alone = [c.name for place, c in enumerate(columns) if c.kind != "other" and place not in within]
    return list(dict.fromkeys([*(family.stem for family in groups), *alone]))[:50]
