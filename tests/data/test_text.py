"""text:FILE, one text on a line or a column of a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import csv, parquet

from collapse_cli import data
from collapse_cli.data.text import texts
from collapse_cli.errors import CollapseError

LINES = ["a cat", "a dog", 'a, "bird"', "ein Fuß", "two\nlines"]


def table(folder: Path, ending: str, **columns: Any) -> Path:
    file, content = folder / f"t.{ending}", pyarrow.table(columns)
    if ending == "parquet":
        parquet.write_table(content, file)
    elif ending == "jsonl":
        file.write_text("\n".join(map(json.dumps, content.to_pylist())))
    else:
        csv.write_csv(content, file, csv.WriteOptions(delimiter="," if ending == "csv" else "\t"))
    return file


def refused(name: str) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        texts(name, "all")
    return caught.value


def test_lines(tmp_path: Path) -> None:
    """Blank ones are left out; a mark at the beginning of the file is no letter."""
    file = tmp_path / "t.txt"
    file.write_bytes("\ufeffa cat\r\n\r\n  \n a dog \nein Fuß".encode())
    read = texts(f"text:{file}", "all")
    assert (list(read.texts), read.labels, read.name) == (["a cat", "a dog", "ein Fuß"], [], "t.txt/all")


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv", "jsonl"])
def test_columns(tmp_path: Path, ending: str) -> None:
    """The column `text`, or the only one of texts, or the one that is named."""
    only = table(tmp_path, ending, quote=LINES, year=[1, 2, 3, 4, 5])
    assert list(texts(f"text:{only}", "all").texts) == LINES
    both = table(tmp_path, ending, title=[*"abcde"], text=LINES, label=[0, 1, 1, 0, 2])
    assert list(texts(f"text:{both}", "all").texts) == LINES
    assert list(texts(f"text:{both}", "all").labels) == [0, 1, 1, 0, 2]
    assert list(texts(f"text:{both}#title", "all").texts) == [*"abcde"]


def test_labels_stay_beside_their_texts(tmp_path: Path) -> None:
    """A cell without letters is left out with its label."""
    file = table(tmp_path, "parquet", text=["a", None, " ", "b"], label=[4, 3, 2, 1])
    read = texts(f"text:{file}", "all")
    assert (list(read.texts), list(read.labels), read.classes) == (["a", "b"], [1, 0], ("1", "4"))


@pytest.mark.parametrize("hidden", [None, -1])
def test_labels_that_stand_for_none(hidden: int | None, tmp_path: Path) -> None:
    """Some are refused with their count; where all do, there are no labels, which is told."""
    some = table(tmp_path, "parquet", text=[*"abc"], label=[0, hidden, 1])
    error = refused(f"text:{some}")
    assert f"1 of 3 texts of {some} have no label" in error.message
    assert "remove their rows" in error.hint
    every = table(tmp_path, "parquet", text=[*"abc"], label=pyarrow.array([hidden] * 3, pyarrow.int64()))
    read = texts(f"text:{every}", "all")
    assert (len(read), list(read.labels)) == (3, [])
    assert "the texts have no labels" in read.notes[0].sentence
    renamed = table(tmp_path, "parquet", text=[*"abc"], other=[0, hidden, 1])
    assert list(texts(f"text:{renamed}", "all").labels) == []


def test_splits_are_apart(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("\n".join(f"text {n}" for n in range(50)))
    train, test = (set(texts(f"text:{tmp_path / 't.txt'}", split).texts) for split in ("train", "test"))
    assert (len(train), len(test), len(train | test)) == (40, 10, 50)


def test_a_sign_in_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a#b.txt").write_text("a cat")
    assert list(texts(f"text:{tmp_path / 'a#b.txt'}", "all").texts) == ["a cat"]


def test_what_is_not_told_is_refused(tmp_path: Path) -> None:
    several = table(tmp_path, "parquet", title=["a"], body=["b"])
    error = refused(f"text:{several}")
    assert "several columns of texts (title, body)" in error.message
    assert error.hint == f"name it: --dataset 'text:{several}#title'"
    assert "no column of texts named 'x'" in refused(f"text:{several}#x").message
    numbers = table(tmp_path, "csv", year=[1])
    assert "no column of texts, only year" in refused(f"text:{numbers}").message
    assert "there is no file" in refused(f"text:{tmp_path / 'none.txt'}").message
    assert "has no columns" in refused(f"text:{write(tmp_path / 't.txt', b'a')}#x").message
    assert "has no texts" in refused(f"text:{write(tmp_path / 't.txt', b' ')}").message
    assert "cannot be read as text" in refused(f"text:{write(tmp_path / 't.txt', bytes([255, 254]))}").message
    assert "cannot be read" in refused(f"text:{write(tmp_path / 't.parquet', b'a')}").message
    assert "texts are not read from t.pdf" in refused(f"text:{write(tmp_path / 't.pdf', b'a')}").message


def write(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def test_texts_are_no_images(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="names texts, but this takes images"):
        data.load(f"text:{tmp_path / 't.txt'}")
