"""Parquet to rows: lists, columns, labels; images and lists of other lengths are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet

from collapse_cli.errors import CollapseError
from collapse_cli.runs import parquet_table
from collapse_cli.runs.table import Table

ROWS = numpy.arange(12, dtype="float32").reshape(4, 3) / 7


def table(columns: dict[str, Any], place: Path, group: int = 3) -> Table:
    """Written in row groups of three, so that four rows are two chunks."""
    parquet.write_table(pyarrow.table(columns), place / "e.parquet", row_group_size=group)
    return parquet_table.read(place / "e.parquet")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32"])
@pytest.mark.parametrize("kind", ["list", "large", "fixed"])
def test_a_column_of_lists(kind: str, dtype: str, tmp_path: Path) -> None:
    value = pyarrow.from_numpy_dtype(dtype)
    types = {
        "list": pyarrow.list_(value),
        "large": pyarrow.large_list(value),
        "fixed": pyarrow.list_(value, 3),
    }
    rows = ROWS.astype(dtype)
    found = table({"embedding": pyarrow.array(list(rows), types[kind])}, tmp_path).rows
    assert found["rows"].dtype == (torch.float32 if dtype == "int32" else getattr(torch, dtype))
    assert found["rows"].tolist() == rows.tolist()


def test_a_column_for_each_dimension(tmp_path: Path) -> None:
    """Columns of words, and those that count, are left out and named; a missing number is nan, and so seen when measured."""
    columns = {"id": [0, 1, 2, 3], "x0": ROWS[:, 0], "x1": [1.5, None, 2.5, 3.5], "url": list("abcd")}
    found = table(columns, tmp_path)
    rows = found.rows["rows"]
    assert (rows.dtype, rows.shape, found.aside) == (torch.float64, (4, 2), ("id", "url"))
    assert rows[:, 0].tolist() == ROWS[:, 0].tolist()
    assert rows[:, 1].isnan().tolist() == [False, True, False, False]
    assert table({"x0": ROWS[:, 0], "x1": ROWS[:, 1]}, tmp_path).rows["rows"].dtype == torch.float32


def test_labels(tmp_path: Path) -> None:
    found = table({"label": ["b", "a", "b", "c"], "embedding": list(ROWS)}, tmp_path)
    assert found.labels is not None
    assert (found.labels.tolist(), found.classes, found.aside) == ([1, 0, 1, 2], ("a", "b", "c"), ())
    numbers = table({"Labels": [10, 9, 10, 9], "embedding": list(ROWS)}, tmp_path)
    assert numbers.labels is not None
    assert (numbers.labels.tolist(), numbers.classes) == ([1, 0, 1, 0], ("9", "10"))


def test_numbers_beside_lists_are_no_dimensions(tmp_path: Path) -> None:
    """The columns of our own names are two spaces; a column of numbers beside them, a loss, is left out and named."""
    columns = {"loss": ROWS[:, 0], "projections": list(ROWS[:, :2]), "representations": list(ROWS)}
    found = table(columns, tmp_path)
    assert {name: tuple(rows.shape) for name, rows in found.rows.items()} == {
        "representations": (4, 3),
        "projections": (4, 2),
    }
    assert found.aside == ("loss",)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"e": [[1.0, 2.0], [3.0]]}, "lists of 2 and 1 numbers"),
        ({"e": [[1.0, 2.0], None]}, "lists of 2 and none numbers"),
        ({"e": pyarrow.array([[], []], pyarrow.list_(pyarrow.float32()))}, "lists of 0 numbers"),
        ({"url": ["a", "b"]}, "has no column of numbers; its columns are: url"),
        ({"id": [1, 2]}, "has no column of numbers; its columns are: id"),
        ({"e": [[1.0], [2.0]], "label": [1, None]}, "a row has no label"),
        ({"img": [{"bytes": b"x", "path": ""}], "label": [1]}, "contains images, not embeddings"),
    ],
)
def test_what_does_not_fit(columns: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said) as caught:
        table(columns, tmp_path)
    assert caught.value.hint


def test_no_parquet(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="no file"):
        parquet_table.read(tmp_path / "e.parquet")
    table({"embedding": list(ROWS)}, tmp_path)
    content = (tmp_path / "e.parquet").read_bytes()
    for torn in (b"", b"hello", content[:-1], content[: len(content) // 2]):
        (tmp_path / "e.parquet").write_bytes(torn)
        with pytest.raises(CollapseError, match="cannot be read as parquet"):
            parquet_table.read(tmp_path / "e.parquet")


def test_names_that_are_no_utf_8(tmp_path: Path) -> None:
    parquet.write_table(
        pyarrow.table({"caption": list("abcd"), "embedding": list(ROWS)}),
        tmp_path / "e.parquet",
        store_schema=False,
    )
    content = (tmp_path / "e.parquet").read_bytes()
    (tmp_path / "e.parquet").write_bytes(content.replace(b"caption", b"captio\xe7"))
    with pytest.raises(CollapseError, match="cannot be read as parquet"):
        parquet_table.read(tmp_path / "e.parquet")
