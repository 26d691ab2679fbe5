"""Columns of Arrow, of whatever file: which kind each is of, and lists or numbers of them -> rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pyarrow
from pyarrow import compute, types

from collapse_cli.errors import CollapseError
from collapse_cli.runs.families import Column
from collapse_cli.runs.shards import float_of

Cells = Any
"""A pyarrow.Array or ChunkedArray: the package tells no types."""

Matrix = numpy.ndarray[Any, Any]


class Uneven(CollapseError):
    """A column of lists that are of several lengths, or of none."""


def described(schema: pyarrow.Schema) -> list[Column]:
    """What each column holds, by its type."""
    return [_column(field.name, plain(field.type)) for field in schema]


def _column(name: str, kind: pyarrow.DataType) -> Column:
    if is_list(kind):
        return Column(name, "list", whole=types.is_integer(kind.value_type))
    if is_number(kind):
        return Column(name, "number", types.is_integer(kind), classes=types.is_integer(kind))
    cell = kind.value_type if types.is_dictionary(kind) else kind
    text = types.is_string(cell) or types.is_large_string(cell) or types.is_string_view(cell)
    return Column(name, "other", classes=text or types.is_boolean(cell) or types.is_integer(cell))


def plain(kind: pyarrow.DataType) -> pyarrow.DataType:
    """The type in which an extension's values are kept: a tensor of fixed shape is a list."""
    return kind.storage_type if isinstance(kind, pyarrow.BaseExtensionType) else kind


def is_list(kind: pyarrow.DataType) -> bool:
    """Lists of numbers; lists of lists are none."""
    return is_listing(kind) and is_number(kind.value_type)


def is_listing(kind: pyarrow.DataType) -> bool:
    """Lists of anything."""
    small = types.is_list(kind) or types.is_fixed_size_list(kind) or types.is_list_view(kind)
    return bool(small or types.is_large_list(kind) or types.is_large_list_view(kind))


def is_number(kind: pyarrow.DataType) -> bool:
    return bool(types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind))


def dtype(schema: pyarrow.Schema, names: Sequence[str]) -> numpy.dtype:
    """The smallest type that holds a column of lists, or all columns of numbers."""
    kinds = [plain(schema.field(name).type) for name in names]
    values = [kind.value_type if is_list(kind) else kind for kind in kinds]
    plainly = ["float64" if types.is_decimal(value) else value.to_pandas_dtype() for value in values]
    return float_of(numpy.result_type(*plainly))


def width(column: Cells, name: str) -> int:
    """D of a column of lists. Raises CollapseError for lists of several lengths, of none, and rows without a list."""
    lengths = [None] if column.null_count else []
    lengths = compute.list_value_length(_stored(column).drop_null()).unique().to_pylist() + lengths
    if len(lengths) > 1 or lengths in ([], [None], [0]):
        widths = " and ".join("none" if length is None else str(length) for length in lengths[:3]) or "no"
        raise Uneven(
            f"{name} contains lists of {widths} numbers", "every row needs the same number D of them"
        )
    return int(lengths[0])


def lists(column: Cells, name: str, dimensions: int) -> Matrix:
    """Lists of D = `dimensions` numbers -> (n,D); a number that is missing is nan."""
    actual = width(column, name)
    if actual != dimensions:
        raise Uneven(
            f"{name} contains lists of {dimensions} and of {actual} numbers",
            "every row needs the same number D of them",
        )
    stored = _stored(column)
    chunks = stored.chunks if isinstance(stored, pyarrow.ChunkedArray) else [stored]
    return numpy.concatenate([_numbers(chunk.flatten()) for chunk in chunks]).reshape(-1, dimensions)


def side_by_side(columns: Sequence[Cells], kind: numpy.dtype) -> Matrix:
    """Columns of n numbers -> (n,D); what is missing is nan."""
    rows = numpy.empty((len(columns[0]), len(columns)), kind)
    for place, column in enumerate(columns):
        rows[:, place] = _numbers(_stored(column))
    return rows


def _stored(column: Cells) -> Cells:
    if not isinstance(column.type, pyarrow.BaseExtensionType):
        return column
    if isinstance(column, pyarrow.ChunkedArray):
        return pyarrow.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return column.storage


def _numbers(values: Cells) -> Matrix:
    if types.is_decimal(values.type):
        values = values.cast(pyarrow.float64())
    if isinstance(values, pyarrow.ChunkedArray):
        return numpy.asarray(values.to_numpy())
    return numpy.asarray(values.to_numpy(zero_copy_only=False))


def holds_images(schema: pyarrow.Schema) -> bool:
    """Whether a column is an image as `datasets` keeps it: its bytes, and a path."""
    return any(types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0 for field in schema)


def holds_lists_of_lists(schema: pyarrow.Schema) -> str:
    """The first column of lists of lists of numbers; empty where there is none."""
    for field in schema:
        kind = plain(field.type)
        if is_listing(kind) and is_list(plain(kind.value_type)):
            return str(field.name)
    return ""
