"""Embeddings as text between spaces: word2vec with its line of counts, GloVe without it, and what numpy.savetxt writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy
import pyarrow
import torch
from pyarrow import csv

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_columns, csv_table, packed, reader
from collapse_cli.runs.arrow_columns import Matrix
from collapse_cli.runs.cells import brief, is_number
from collapse_cli.runs.columns import ROWS
from collapse_cli.runs.labels import WHOLE
from collapse_cli.runs.table import Table

LOOKED_AT = 100  # lines by which the layout is told
BLOCK = 4 << 20  # bytes that are read at once; a longer line needs more
HINT = "a line holds a word and its numbers, or numbers alone, with one space between them"


@dataclass(frozen=True)
class Layout:
    """counts: the first line holds N and D; words: each row begins with a word; width: D; ends: lines end with a space."""

    path: Path
    counts: bool
    words: bool
    width: int
    ends: bool
    longest: int

    def row(self, line: str) -> Matrix | None:
        """The numbers (D,) of a line; None where they are none. A word may hold spaces, but no number behind one."""
        cells = line.rstrip("\r\n ").rsplit(" ", self.width)
        numbers = cells[1:] if self.words else cells
        word = cells[0].split(" ")[1:] if self.words else []
        fits = len(numbers) == self.width and all(map(is_number, numbers)) and not any(map(is_number, word))
        return numpy.array([float(cell) for cell in numbers]) if fits else None


def read(path: Path, wanted: str = "") -> Table:
    """Rows (N,D) float64; words are left out. wanted: --column, where the cells stand between commas or tabs.

    Raises CollapseError, with the line, for what is no number or has another length.
    """
    first = [line for _, line in islice(_lines(path), LOOKED_AT)]
    if not first:
        raise CollapseError(f"{path} is empty", HINT)
    if "\t" in first[0] or all(is_number(cell.strip()) for cell in first[0].split(",")[:-1] or ["-"]):
        return csv_table.read(path, wanted, "\t" if "\t" in first[0] else ",")
    if wanted:
        raise CollapseError(f"{path} has no heading, so no column '{wanted}'", "leave out --column")
    layout = _laid_out(path, first)
    odd: dict[int, Matrix] = {}  # rows whose word holds spaces, by their line
    try:
        rows = numpy.concatenate(list(_blocks(layout, odd)))
    except pyarrow.ArrowException as error:
        raise _mistake(layout, str(error).splitlines()[0][:120]) from None
    places = [line - 1 - layout.counts - before for before, line in enumerate(sorted(odd))]
    rows = numpy.insert(rows, places, [odd[line] for line in sorted(odd)], axis=0) if odd else rows
    return Table({ROWS: torch.from_numpy(rows)}, aside=("the words",) if layout.words else ())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not empty."""
    with packed.lines(path, errors="replace") as text:
        yield from ((number, line) for number, line in enumerate(text, 1) if line.strip())


def _laid_out(path: Path, first: list[str]) -> Layout:
    """By the first lines. Raises CollapseError for text without numbers."""
    cells = [line.rstrip("\r\n ").split(" ") for line in first]
    head = cells[0]
    counts = (
        len(cells) > 1
        and len(head) == 2
        and all(map(WHOLE.fullmatch, head))
        and len(cells[1]) > int(head[1]) > 0
    )
    rows = cells[1:] if counts else cells
    words = counts or not all(is_number(row[0]) for row in rows)
    usual = Counter(len(row) for row in rows).most_common(1)[0][0] - words
    width = int(head[1]) if counts else usual
    ends = first[-1].rstrip("\r\n").endswith(" ")
    layout = Layout(path, counts, words, width, ends, max(map(len, first)))
    if width < 1 or layout.row(first[counts]) is None:
        raise CollapseError(
            f"{path}, line {1 + counts}: {brief(first[counts].strip())!r} is no row of numbers",
            f"{HINT}; labels of embeddings are given with --labels",
        )
    return layout


def _blocks(layout: Layout, odd: dict[int, Matrix]) -> Iterator[Matrix]:
    """Rows (n,D) of the lines that have as many cells as most; the others go to `odd`, or stop the reading."""

    def other(line: csv.InvalidRow) -> str:
        row = layout.row(line.text) if layout.words and line.number is not None else None
        if row is None:
            return "error"
        odd[line.number] = row
        return "skip"

    numbers = [str(place) for place in range(layout.width)]
    names = [*(["word"] if layout.words else []), *numbers, *(["end"] if layout.ends else [])]
    held = 0
    with packed.content(layout.path) as opened:
        for batch in csv.open_csv(
            opened,
            csv.ReadOptions(
                block_size=max(BLOCK, 4 * layout.longest), column_names=names, skip_rows=int(layout.counts)
            ),
            csv.ParseOptions(delimiter=" ", quote_char=False, invalid_row_handler=other),
            csv.ConvertOptions(
                column_types=dict.fromkeys(numbers, pyarrow.float64()),
                include_columns=numbers,
                null_values=[],
            ),
        ):
            rows = arrow_columns.side_by_side(batch.columns, numpy.dtype("float64"))
            held += rows.nbytes
            reader.refuse_too_large(layout.path, held)
            yield rows


def _mistake(layout: Layout, reason: str) -> CollapseError:
    """The first line that is no row, by its number."""
    for number, line in _lines(layout.path):
        if number > layout.counts and layout.row(line) is None:
            return CollapseError(
                f"{layout.path}, line {number}: {brief(line.strip())!r} is no row of {layout.width} numbers",
                HINT,
            )
    return CollapseError(f"{layout.path} cannot be read as text ({reason})", HINT)
