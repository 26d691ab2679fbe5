"""Embeddings in parquet, one file or several with the same columns: read a row group at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow
from pyarrow import parquet

from collapse_cli.errors import CollapseError
from collapse_cli.remote import parts as remote_parts
from collapse_cli.runs import arrow_parts, reader, table_folders
from collapse_cli.runs.arrow_parts import Parts
from collapse_cli.runs.families import ByName
from collapse_cli.runs.table import Table

WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
"""Bytes of a value; all others take eight at least."""

OPEN = 8  # files at a time


def read(path: Path, selector: str = "") -> Table:
    """A file, a folder of them, or a split of one, DIR/train. selector: --column.

    Raises CollapseError for images, and where the rows are not clear or do not fit together.
    """
    return arrow_parts.read(_parts(path), selector)


def by_name(path: Path) -> ByName:
    """Every column of the same."""
    return arrow_parts.by_name(_parts(path))


def _parts(path: Path) -> Parts:
    """The row groups of all files, one below the other."""
    files = table_folders.parquets(path) if table_folders.kind(path) else [path]
    first, opened = _opened(files[0]), lru_cache(maxsize=OPEN)(_opened)
    groups = [(file, group) for file in files for group in _groups(opened(file))]
    lengths = [opened(file).metadata.row_group(group).num_rows for file, group in groups]

    def load(part: int, names: list[str]) -> pyarrow.Table:
        file, group = groups[part]
        return _load(file, opened(file), group, names)

    return Parts(path, first.schema_arrow, lengths, load)


def _opened(path: Path) -> parquet.ParquetFile:
    try:
        reader.size(path)
        remote_parts.footer(path)
        opened = parquet.ParquetFile(path, page_checksum_verification=True)
        opened.schema_arrow.names  # noqa: B018  # which may be no text
        return opened
    except reader.Unreadable as error:
        raise error.wanted_as("parquet", "write the file again") from None
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None


def _groups(opened: parquet.ParquetFile) -> list[int]:
    """The row groups that hold rows."""
    footer = opened.metadata
    return [group for group in range(footer.num_row_groups) if footer.row_group(group).num_rows > 0]


def _load(path: Path, opened: parquet.ParquetFile, group: int, names: list[str]) -> pyarrow.Table:
    """Columns of one row group. Raises CollapseError for one that is not there, or is larger than the memory."""
    missing = next((name for name in names if name not in opened.schema_arrow.names), None)
    if missing is not None:
        raise CollapseError(f"{path} has no column {missing}", "the files of a folder need the same columns")
    reader.refuse_too_large(path, _declared(opened, group, names))
    remote_parts.ranges(path, _bytes(opened, group, names), _bytes(opened, group + 1, names))
    try:
        return opened.read_row_group(group, columns=names)
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _bytes(opened: parquet.ParquetFile, group: int, names: Sequence[str]) -> list[tuple[int, int]]:
    """From which to which byte each of these columns of a row group lies; none of one beyond the last."""
    if group >= opened.metadata.num_row_groups:
        return []
    ends = []
    for column in _columns(opened, group, names):
        starts = [start for start in (column.dictionary_page_offset, column.data_page_offset) if start]
        ends.append((min(starts), min(starts) + column.total_compressed_size))
    return ends


def _columns(
    opened: parquet.ParquetFile, group: int, names: Sequence[str]
) -> list[parquet.ColumnChunkMetaData]:
    """The parts of these columns in one row group."""
    described = opened.metadata.row_group(group)
    columns = (described.column(place) for place in range(described.num_columns))
    starts = tuple(f"{name}." for name in names)
    return [
        column
        for column in columns
        if column.path_in_schema in names or column.path_in_schema.startswith(starts)
    ]


def _declared(opened: parquet.ParquetFile, group: int, names: Sequence[str]) -> int:
    """Bytes of these columns once they are read, by the counts of the footer: a column of equal numbers packs to nothing."""
    return sum(
        max(column.num_values * WIDTHS.get(column.physical_type, 8), column.total_uncompressed_size)
        for column in _columns(opened, group, names)
    )


def _unreadable(path: Path, error: Exception) -> CollapseError:
    reason = str(error).splitlines()[0]
    return CollapseError(f"{path} cannot be read as parquet ({reason})", "write the file again")
