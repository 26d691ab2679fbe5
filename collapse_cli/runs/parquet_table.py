"""Embeddings in parquet: a column of lists, or one column for each dimension; a column `label` is labels."""

from __future__ import annotations

from pathlib import Path

import numpy
import pyarrow
import torch
from pyarrow import compute, parquet, types
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.runs.labels import HEADINGS
from collapse_cli.runs.shards import float_of
from collapse_cli.runs.table import COUNTS, Table, labelled

WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4}
"""Bytes of a value; all others take eight at least."""


def read(path: Path) -> Table:
    """Every column of lists as rows (N,D) by its name, or else all columns of numbers as one.

    Raises CollapseError for images, lists of unequal length, and where there are no numbers.
    """
    schema = _schema(path)
    reader.refuse_too_large(path, _declared(path))
    label = next((name for name in schema.names if name.lower() in HEADINGS), None)
    others = [field for field in schema if field.name != label]
    lists = [field.name for field in others if _is_list(field.type)]
    plain = [f.name for f in others if _is_number(f.type) and not COUNTS.fullmatch(f.name)]
    taken = lists or plain
    if not taken:
        raise _no_rows(path, schema)
    table = _table(path, [*taken, *([label] if label else [])])
    rows = (
        {name: _lists(table.column(name), f"{path}, column {name}") for name in lists}
        if lists
        else {"rows": _side_by_side(table, plain)}
    )
    labels, classes = labelled(table.column(label).to_pylist(), path) if label else (None, ())
    return Table(rows, labels, classes, tuple(field.name for field in others if field.name not in taken))


def _schema(path: Path) -> pyarrow.Schema:
    try:
        reader.size(path)
        return parquet.read_schema(path)
    except reader.Unreadable as error:
        raise error.wanted_as("parquet", "write it again") from None
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _declared(path: Path) -> int:
    """Bytes of all columns once they are read, by the counts of the file's footer: a column of equal numbers packs to nothing."""
    footer = parquet.read_metadata(path)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    columns = (group.column(place) for group in groups for place in range(footer.num_columns))
    return sum(column.num_values * WIDTHS.get(column.physical_type, 8) for column in columns)


def _table(path: Path, columns: list[str]) -> pyarrow.Table:
    try:
        return parquet.ParquetFile(path).read(columns)
    except (pyarrow.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> CollapseError:
    reason = str(error).splitlines()[0]
    return CollapseError(f"{path} cannot be read as parquet ({reason})", "write it again")


def _no_rows(path: Path, schema: pyarrow.Schema) -> CollapseError:
    """Of a file of images, that is what is said."""
    if any(types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0 for field in schema):
        return CollapseError(
            f"{path} holds images, not embeddings",
            f"give it as the images of a run or a checkpoint: --dataset parquet:{path}",
        )
    return CollapseError(
        f"{path} has no column of numbers, only {', '.join(schema.names)}",
        "embeddings are a column of lists, or a column of numbers for each dimension",
    )


def _is_list(kind: pyarrow.DataType) -> bool:
    held = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    return held and _is_number(kind.value_type)


def _is_number(kind: pyarrow.DataType) -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind))


def _lists(column: pyarrow.ChunkedArray, name: str) -> Tensor:
    """Lists of one length D -> (N,D)."""
    lengths = compute.list_value_length(column).unique().to_pylist()
    if len(lengths) > 1 or lengths in ([None], [0]):
        said = " and ".join("none" if length is None else str(length) for length in lengths[:3])
        raise CollapseError(f"{name} holds lists of {said} numbers", "every row needs the same D of them")
    parts = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    array = numpy.concatenate(parts) if parts else numpy.empty(0, "float32")
    return torch.from_numpy(array.astype(float_of(array.dtype)).reshape(-1, lengths[0] if lengths else 1))


def _side_by_side(table: pyarrow.Table, names: list[str]) -> Tensor:
    """Columns of numbers -> (N,D), of the smallest type that holds them all; what is missing becomes nan."""
    columns = [table.column(name).to_numpy() for name in names]
    kind = float_of(numpy.result_type(*columns))
    rows = numpy.empty((len(table), len(columns)), kind)
    for place, column in enumerate(columns):
        rows[:, place] = column
    return torch.from_numpy(rows)
