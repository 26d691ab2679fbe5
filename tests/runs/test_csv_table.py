"""Text to rows: headings, labels, columns that count, and the line of whatever is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import csv_table
from collapse_cli.runs.table import Table


def table(text: str, place: Path) -> Table:
    (place / "e.csv").write_text(text, encoding="utf-8", newline="")
    return csv_table.read(place / "e.csv")


@pytest.mark.parametrize("heading", ["", "x,y,z\n", "0,1,z\n", "\ufeffx,y,z\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
def test_rows(heading: str, ending: str, tmp_path: Path) -> None:
    """A first line is a heading where any of its cells is no number; text keeps all digits of a double."""
    found = table(heading + ending.join(["1, 2.5,-3e-2", "0.1,nan,+inf"]) + ending, tmp_path)
    rows = found.rows["rows"]
    assert (rows.dtype, rows.shape) == (torch.float64, (2, 3))
    assert rows[0].tolist() == [1, 2.5, -0.03]
    assert rows[1, 0].item() == 0.1
    assert (bool(rows[1, 1].isnan()), bool(rows[1, 2].isinf())) == (True, True)
    assert (found.labels, found.classes, found.aside) == (None, (), ())


def test_a_byte_order_mark_is_no_part_of_the_first_cell(tmp_path: Path) -> None:
    """As Excel saves UTF-8: before a number, and before the name of a column."""
    assert table("\ufeff1,2\n3,4\n", tmp_path).rows["rows"].tolist() == [[1, 2], [3, 4]]
    found = table("\ufefflabel,x\nb,1\na,2\n", tmp_path)
    assert (found.rows["rows"].tolist(), found.classes) == ([[1], [2]], ("a", "b"))


def test_labels_of_words_and_of_numbers(tmp_path: Path) -> None:
    found = table('x,label,y\n1,"cat, grey",2\n3,dog,4\n5,"cat, grey",6\n', tmp_path)
    assert found.rows["rows"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.labels is not None
    assert (found.labels.tolist(), found.classes) == ([0, 1, 0], ("cat, grey", "dog"))
    numbered = table("Labels,x\n10,1\n9,2\n", tmp_path)
    assert numbered.labels is not None
    assert (numbered.labels.tolist(), numbered.classes) == ([1, 0], ("9", "10"))


def test_columns_that_count_are_left_out(tmp_path: Path) -> None:
    """As pandas writes its index: a column without a name."""
    found = table(",x,id,Unnamed: 0\n0,1.5,7,0\n1,2.5,8,1\n", tmp_path)
    assert found.rows["rows"].tolist() == [[1.5], [2.5]]
    assert found.aside == ("the column without a name", "id", "Unnamed: 0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3\n", r"line 2 has 1 cells, the first line 2"),
        ("x,y\n1,2\n\n3,4,5\n", r"line 4 has 3 cells, the first line 2"),
        ("1,2\n3,four\n", r"line 2, column 2: 'four' is not a number"),
        ("1,2\n3,\n", r"line 2, column 2: '' is not a number"),
        ("cat,2\ndog,4\n", r"line 2, column 1: 'dog' is not a number"),
        ("1;2\n3;4\n", r"line 2, column 1: '3;4' is not a number"),
        ("x,label\n1,a\n2,\n", r"a row has no label"),
        ("", r"is empty"),
        ("\n\n", r"is empty"),
        ("x,y\n", r"holds a heading and no rows"),
    ],
)
def test_what_is_wrong_and_where(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=said) as caught:
        table(text, tmp_path)
    assert caught.value.hint


def test_no_text(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="no file"):
        csv_table.read(tmp_path / "e.csv")
    for content in (b"\xff\xfe\x00", b"1,2\n\x00\x80"):
        (tmp_path / "e.csv").write_bytes(content)
        with pytest.raises(CollapseError, match="cannot be read as text"):
            csv_table.read(tmp_path / "e.csv")


@pytest.mark.parametrize("first", ["1,2,", "1,,3", ",2,3"])
def test_a_gap_in_the_first_line_is_no_heading(first: str, tmp_path: Path) -> None:
    """Taken for one, that row would be left out without a word."""
    with pytest.raises(CollapseError, match=r"line 1, column .: '' is not a number"):
        table(f"{first}\n4,5,6\n7,8,9\n", tmp_path)


def test_pandas_names_its_columns_by_numbers_behind_an_empty_one(tmp_path: Path) -> None:
    """`DataFrame(rows).to_csv(path)`: the heading `,0,1` and a column that counts the rows."""
    found = table(",0,1\n0,2.5,3.5\n1,4.5,5.5\n", tmp_path)
    assert (found.rows["rows"].tolist(), found.aside) == (
        [[2.5, 3.5], [4.5, 5.5]],
        ("the column without a name",),
    )


def test_a_line_between_semicolons_is_not_repeated_whole(tmp_path: Path) -> None:
    line = ";".join(["0.123456"] * 500)
    with pytest.raises(CollapseError) as caught:
        table(f"{line}\n{line}\n", tmp_path)
    assert f"'{line[:40]}…' is not a number" in caught.value.message
    assert "between commas" in caught.value.hint
