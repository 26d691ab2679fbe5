"""Embeddings in files of Arrow: .arrow, .feather, .ipc as a file or a stream, and the folders of `Dataset.save_to_disk`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow
from pyarrow import ipc

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrow_parts, reader, shell, table_folders
from collapse_cli.runs.arrow_parts import Parts
from collapse_cli.runs.families import ByName
from collapse_cli.runs.table import Table

FEATHER_1 = b"FEA1"


def read(path: Path, selector: str = "") -> Table:
    """A file, or the folder of a data set. selector: --column.

    Raises CollapseError for what is no Arrow, for several splits, and where the rows are not clear or do not fit together.
    """
    return arrow_parts.read(_parts(path), selector)


def by_name(path: Path) -> ByName:
    """Every column of the same."""
    return arrow_parts.by_name(_parts(path))


def _files(folder: Path) -> list[Path]:
    """Of the folder that `Dataset.save_to_disk` wrote, the files that its state.json names, in that order."""
    if table_folders.kind(folder) == "splits":
        table_folders.refuse_splits(folder)
    state = folder / "state.json"
    try:
        reader.refuse_too_large(state, reader.size(state))
        names = [Path(part["filename"]).name for part in json.loads(state.read_text("utf-8"))["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CollapseError(
            f"{state} is not what `Dataset.save_to_disk` writes ({type(error).__name__})",
            "save the data set again",
        ) from None
    return [folder / name for name in names]


def _parts(path: Path) -> Parts:
    """Every batch is looked at once; its numbers stay on disk where they are not compressed."""
    files = _files(path) if path.is_dir() else [path]
    batches = [(file, batch) for file in files for batch in _batches(file) if len(batch)]
    schema = batches[0][1].schema if batches else _schema(files, path)

    def load(part: int, names: list[str]) -> pyarrow.RecordBatch:
        file, batch = batches[part]
        missing = next((name for name in names if name not in batch.schema.names), None)
        if missing is not None:
            raise CollapseError(f"{file} has no column {missing}", "all files need the same columns")
        try:
            chosen = batch.select(names)
            chosen.validate(full=True)  # offsets may point anywhere
        except (pyarrow.ArrowException, KeyError) as error:
            raise _unreadable(file, error) from None
        return chosen

    lengths = [len(batch) for _, batch in batches]
    return Parts(path, schema, lengths, load)


def _batches(path: Path) -> Iterator[pyarrow.RecordBatch]:
    """Raises CollapseError also where compressed batches unpack to more than the memory."""
    before = pyarrow.total_allocated_bytes()
    try:
        opened = _opened(path)
        stream = isinstance(opened, ipc.RecordBatchStreamReader)
        parts = opened if stream else map(opened.get_batch, range(opened.num_record_batches))
        for batch in parts:
            reader.refuse_too_large(path, pyarrow.total_allocated_bytes() - before)
            yield batch
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _schema(files: Sequence[Path], path: Path) -> pyarrow.Schema:
    """Of files without rows."""
    if not files:
        raise CollapseError(f"{path} names no files", "save the data set again")
    return _opened(files[0]).schema


def _opened(path: Path) -> ipc.RecordBatchFileReader | ipc.RecordBatchStreamReader:
    try:
        if not reader.size(path):
            raise CollapseError(f"{path} is empty", "write the file again")
        mapped = pyarrow.memory_map(str(path))
        start = mapped.read(6)
        mapped.seek(0)
        if start[:4] == FEATHER_1:
            raise CollapseError(
                f"{path} is a Feather file of version 1, which is not read",
                shell.python(
                    f"import pandas, pyarrow.feather; pyarrow.feather.write_feather("
                    f"pandas.read_feather({shell.literal(path)}), 'v2.feather')"
                ),
            )
        return ipc.open_file(mapped) if start == b"ARROW1" else ipc.open_stream(mapped)
    except reader.Unreadable as error:
        raise error.wanted_as("Arrow", "write the file again") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> CollapseError:
    reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return CollapseError(f"{path} cannot be read as Arrow ({reason})", "write the file again")
