"""Text to rows: headings, labels, columns that count, and the line of whatever is wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import csv_table, reader
from collapse_cli.runs.table import Table


def table(text: str, place: Path) -> Table:
    (place / "e.csv").write_text(text, encoding="utf-8", newline="")
    return csv_table.read(place / "e.csv")


@pytest.mark.parametrize("heading", ["", "x0,x1,x2\n", "0,1,2\n", "\ufeffdim_1,dim_2,dim_3\n"])
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
    assert found.chosen.startswith("3 columns") == bool(heading)


def test_a_byte_order_mark_is_no_part_of_the_first_cell(tmp_path: Path) -> None:
    """As Excel saves UTF-8: before a number, and before the name of a column."""
    assert table("\ufeff1,2\n3,4\n", tmp_path).rows["rows"].tolist() == [[1, 2], [3, 4]]
    found = table("\ufefflabel,x0,x1\nb,1,2\na,3,4\n", tmp_path)
    assert (found.rows["rows"].tolist(), found.classes) == ([[1, 2], [3, 4]], ("a", "b"))


def test_labels_of_words_and_of_numbers(tmp_path: Path) -> None:
    found = table('x0,label,x1\n1,"cat, grey",2\n3,dog,4\n5,"cat, grey",6\n', tmp_path)
    assert found.rows["rows"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.labels is not None
    assert (found.labels.tolist(), found.classes) == ([0, 1, 0], ("cat, grey", "dog"))
    numbered = table("Labels,x0,x1\n10,1,3\n9,2,4\n", tmp_path)
    assert numbered.labels is not None
    assert (numbered.labels.tolist(), numbered.classes) == ([1, 0], ("9", "10"))


def test_columns_that_count_are_left_out(tmp_path: Path) -> None:
    """As pandas writes its index: a column without a name."""
    found = table(",x0,x1,id,Unnamed: 0\n0,1.5,3.5,7,0\n1,2.5,4.5,8,1\n", tmp_path)
    assert found.rows["rows"].tolist() == [[1.5, 3.5], [2.5, 4.5]]
    assert found.aside == ("the column without a name", "id", "Unnamed: 0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3\n", r"line 2 has 1 cells, but the first line has 2"),
        ("x0,x1\n1,2\n\n3,4,5\n", r"line 4 has 3 cells, but the first line has 2"),
        ("1,2\n3,four\n", r"line 2, column 2: 'four' is not a number"),
        ("1,2\n3,\n", r"line 2, column 2: '' is not a number"),
        ("x0,x1\n1,2\n3,four\n", r"line 3, column 2: 'four' is not a number"),
        ("1|2\n3|4\n", r"has no column of numbers; its columns are: 1\|2"),
        ("x0,x1,label\n1,2,a\n2,3,\n", r"a row has no label"),
        ("", r"is empty"),
        ("\n\n", r"is empty"),
        ("x,y\n", r"contains a heading and no rows"),
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


def test_a_line_between_bars_is_not_repeated_whole(tmp_path: Path) -> None:
    line = "|".join(["0.123456"] * 500)
    with pytest.raises(CollapseError) as caught:
        table(f"{line}\n{line}\n", tmp_path)
    assert f"its columns are: {line[:40]}…" in caught.value.message


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_separators_are_seen_in_a_first_line_without_commas(delimiter: str, tmp_path: Path) -> None:
    """Excel writes semicolons where the comma is the decimal point; numbers with such a one are refused."""
    text = "x0,x1,label\n1,2,a\n3,4.5,b\n".replace(",", delimiter)
    assert table(text, tmp_path).rows["rows"].tolist() == [[1, 2], [3, 4.5]]
    with pytest.raises(CollapseError, match="with a decimal comma"):
        table("x0;x1\n1,5;2,5\n", tmp_path)


def test_a_word_before_the_numbers_is_no_heading(tmp_path: Path) -> None:
    """A first line with fractions is a row: taken for a heading it would be lost."""
    found = table("cat,0.5,1\ndog,2,3\n", tmp_path)
    assert (found.rows["rows"].tolist(), found.aside) == ([[0.5, 1], [2, 3]], ("column 1",))


@pytest.mark.parametrize("numbers", ["0,1,2\n3,4,5\n", "0,1\n1,0\n"])
def test_whole_numbers_without_a_heading(numbers: str, tmp_path: Path) -> None:
    """`0,1,2` names the columns only where what follows is no whole numbers: numpy.arange begins so too."""
    assert len(table(numbers, tmp_path).rows["rows"]) == 2
    assert table("0,1,2\n3,4.5,5\n", tmp_path).rows["rows"].tolist() == [[3, 4.5, 5]]


LISTS = {
    "python": lambda row: str(list(map(float, row))),
    "numpy": lambda row: str(numpy.array(row)),
    "wrapped": lambda row: str(numpy.array(row)).replace(" ", "\n ", 1),
}


@pytest.mark.parametrize("written", LISTS)
def test_lists_in_cells(written: str, tmp_path: Path) -> None:
    """As pandas writes a column of lists, and one of numpy's arrays, which has no commas and may run over lines."""
    rows = [[0.5, -1e-3, 3.0], [1.0, 2.0, 3.5]]
    lines = [f'{n},"{LISTS[written](row)}",{"ab"[n]}\n' for n, row in enumerate(rows)]
    found = table("id,embedding,label\n" + "".join(lines), tmp_path)
    assert found.rows["rows"].tolist() == rows
    assert (found.classes, found.aside, found.chosen) == (("a", "b"), ("id",), "the column embedding")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["[1, 2]", "[1, 2, 3]"], "line 3, column 2 contains 3 numbers, but the first row has 2"),
        (["[1, 2]", "[1, x]"], "line 3, column 2: 'x' in a list is not a number"),
        (["[1, 2]", ""], "line 3, column 2: '' is not a list"),
        (["[1 2]", "[1 ... 2]"], r"line 3, column 2: numpy wrote '...' in place of most numbers"),
        (["[]", "[]"], r"column 2: '' in a list is not a number"),
    ],
)
def test_what_is_wrong_with_a_list(cells: list[str], said: str, tmp_path: Path) -> None:
    lines = [f'{n},"{cell}"\n' for n, cell in enumerate(cells)]
    with pytest.raises(CollapseError, match=said):
        table("id,embedding\n" + "".join(lines), tmp_path)


def test_ragged_lists_beside_the_embedding_are_left_out(tmp_path: Path) -> None:
    found = table('tokens,vector\n"[1, 2]","[0.5, 1]"\n"[1]","[2, 3]"\n', tmp_path)
    assert (found.rows["rows"].tolist(), found.aside) == ([[0.5, 1], [2, 3]], ("tokens",))
    found = table('a,b\n"[1.5, 2]","[0.5, 1]"\n"[1.5]","[2, 3]"\n', tmp_path)
    assert (found.rows["rows"].tolist(), found.aside) == ([[0.5, 1], [2, 3]], ("a",))


def test_a_long_list_is_one_line(tmp_path: Path) -> None:
    """A million numbers: longer than what is read at once, and than a cell may be for Python's csv by itself."""
    line = "[" + ", ".join(["0.25"] * 1_000_000) + "]"
    found = table(f'embedding\n"{line}"\n"{line}"\n', tmp_path)
    assert found.rows["rows"].shape == (2, 1_000_000)
    assert found.rows["rows"].unique().tolist() == [0.25]


def test_packed_text_is_read_and_never_more_than_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bomb: 4 MB of zeros in a few KB, where the memory is one."""
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"x0,x1\n1,2\n3,4\n"))
    assert csv_table.read(tmp_path / "e.csv.gz").rows["rows"].tolist() == [[1, 2], [3, 4]]
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(b"0,0\n" * (1 << 20)))
    assert (tmp_path / "e.csv.gz").stat().st_size < 10_000
    monkeypatch.setattr(reader, "budget", lambda: 1 << 20)
    with pytest.raises(CollapseError, match="files may take 1,048,576 bytes of memory"):
        csv_table.read(tmp_path / "e.csv.gz")
    for torn in (b"hello", gzip.compress(b"x0,x1\n1,2\n" * 1000)[:-20]):
        (tmp_path / "e.csv.gz").write_bytes(torn)
        with pytest.raises(CollapseError, match="cannot be unpacked"):
            csv_table.read(tmp_path / "e.csv.gz")
