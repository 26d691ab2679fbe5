"""Embeddings as text: numbers between commas, with or without a heading; words only in a column headed `label`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.runs.labels import HEADINGS
from collapse_cli.runs.table import COUNTS, Table, labelled

Line = tuple[int, list[str]]
LETTERS = 40  # of a cell that is repeated in a sentence


def read(path: Path) -> Table:
    """Rows (N,D) float64. Raises CollapseError, with the line, for cells that are missing, too many, or no numbers."""
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise CollapseError(f"{path} is empty", "give numbers between commas")
    heading = first[1] if _is_heading(first[1]) else []
    places = range(len(first[1]))
    label = next((place for place in places if heading and heading[place].lower() in HEADINGS), None)
    aside = [place for place in places if heading and COUNTS.fullmatch(heading[place])]
    kept = [place for place in places if place != label and place not in aside]
    rows, labels = [], []
    for line, cells in lines if heading else _after(first, lines):
        rows.append(_row(cells, len(places), kept, f"{path}, line {line}"))
        labels += [] if label is None else [cells[label]]
    if not rows:
        raise CollapseError(f"{path} holds a heading and no rows", "give one row on each line", code=3)
    found, classes = (None, ()) if label is None else labelled(labels, path)
    return Table(
        {"rows": torch.from_numpy(numpy.stack(rows))},
        found,
        classes,
        tuple(heading[p] or "the column without a name" for p in aside),
    )


def _lines(path: Path) -> Iterator[Line]:
    """Number and cells of every line that is not empty."""
    try:
        reader.refuse_too_large(path, reader.size(path))
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = csv.reader(text)
            yield from ((lines.line_num, [cell.strip() for cell in cells]) for cells in lines if cells)
    except reader.Unreadable as error:
        raise error.wanted_as("text", "save it as UTF-8") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CollapseError(f"{path} cannot be read as text ({error})", "save it as UTF-8") from None


def _after(first: Line, others: Iterator[Line]) -> Iterator[Line]:
    yield first
    yield from others


def _row(cells: Sequence[str], count: int, kept: Sequence[int], where: str) -> numpy.ndarray:
    """The numbers (D,) of one line of `count` cells."""
    if len(cells) != count:
        raise CollapseError(
            f"{where} has {len(cells)} cells, the first line {count}", "give every row the same number"
        )
    with suppress(ValueError):
        return numpy.array([float(cells[place]) for place in kept])
    place = next(place for place in kept if not _is_number(cells[place]))
    raise CollapseError(
        f"{where}, column {place + 1}: '{_brief(cells[place])}' is not a number",
        "cells stand between commas; words may stand in a column headed `label`",
    )


def _brief(cell: str) -> str:
    """Of a line that other separators made one cell, the beginning."""
    return cell if len(cell) <= LETTERS else f"{cell[:LETTERS]}…"


def _is_heading(cells: Sequence[str]) -> bool:
    """Words, or the names 0, 1, 2 … that pandas gives behind the empty one of its index; not numbers with a gap."""
    words = [cell for cell in cells if cell and not _is_number(cell)]
    return bool(words) or (cells[0] == "" and cells[1:] == [str(n) for n in range(len(cells) - 1)])


def _is_number(cell: str) -> bool:
    with suppress(ValueError):
        float(cell)
        return True
    return False
