"""Groups of rows, as users, videos or documents: a file with one for each row, or a column of the embeddings' own file."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
from torch import Tensor

from collapse_cli import class_labels
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.runs import arrays, labels
from collapse_cli.runs.families import ByName
from collapse_cli.runs.reader import OBJECTS, Objects, Unreadable
from collapse_cli.runs.source import Source

PATHS = ("paths", "path", "files", "file", "filenames", "filename", "file_name", "image_path", "names")
"""What people call the array or column of the files that rows are of."""

COUNTER = re.compile(r"(.*?)[-_. ]*\d+$")
SHARED = 0.9  # of the files have others of their stem
FEWEST, MOST = 8, 0.5  # groups that are suggested, at most a share of the rows


def read(text: str, source: Source | None, count: int, option: str = "--groups") -> Tensor:
    """(N,) int64 in [0, G): the group of each of N = `count` rows. text: a file with one for each, or a column of the source.

    option: with which the text was given.
    Raises CollapseError for what is neither, and where there are not as many groups as rows.
    """
    if os.path.isfile(text):  # False also for what is too long for a path, and may be a column
        return labels.read(Path(text), count, "groups")[0]
    by_name = {} if source is None else columns(source, (text,))
    if text not in by_name:
        raise _unknown(f"{option} {text}", text, source)
    values = by_name[text]
    if len(values) != count:
        raise CollapseError(
            f"{text} has {len(values):,} groups, but there are {count:,} embeddings",
            "give one group for each embedding",
        )
    return labels.numbered(_whole(values), text, "groups")[0]


def columns(source: Source, names: Sequence[str]) -> dict[str, Any]:
    """Those of the arrays or columns of a file that are there, by name: values (N,). Raises CollapseError for a name of two."""
    by_name = _by_name(source)
    twice = next((name for name in names if list(by_name.names).count(name) > 1), None)
    if twice is not None:
        raise CollapseError(
            f"{source.path}: two columns are called {twice!r}", "give each column its own name"
        )
    return {name: by_name.read(name) for name in names if name in by_name.names}


def _by_name(source: Source) -> ByName:
    """Whatever stands in a file by name, also what the rows leave aside."""
    if source.is_table:
        return source.columns
    content = {} if source.part or source.path.suffix == ".npy" else arrays.read(source)
    return ByName(list(content), lambda name: _array(content[name], name, source.path))


def _array(value: Any, name: str, path: Path) -> Any:
    if isinstance(value, Objects):
        hint = "save the names as an array of text: numpy.array(names, dtype=str)"
        raise Unreadable(path, OBJECTS).wanted_as(f"array {name}", hint)
    return value


def suggested(names: Sequence[str], labels: Sequence[int] | None = None) -> int | None:
    """How many groups the names of files suggest, stems of a counter: `video3_frame12.jpg`; None where they suggest none.

    Stems that are no more than the classes are no groups; neither is one stem for all, or a file of its own for each.
    """
    stems = [COUNTER.sub(r"\1", str(Path(str(name)).with_suffix(""))) for name in names]
    sizes = Counter(stems)
    classes = len(set(labels)) if labels is not None else 1
    shared = sum(size for size in sizes.values() if size > 1) >= SHARED * len(stems)
    enough = max(FEWEST, 2 * classes) <= len(sizes) <= MOST * len(stems)
    return len(sizes) if shared and enough else None


def _unknown(typed: str, text: str, source: Source | None) -> CollapseError:
    if source is None:
        return CollapseError(
            f"{typed}: there is no such file",
            f"give a file of type {', '.join(labels.KINDS)} with one group for each embedding",
        )
    names = list(_by_name(source).names)
    return CollapseError(
        f"{typed}: there is no such file, and {source.path} has no column or array of that name",
        nearest(text, names) if names else "give a file with one group for each embedding",
    )


def _whole(values: Any) -> Any:
    """Whole numbers where all are, names else. Raises CollapseError for a row without a group."""
    if isinstance(values, Tensor | numpy.ndarray | Mapping):
        return values
    if any(value is None or value == "" for value in values):
        raise CollapseError("a row has no group", "give every row a group")
    if all(isinstance(value, str) and class_labels.WHOLE.fullmatch(value) for value in values):
        return [int(value) for value in values]
    return (
        list(values) if all(isinstance(value, int) for value in values) else [str(value) for value in values]
    )
