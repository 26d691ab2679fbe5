"""Files of a table of images, .parquet or .arrow, alone or in a folder; which split each is of, and what a column holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import compute, ipc, parquet, types

from collapse_cli.data import splits
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.fence import admit
from collapse_cli.walks import folders_in, once

ARROW = (".arrow", ".feather", ".ipc")
KINDS = (".parquet", *ARROW)
NAMED = re.compile(rf"(?:^|[-_.])({'|'.join((*splits.WORDS, *splits.SYNONYMS))})(?=[-_.]|$)")
WINDOW = 1024  # rows that are read at once
UNREADABLE = (pyarrow.ArrowException, OSError, UnicodeDecodeError, KeyError)


@dataclass(frozen=True)
class Shard:
    """A file, and the split that its name or its folder tells, "" where they tell none."""

    file: Path
    word: str = ""

    @cached_property
    def schema(self) -> pyarrow.Schema:
        """Raises CollapseError for what is neither parquet nor Arrow, and for a pipe, which would be waited for."""
        if self.file.exists() and not self.file.is_file():
            raise CollapseError(f"{self.file} is not a file", "write it to a file first")
        with _reading(self.file):
            schema = self._opened.schema if self.is_arrow else parquet.read_schema(self.file)
            schema.names  # noqa: B018  # which may be no text
            return schema

    @property
    def is_arrow(self) -> bool:
        return self.file.suffix in ARROW

    @cached_property
    def count(self) -> int:
        with _reading(self.file):
            return int((self._table if self.is_arrow else parquet.read_metadata(self.file)).num_rows)

    def column(self, name: str) -> pyarrow.ChunkedArray:
        """A column, or a field of one of its structs, as `meta.label`. Raises CollapseError where it is not there."""
        top = self._top(name)
        if not self.has(name):
            columns = ", ".join(self.schema.names)
            raise CollapseError(
                f"{self.file} has no column {name}; its columns are: {columns}",
                nearest(name, self.schema.names),
            )
        with _reading(self.file):
            whole = self._table if self.is_arrow else parquet.ParquetFile(self.file).read(columns=[name])
            column = whole.column(top)
            for field in name.removeprefix(top).split(".")[1:]:
                column = compute.struct_field(column, field)
            return column

    def _top(self, name: str) -> str:
        """The column that a name is of, which may go on with fields of its structs."""
        return name if name in self.schema.names else name.partition(".")[0]

    def has(self, name: str) -> bool:
        """Whether there is a column, and the field of its structs that the rest of the name says."""
        top = self._top(name)
        if top not in self.schema.names:
            return False
        kind = self.schema.field(top).type
        for field in name.removeprefix(top).split(".")[1:]:
            place = kind.get_field_index(field) if types.is_struct(kind) else -1
            if place < 0:
                return False
            kind = kind.field(place).type
        return True

    def first(self, name: str, count: int) -> Any:
        """Up to `count` rows of a column, an array; nothing where there are none."""
        with _reading(self.file):
            if self.is_arrow:
                return self._table.column(name).slice(0, count)
            rows = next(parquet.ParquetFile(self.file).iter_batches(count, columns=[name]), None)
            return rows.column(0) if rows else ()

    def values(self, name: str) -> Iterator[Any]:
        """The values of a column one by one, a window of rows in memory at a time."""
        with _reading(self.file):
            if self.is_arrow:
                windows = iter(self._table.column(name).chunks)
            else:
                windows = (
                    rows.column(0)
                    for rows in parquet.ParquetFile(self.file).iter_batches(WINDOW, columns=[name])
                )
            for window in windows:
                yield from (value.as_py() for value in window)

    @cached_property
    def _table(self) -> pyarrow.Table:
        """Mapped into memory: nothing is read before it is used."""
        return self._opened.read_all()

    @property
    def _opened(self) -> Any:
        mapped = pyarrow.memory_map(str(self.file))
        start = mapped.read(6)
        mapped.seek(0)
        return ipc.open_file(mapped) if start == b"ARROW1" else ipc.open_stream(mapped)


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    """Raises CollapseError where a file is not what its name says, or lies beyond a fence."""
    admit(file)
    try:
        yield
    except UNREADABLE as error:
        what = "Arrow" if file.suffix in ARROW else "parquet"
        reason = next(iter(str(error).splitlines()), "")[:120]
        raise CollapseError(
            f"{file} cannot be read as {what} ({reason})", "copy or write the file again"
        ) from None


def shards(path: Path) -> list[Shard]:
    """The files at `path`: a file; a folder of .parquet, or of what `Dataset.save_to_disk` writes.

    Files may lie in a folder `data`, or in folders that are called as splits. Raises CollapseError where there are none, and
    where several folders hold some.
    """
    if path.is_file():
        each = [Shard(path)]
    elif (path / "dataset_dict.json").is_file():
        each = [Shard(file, file.parent.name) for file in _arrow(path, inner=True)]
    elif (path / "state.json").is_file():
        each = [Shard(file) for file in _arrow(path)]
    else:
        each = [Shard(file, _word(file, path)) for file in _parquet(path)]
    if not each:
        raise CollapseError(
            f"there is no parquet file at {path}",
            "parquet:PATH names a .parquet file or a folder of them; a folder of images is folder:PATH",
        )
    for shard in each:
        if shard.file.exists() and not shard.file.is_file():  # opening a pipe would never end
            problem = f"{shard.file} is a folder, a pipe, a socket or a device, not a file"
            raise CollapseError(problem, "take it out, or write it to a file first")
        shard.schema  # noqa: B018  # raises for what cannot be read
    return each


def _arrow(path: Path, inner: bool = False) -> list[Path]:
    """What `datasets` computed from a set lies beside it, in files cache-….arrow."""
    places = folders_in(path) if inner else [path]
    files = (file for place in places for file in sorted(place.glob("*.arrow")))
    return once(file for file in files if not file.name.startswith((".", "cache-")))


def _parquet(path: Path) -> list[Path]:
    inner = folders_in(path) if path.is_dir() else []
    for places in ([path], [path / "data"], inner):
        if files := _of(places):
            break
    else:
        folders = {
            place for place in inner if _of(each for each in folders_in(place) if splits.word(each.name))
        }
        _refuse_several(path, folders)
        return _parquet(folders.pop()) if folders else []
    folders = {file.parent for file in files}
    if not all(splits.word(folder.name) for folder in folders):
        _refuse_several(path, folders)
    return files


def _of(places: Iterable[Path]) -> list[Path]:
    """The parquet files in some folders, each once."""
    files = (file for place in places for file in sorted(place.glob("*.parquet")))
    return once(file for file in files if not file.name.startswith((".", "_")))


def _refuse_several(path: Path, folders: set[Path]) -> None:
    names = sorted(folder.name for folder in folders)
    if len(names) > 1:
        raise CollapseError(
            f"{path} contains several sets: {', '.join(names)}",
            f"give one of them: parquet:{path / names[0]}",
        )


def _word(file: Path, path: Path) -> str:
    match = NAMED.search(file.stem.lower())
    if match:
        return splits.word(match[1])
    return splits.word(file.parent.name) if file.parent != path else ""
