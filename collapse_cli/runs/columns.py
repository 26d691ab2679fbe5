"""Which columns of a table are the rows: the same rule for every format.

Columns that share a stem and a counter (emb_0 …, dim_000 …, 0 … D-1), or one column of lists. All else is set aside and named.
Where that is not clear nothing is measured: an error names the candidates and what to type.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs.labels import COLUMNS, HEADINGS

ROWS, OWN = "rows", ("representations", "projections")
"""What the rows of a table are called, and the columns of lists that are named as the arrays of our own files."""

COUNTS = re.compile(r"|id|index|Unnamed: \d+|__index_level_\d+__")
"""Names of columns that count the rows, as pandas writes them, and measure nothing."""

COUNTED = re.compile(r"(.*?)(\d+)(\D*)")
SEPARATORS = "_-. []()"
TELLS = re.compile(r"emb|vec|feature|repres", re.IGNORECASE)
"""By which a name says that it is an embedding: it decides where one of several candidates has it."""

TOKENS = re.compile(r"(.*_)?(ids|mask|tokens|shape|size|bbox|bboxes)", re.IGNORECASE)
"""Columns of lists of whole numbers that are no embeddings, as tokenizers and image tools name them."""

FEW, LETTERS = 8, 40  # names in a sentence, and letters of each


@dataclass(frozen=True)
class Column:
    """name; kind: what a cell holds; whole: the numbers are whole; classes: its cells may be labels."""

    name: str
    kind: Literal["number", "list", "other"]
    whole: bool = False
    classes: bool = False


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


@dataclass(frozen=True)
class Candidate:
    """Columns that may be the rows. stem: what --column takes for them; gap: the first counter that is missing."""

    stem: str
    places: tuple[int, ...]
    words: str
    gap: str = ""


def choose(
    columns: Sequence[Column],
    wanted: str,
    path: Path,
    ragged: Callable[[int], bool] = lambda place: False,
    headed: bool = True,
) -> Choice:
    """The rows of a table, the labels, and what is left out.

    wanted: --column; ragged: whether the lists of a column are of several lengths, asked only where that decides;
    headed: the columns have names. Raises CollapseError where it is not clear which columns are the rows.
    """
    label = _label(columns)
    own = {c.name: (place,) for place, c in enumerate(columns) if c.name in OWN and c.kind == "list"}
    if not wanted and OWN[0] in own:
        return _choice(columns, {name: own[name] for name in OWN if name in own}, label, "", path)
    if wanted:
        chosen = _named(columns, wanted, path, headed)
    else:
        chosen = _clear(columns, label, path, ragged, headed)
    label = None if label in chosen.places else label
    return _choice(columns, {ROWS: chosen.places}, label, chosen.words if headed else "", path)


def _choice(
    columns: Sequence[Column], spaces: dict[str, tuple[int, ...]], label: int | None, words: str, path: Path
) -> Choice:
    """Raises CollapseError where a name that is taken stands for two columns."""
    taken = {place for places in spaces.values() for place in places} | ({label} - {None})
    counts = Counter(column.name for column in columns)
    twice = next((columns[place].name for place in sorted(taken) if counts[columns[place].name] > 1), None)
    if twice is not None:
        raise CollapseError(f"{path}: {counts[twice]} columns are called {twice!r}", "give each its own name")
    aside = tuple(
        column.name or "the column without a name" for p, column in enumerate(columns) if p not in taken
    )
    return Choice(spaces, label, words, aside)


def _label(columns: Sequence[Column]) -> int | None:
    """The place of the labels, by the order of the names that labels have."""
    names = [column.name.lower() for column in columns]
    for name in COLUMNS:
        for place, column in enumerate(columns):
            if names[place] == name and column.kind != "list" and (name in HEADINGS or column.classes):
                return place
    return None


def _numbers(columns: Sequence[Column], label: int | None) -> list[int]:
    """Places of the columns of numbers that may be dimensions."""
    return [
        place
        for place, column in enumerate(columns)
        if column.kind == "number" and place != label and not COUNTS.fullmatch(column.name)
    ]


def _families(columns: Sequence[Column], places: Iterable[int]) -> list[Candidate]:
    """Columns of numbers that share a stem and a counter, two at least, in the order of the counter."""
    groups: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for place in places:
        if told := COUNTED.fullmatch(columns[place].name):
            groups.setdefault((told[1], told[3]), []).append((int(told[2]), place))
    return [_family(columns, *stem, sorted(group)) for stem, group in groups.items() if len(group) > 1]


def _family(columns: Sequence[Column], before: str, after: str, group: list[tuple[int, int]]) -> Candidate:
    counters, places = [count for count, _ in group], tuple(place for _, place in group)
    first, last = columns[places[0]].name, columns[places[-1]].name
    start = counters[0] if counters[0] in (0, 1) else 0
    missing = next((n for n in range(start, counters[-1]) if n not in counters), None)
    gap = "" if missing is None else f"{before}{missing}{after}"
    words = f"{len(places):,} columns, {first} … {last}" + (f", without {gap}" if gap else "")
    return Candidate(f"{before}{after}".strip(SEPARATORS) or first, places, words, gap)


def _clear(
    columns: Sequence[Column], label: int | None, path: Path, ragged: Callable[[int], bool], headed: bool
) -> Candidate:
    """The only candidate, or the only one of several whose name says that it is an embedding."""
    lists = [p for p, c in enumerate(columns) if c.kind == "list" and not (c.whole and TOKENS.fullmatch(c.name))]
    if len(lists) > 1:
        lists = [place for place in lists if not ragged(place)] or lists
    candidates = [_lists(columns, place) for place in lists]
    numbers = _numbers(columns, label)
    families = _families(columns, numbers) if headed else []
    if not headed and numbers and not lists:
        return Candidate("", tuple(numbers), "")
    candidates += [family for family in families if not family.gap]
    if len(candidates) > 1:
        telling = [candidate for candidate in candidates if TELLS.search(candidate.stem)]
        candidates = telling if len(telling) == 1 else candidates
    if len(candidates) == 1:
        return candidates[0]
    raise _unclear(columns, candidates or families, numbers, path)


def _lists(columns: Sequence[Column], place: int) -> Candidate:
    return Candidate(columns[place].name, (place,), f"the column {columns[place].name}")


def _unclear(
    columns: Sequence[Column], candidates: Sequence[Candidate], numbers: Sequence[int], path: Path
) -> CollapseError:
    """What was found, and what to type."""
    if candidates:
        said = "; ".join(candidate.words for candidate in candidates[:FEW])
        return CollapseError(
            f"{path}: it is not clear which columns are the embeddings: {said}",
            "add " + " or ".join(_option(candidate.stem) for candidate in candidates[:FEW]),
        )
    names = [columns[place].name for place in numbers]
    if names:
        return CollapseError(
            f"{path} has no columns that share a stem and a counter (emb_0, emb_1 …), and none of lists; "
            f"its columns of numbers: {brief(names)}",
            f"where these are the embeddings, add {_option(','.join(names) if len(names) <= FEW else '*')}",
        )
    return CollapseError(
        f"{path} has no column of numbers, only {brief([column.name for column in columns])}",
        "embeddings are a column of lists, or a column of numbers for each dimension",
    )


def _option(value: str) -> str:
    plain = re.fullmatch(r"[\w,.\-/]+", value)
    return f"--column {value}" if plain else f"--column '{value}'"


def brief(names: Sequence[str]) -> str:
    """Names between commas, of many only the first, of long ones the beginning."""
    more = len(names) - FEW
    said = [name if len(name) <= LETTERS else f"{name[:LETTERS]}…" for name in names[:FEW]]
    return ", ".join(said) + (f" and {more:,} more" if more > 0 else "")


def _named(columns: Sequence[Column], wanted: str, path: Path, headed: bool) -> Candidate:
    """What --column names: a column of lists, a stem or one of its columns, or columns between commas, with * as in a shell."""
    if not headed:
        raise CollapseError(f"{path} has no heading, so no column '{wanted}'", "leave out --column")
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    families = _families(columns, numbers)
    for place, column in enumerate(columns):
        if column.name == wanted and column.kind == "list":
            return _lists(columns, place)
        if column.name == wanted and column.kind == "number":
            alone = Candidate(wanted, (place,), f"the column {wanted}")
            return next((family for family in families if place in family.places), alone)
        if column.name == wanted:
            raise CollapseError(
                f"{path}: the column {wanted} holds no numbers and no lists of one length of them",
                f"columns that do: {brief([c.name for c in columns if c.kind != 'other']) or 'none'}",
            )
    stem = wanted.strip(SEPARATORS)
    family = next((family for family in families if family.stem == stem), None)
    return family or _listed(columns, wanted, numbers, path)


def _listed(columns: Sequence[Column], wanted: str, numbers: Sequence[int], path: Path) -> Candidate:
    label, places = _label(columns), []
    for part in (part.strip() for part in wanted.split(",")):
        exact = [place for place in numbers if columns[place].name == part]
        like = [place for place in _numbers(columns, label) if fnmatchcase(columns[place].name, part)]
        if not (exact or like):
            names = list(dict.fromkeys(c.name for c in columns if c.kind != "other"))
            raise CollapseError(f"{path} has no column '{part}' of numbers", nearest(part, names))
        places += [place for place in exact or like if place not in places]
    names = [columns[place].name for place in places]
    return Candidate(wanted, tuple(places), f"{len(places):,} columns, {brief(names)}")
