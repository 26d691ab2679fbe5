"""A path whose content is read once and hashed once, whoever asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs import folders, reader, shards
from collapse_cli.runs.members import Part

TABLES = (".csv", ".parquet")
ROWS_BY_NAME = (".npy", ".npz", *TABLES)
"""Files that hold rows and nothing else, as their names say."""


@dataclass(frozen=True)
class Source:
    """A file, or a set of a folder: read once and hashed once. whole: the set, where its folder holds several."""

    path: Path
    whole: Part | None = None

    @classmethod
    def at(cls, place: Path | Source) -> Source:
        """The source at a path; a source is handed back as it is, with what was read of it."""
        return place if isinstance(place, Source) else cls(place)

    @property
    def holds_rows(self) -> bool:
        """Whether the name alone says that there are rows in it: a folder, or a file that holds nothing else."""
        return self.path.suffix in ROWS_BY_NAME or self.whole is not None or self.path.is_dir()

    @cached_property
    def part(self) -> Part | None:
        """The set of a folder, None for a file. Raises CollapseError for a folder that holds several."""
        if self.whole is not None or not self.path.is_dir():
            return self.whole
        sets = folders.parts(self.path)
        folders.refuse_several(self.path, sets)
        return sets[0]

    @property
    def content(self) -> Any:
        """What is in it: Shards of a .npy or a folder of them, a Table of a .csv or .parquet, a dict by name, or a tensor.

        All who ask share it, so nobody may change its tensors in place. Raises CollapseError for what cannot be read.
        """
        if isinstance(self._outcome, CollapseError):
            raise self._outcome
        return self._outcome

    @cached_property
    def _outcome(self) -> Any:
        """The content, or the error: what cannot be read is not read again either."""
        try:
            return shards.together(self.part.files, self.part.notes) if self.part else _read(self.path)
        except CollapseError as error:
            return error

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the file; of a set of a folder, that of the names and contents of its shards."""
        if self.part is None:
            return _digest(self.path).hex()
        together = hashlib.sha256()
        for shard in self.part.files:
            together.update(shard.name.encode() + b"\0" + _digest(shard))
        return together.hexdigest()


def _read(path: Path) -> Any:
    """The reader is loaded only for such a file: pyarrow is slow to load."""
    if path.suffix == ".npy":
        return shards.opened(path)
    if path.suffix == ".csv":
        from collapse_cli.runs import csv_table

        return csv_table.read(path)
    if path.suffix == ".parquet":
        from collapse_cli.runs import parquet_table

        return parquet_table.read(path)
    return reader.read(path)


def _digest(file: Path) -> bytes:
    reader.size(file)
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
