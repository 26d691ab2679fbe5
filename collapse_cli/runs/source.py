"""A path whose content is read once and hashed once, whoever asks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from collapse_cli import remote
from collapse_cli.errors import CollapseError
from collapse_cli.remote import parts as remote_parts
from collapse_cli.runs import dcp, folders, packed, reader, shards, table_folders, unread, weight_folders
from collapse_cli.runs.families import ByName
from collapse_cli.runs.members import Part

TABLES = {
    **dict.fromkeys((".csv", ".tsv", ".tab"), "csv_table"),
    **dict.fromkeys((".txt", ".vec", ".glove", ".w2v", ".word2vec"), "text_vectors"),
    **dict.fromkeys((".jsonl", ".ndjson"), "json_lines"),
    **dict.fromkeys((".parquet", ".pq"), "parquet_table"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow_table"),
    **dict.fromkeys((".h5", ".hdf5"), "hdf5"),
}
"""Endings of the names of tables, and the module that reads each."""

FOLDERS = {"parquet": "parquet_table", "dataset": "arrow_table", "splits": "arrow_table"}
"""The same, of folders."""

TEXTS = ("csv_table", "text_vectors", "json_lines")
"""The readers that also read what gzip has packed."""


AT_ONCE = 2  # files that are hashed at the same time


@dataclass(frozen=True)
class Source:
    """A file, or a set of a folder: read once and hashed once.

    column: which columns of a table are the rows; whole: the set, where its folder holds several.
    """

    path: Path
    column: str = ""
    whole: Part | None = None

    @classmethod
    def at(cls, place: Path | Source) -> Source:
        """The source at a path; a source is handed back as it is, with what was read of it."""
        return place if isinstance(place, Source) else cls(place)

    @property
    def holds_rows(self) -> bool:
        """Whether the name alone says that there are rows in it: a folder, or a file that holds nothing else."""
        if self.is_network:
            return False
        alone = self.path.suffix in (".npy", ".npz") or self.path.is_dir()
        return alone or self.whole is not None or self.is_table

    @cached_property
    def is_network(self) -> bool:
        """Whether it is a folder of weights: with a config, or of torch.distributed.checkpoint."""
        return self.whole is None and (weight_folders.is_at(self.path) or dcp.is_at(self.path))

    @property
    def is_table(self) -> bool:
        """Whether its columns have names: a file, or a folder of parquet or of `datasets`."""
        return self.whole is None and not self.is_network and _module(self.path) != ""

    @property
    def has_columns(self) -> bool:
        """Whether `column` can say which are the rows: of a table, or of arrays by name."""
        return self.is_table or self.path.suffix in (".npz", ".pt", ".pth", ".safetensors")

    @cached_property
    def part(self) -> Part | None:
        """The set of a folder of .npy, None for all else. Raises CollapseError for a folder that holds several."""
        if self.whole is not None or self.is_table or self.is_network or not self.path.is_dir():
            return self.whole
        sets = folders.parts(self.path)
        folders.refuse_several(self.path, sets)
        return sets[0]

    @property
    def columns(self) -> ByName:
        """Every column of a table. Raises CollapseError for what cannot be read."""
        by_name: ByName = _reader(self.path).by_name(self.path)
        return by_name

    @property
    def content(self) -> Any:
        """What is in it: Shards of .npy, a Table, a dict by name, or a tensor.

        All who ask share it, so nobody may change its tensors in place. Raises CollapseError for what cannot be read.
        """
        if isinstance(self._outcome, CollapseError):
            raise self._outcome
        return self._outcome

    @cached_property
    def _outcome(self) -> Any:
        """The content, or the error: what cannot be read is not read again either."""
        try:
            if self.part is not None:
                return shards.together(self.part.files, self.part.notes)
            if self.is_network:
                return dcp.read(self.path) if dcp.is_at(self.path) else _joined(self.path)
            return _read(self.path, self.column)
        except CollapseError as error:
            return error

    @property
    def files(self) -> tuple[Path, ...]:
        """The files with its numbers."""
        if self.is_network:
            return dcp.parts(self.path) if dcp.is_at(self.path) else weight_folders.files(self.path)
        if self.part is not None:
            return self.part.files
        return tuple(table_folders.files(self.path)) if table_folders.kind(self.path) else (self.path,)

    @property
    def in_parts(self) -> bool:
        """Whether some of it may not be read yet, as it lies elsewhere."""
        return any(map(remote_parts.is_in_parts, self.files))

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the file; of a folder or a set of one, that of the names and contents of its files.

        Configs that are read with a file of weights count as well. Of what lies elsewhere and is read
        in parts, that of its address, size and tag.
        """
        if self.in_parts and (elsewhere := remote.origin(self.path)):
            return elsewhere.identity()
        if self.is_network:
            return _digest_of(dcp.files(self.path) or weight_folders.described(self.path), self.path)
        if self.part is not None or table_folders.kind(self.path):
            return _digest_of(self.part.files if self.part else table_folders.files(self.path))
        configs = weight_folders.beside(self.path)
        return _digest_of((self.path, *configs)) if configs else _digest(self.path).hex()


def _module(path: Path) -> str:
    """Which reads the table at a path, as its name says or what lies in it; empty for what is none."""
    if kind := table_folders.kind(path):
        return FOLDERS[kind]
    module = TABLES.get(packed.suffix(path), "")
    return "" if path.is_dir() or (packed.packed(path) and module not in TEXTS) else module


def _reader(path: Path) -> Any:
    """The module that reads a table. It is loaded only for such a file: pyarrow is slow to load."""
    return import_module(f"collapse_cli.runs.{_module(path)}")


def _read(path: Path, column: str) -> Any:
    if path.suffix == ".npy":
        return shards.opened(path)
    if _module(path):
        return _reader(path).read(path, column)
    if path.suffix not in (".npz", ".safetensors"):
        unread.refuse(path)
    return reader.read(path)


def _joined(folder: Path) -> dict[str, Any]:
    """The tensors of all shards of a network by name, each from the file that the index names, where there is one.

    Raises CollapseError where index and files differ, and where files without an index hold a name twice.
    """
    places = weight_folders.named(folder)
    content: dict[str, Any] = {}
    for file in weight_folders.files(folder):
        shard = _shard(file)
        if strange := [name for name in shard if places and name not in places]:
            raise _unlike(f"{file} contains {_several(strange)} that the index of {folder} does not name")
        inside = {name: weight for name, weight in shard.items() if places.get(name, file.name) == file.name}
        if twice := [name for name in inside if name in content]:
            raise _unlike(f"{folder} has no index, and two of its files contain {_several(twice)}")
        content |= inside
    if missing := [name for name in places if name not in content]:
        raise _unlike(
            f"the index of {folder} names {_several(missing)} that the files in which it says they are do not contain"
        )
    return content


def _shard(file: Path) -> Mapping[str, Any]:
    shard = reader.read(file)
    if not isinstance(shard, Mapping):
        raise CollapseError(
            f"{file} contains a {type(shard).__name__}, not weights by name", "copy or download it again"
        )
    return shard


def _unlike(message: str) -> CollapseError:
    return CollapseError(
        message, "copy or download the files of the weights and their index again, all of one version"
    )


def _several(names: list[str]) -> str:
    return f"{len(names)} weight{'s' if len(names) > 1 else ''} ({', '.join(map(str, names[:3]))})"


def _digest_of(files: Iterable[Path], folder: Path | None = None) -> str:
    """Of contents and names; folder: in which the names count, else the last part of each does."""
    together, every = hashlib.sha256(), list(files)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for file, of_file in zip(every, pool.map(_digest, every), strict=True):
            name = file.relative_to(folder).as_posix() if folder else file.name
            together.update(name.encode() + b"\0" + of_file)
    return together.hexdigest()


def digest(file: Path) -> str:
    """SHA-256 of a file in hex: of one that has been hashed and not changed since it is known."""
    return _digest(file).hex()


def _digest(file: Path) -> bytes:
    reader.size(file)
    try:
        facts = file.stat()
        return _hashed(file, facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)
    except OSError as error:
        raise reader.Unreadable(file, error.strerror or str(error)) from None


@lru_cache(maxsize=2**14)
def _hashed(file: Path, size: int, inode: int, changed: int, touched: int) -> bytes:
    """Computed again where any of these is another one: a copy may keep the time of what it replaces."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
