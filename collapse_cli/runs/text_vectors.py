"""Embeddings as text between spaces: word2vec with its line of counts, GloVe without it, and what numpy.savetxt writes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy
import pyarrow
import torch
from pyarrow import csv

from collapse_cli.class_labels import WHOLE
from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_columns, csv_table, packed, reader
from collapse_cli.runs.arrow_columns import Matrix
from collapse_cli.runs.cells import brief, is_number
from collapse_cli.runs.columns import ROWS
from collapse_cli.runs.families import ByName
from collapse_cli.runs.table import Table

LOOKED_AT = 100  # lines by which the layout is told
BLOCK = 4 << 20  # bytes that are read at once; a longer line needs more
HINT = "a line holds a word and its numbers, or numbers alone, with one space between them"


@dataclass(frozen=True)
class TextLayout:
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


def read(path: Path, selector: str = "") -> Table:
    """Rows (N,D) float64; words are left out. selector: --column, where the cells stand between commas or tabs.

    Raises CollapseError, with the line, for what is no number or has another length.
    """
    first = [line for _, line in islice(_lines(path), LOOKED_AT)]
    if not first:
        raise CollapseError(f"{path} is empty", HINT)
    if delimiter := _delimiter(first[0]):
        return csv_table.read(path, selector, delimiter)
    if selector:
        raise CollapseError(f"{path} has no heading, so it has no column '{selector}'", "leave out --column")
    layout = _laid_out(path, first)
    odd: dict[int, Matrix] = {}  # rows whose word holds spaces, by their place
    try:
        rows = numpy.concatenate([numpy.empty((0, layout.width)), *_blocks(layout, odd)])
    except pyarrow.ArrowException as error:
        raise _mistake(layout, str(error).splitlines()[0][:120]) from None
    if odd:
        places = [place - before for before, place in enumerate(sorted(odd))]
        rows = numpy.insert(rows, places, [odd[place] for place in sorted(odd)], axis=0)
    return Table({ROWS: torch.from_numpy(rows)}, aside=("the words",) if layout.words else ())


def by_name(path: Path) -> ByName:
    """The columns of a table between commas or tabs; word vectors have no names."""
    delimiter = _delimiter(next((line for _, line in _lines(path)), ""))
    return csv_table.by_name(path, delimiter) if delimiter else ByName((), lambda name: ())


def _delimiter(first: str) -> str:
    """A tab or a comma, as the first line tells; empty for cells between spaces."""
    if "\t" in first:
        return "\t"
    return "," if all(is_number(cell.strip()) for cell in first.split(",")[:-1] or ["-"]) else ""


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not empty."""
    with packed.lines(path, errors="replace") as text:
        yield from ((number, line) for number, line in enumerate(text, 1) if line.strip())


def _laid_out(path: Path, first: list[str]) -> TextLayout:
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
    layout = TextLayout(path, counts, words, width, ends, max(map(len, first)))
    if width < 1 or layout.row(first[counts]) is None:
        raise CollapseError(
            f"{path}, line {1 + counts}: {brief(first[counts].strip())!r} is not a row of numbers",
            f"{HINT}; labels of embeddings are given with --labels",
        )
    return layout


def _blocks(layout: TextLayout, odd: dict[int, Matrix]) -> Iterator[Matrix]:
    """Rows (n,D) of the lines that have as many cells as most; the others go to `odd`."""
    numbers = [str(place) for place in range(layout.width)]
    names = [*(["word"] if layout.words else []), *numbers, *(["end"] if layout.ends else [])]
    held = 0
    with packed.content(layout.path) as opened:
        even = io.BufferedReader(_Stream(_even(layout, opened, len(names) - 1, odd)), BLOCK)
        if not even.peek(1):
            return
        batches = csv.open_csv(
            even,
            csv.ReadOptions(block_size=max(BLOCK, 4 * layout.longest), column_names=names),
            csv.ParseOptions(delimiter=" ", quote_char=False),
            csv.ConvertOptions(
                column_types=dict.fromkeys(numbers, pyarrow.float64()),
                include_columns=numbers,
                null_values=[],
            ),
        )
        with batches:  # it reads ahead, and is to stop where the rows are not wanted any more
            for batch in batches:
                rows = arrow_columns.side_by_side(batch.columns, numpy.dtype("float64"))
                held += rows.nbytes
                reader.refuse_too_large(layout.path, held)
                yield rows


def _even(layout: TextLayout, opened: BinaryIO, spaces: int, odd: dict[int, Matrix]) -> Iterator[bytes]:
    """The lines of so many spaces, some at a time. Raises CollapseError for another that is no row either."""
    number = place = 0
    while lines := opened.readlines(BLOCK):
        even_lines = []
        for line in lines:
            number += 1
            if (number == 1 and layout.counts) or not line.strip():
                continue
            if line.count(b" ") == spaces:
                even_lines.append(line)
            else:
                text = line.decode(errors="replace")
                row = layout.row(text)
                if row is None:
                    raise _wrong(layout, number, text)
                odd[place] = row
            place += 1
        yield b"".join(even_lines)


class _Stream(io.RawIOBase):
    """Bytes that come in parts, as a file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self.parts, self.rest = parts, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self.rest and (part := next(self.parts, None)) is not None:
            self.rest = memoryview(part)
        taken = min(len(buffer), len(self.rest))
        buffer[:taken], self.rest = self.rest[:taken], self.rest[taken:]
        return taken


def _mistake(layout: TextLayout, reason: str) -> CollapseError:
    """The first line that is no row, by its number."""
    for number, line in _lines(layout.path):
        if number > layout.counts and layout.row(line) is None:
            return _wrong(layout, number, line)
    return CollapseError(f"{layout.path} cannot be read as text ({reason})", HINT)


def _wrong(layout: TextLayout, number: int, line: str) -> CollapseError:
    return CollapseError(
        f"{layout.path}, line {number}: {brief(line.strip())!r} is not a row of {layout.width} numbers", HINT
    )
