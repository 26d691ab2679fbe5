"""Labels of every kind of file become classes in order; lists of another length or kind are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from pyarrow import parquet

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrays, embedding_set, labels

NAMES = ["dog", "cat", "große Katze", "dog"]


def write(path: Path, values: list[Any]) -> Path:
    array = numpy.array(values)
    if path.suffix == ".npy":
        numpy.save(path, array)
    elif path.suffix == ".npz":
        numpy.savez(path, labels=array, index=numpy.arange(len(values)))
    elif path.suffix == ".pt":
        torch.save(values if isinstance(values[0], str) else torch.tensor(values), path)
    else:
        path.write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", [".npy", ".npz", ".pt", ".txt", ".csv", ".tsv"])
def test_names_and_numbers_of_every_kind(kind: str, tmp_path: Path) -> None:
    """cat < dog < große Katze; and -1 < 3 < 10 as numbers, where '-1' < '10' < '3' as words."""
    found, classes = labels.read(write(tmp_path / f"names{kind}", NAMES), 4)
    assert (found.dtype, found.tolist(), classes) == (
        torch.int64,
        [1, 0, 2, 1],
        ("cat", "dog", "große Katze"),
    )
    found, classes = labels.read(write(tmp_path / f"numbers{kind}", [10, 3, -1, 3]), 4)
    assert (found.dtype, found.tolist(), classes) == (torch.int64, [2, 1, 0, 1], ("-1", "3", "10"))


@pytest.mark.parametrize("heading", ["", "label\n", '"Labels"\n', "\ufefflabel\n"])
@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\r\n"])
def test_a_heading_and_the_last_line(heading: str, ending: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(f'{heading}7\n"8"\n7{ending}', encoding="utf-8", newline="")
    assert labels.read(tmp_path / "l.csv", 3)[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.tsv", "word\tlabel\nx\tcat\ny\tdog\n"),
        ("metadata.tsv", "Class\tword\ncat\tx\ndog\ty\n"),
        ("l.csv", 'file,label\n"a,b",cat\nc,dog\n'),
    ],
)
def test_one_of_several_columns(name: str, content: str, tmp_path: Path) -> None:
    """As the TensorBoard projector has them: with a heading where there are several, without where there is one."""
    (tmp_path / name).write_text(content)
    assert labels.read(tmp_path / name, 2)[1] == ("cat", "dog")
    (tmp_path / name).write_text("".join(line.split("\t")[0] + "\n" for line in content.splitlines()[1:]))
    assert len(labels.read(tmp_path / name, 2)[1]) == 2


def test_columns_that_do_not_say_which_are_labels(tmp_path: Path) -> None:
    (tmp_path / "l.tsv").write_text("word\tcount\nx\t1\n")
    with pytest.raises(CollapseError, match="none of the columns word, count is called label"):
        labels.read(tmp_path / "l.tsv", 1)
    (tmp_path / "l.csv").write_text("grey, small\nblack, tall\n")  # names with commas
    assert labels.read(tmp_path / "l.csv", 2)[1] == ("black, tall", "grey, small")


@pytest.mark.parametrize("kind", [".npy", ".npz", ".pt", ".txt"])
@pytest.mark.parametrize("count", [3, 5])
def test_one_label_too_few_or_too_many(kind: str, count: int, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=f"contains 4 labels, but there are {count} embeddings"):
        labels.read(write(tmp_path / f"l{kind}", NAMES), count)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.5, 1.0], "numbers with fractions as labels, such as 0.5"),
        ([[0, 1], [1, 0]], "of shape"),
        ([1j, 2j], "complex128 of shape"),
        ([1.0, float("inf")], "contains a float"),
    ],
    ids=["fractions", "one-hot", "complex", "infinite"],
)
def test_what_is_no_label(values: list[Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=told) as caught:
        labels.read(write(tmp_path / "l.npy", values), 2)
    assert "whole numbers or names" in caught.value.hint


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([True, False], ("False", "True")),
        ([30.0, 10.0], ("10", "30")),
        (["class10", "class2"], ("class2", "class10")),
        (["10", "9"], ("9", "10")),
        (["007", "7"], ("007", "7")),
    ],
    ids=["bool", "whole floats", "digits in names", "digits", "leading zeros"],
)
def test_values_are_kept_as_names_in_natural_order(
    values: list[Any], names: tuple[str, ...], tmp_path: Path
) -> None:
    assert labels.read(write(tmp_path / "l.npy", values), 2)[1] == names


@pytest.mark.parametrize("sign", ["", "-", "a"])
def test_a_label_of_very_many_digits_is_a_name(sign: str, tmp_path: Path) -> None:
    long = sign + "7" * 5000
    assert labels.read(write(tmp_path / "l.txt", [long, "7", "8"]), 3)[1] == ("7", "8", long)


def test_a_missing_number_is_no_class(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match=r"1 of 3 labels of .* are missing"):
        labels.read(write(tmp_path / "l.npy", [0.0, float("nan"), 1.0]), 3)


def test_a_column_by_its_name(tmp_path: Path) -> None:
    """In a table, and among arrays; a name that is not there is answered with those that are."""
    (tmp_path / "l.csv").write_text("id,species,label\n1,cat,5\n2,dog,5\n")
    assert labels.read(tmp_path / "l.csv", 2, column="species")[1] == ("cat", "dog")
    assert labels.read(tmp_path / "l.csv", 2)[1] == ("5",)
    with pytest.raises(CollapseError, match="no column 'specie'; its columns are: id, species, label"):
        labels.read(tmp_path / "l.csv", 2, column="specie")
    numpy.savez(tmp_path / "l.npz", fine=numpy.arange(3), coarse=numpy.zeros(3, int))
    assert labels.read(tmp_path / "l.npz", 3, column="coarse")[1] == ("0",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.txt", b"a\n\nb\n", "label 2 of 3 is empty"),
        ("l.txt", b"\xff\xfe", "cannot be read as text"),
        ("l.npy", b"hello", "cannot be read as labels"),
        ("l.pt", b"hello", "cannot be read as torch"),
        ("l.json", b"[]", "labels are not read from a file of this type"),
    ],
)
def test_files_of_nothing(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CollapseError, match=said) as caught:
        labels.read(tmp_path / name, 2)
    assert caught.value.hint


def beside(path: Path, column: str = "") -> tuple[list[int], tuple[str, ...]]:
    """The labels of three embeddings in a file of their own."""
    rows = {arrays.ROWS: torch.eye(3)}
    stored = embedding_set.stored(rows, "", path, labels.LabelFile(path, column))
    assert stored.labels is not None
    return stored.labels.tolist(), stored.classes


@pytest.mark.parametrize("kind", [".parquet", ".jsonl", ".ndjson", ".csv"])
def test_tables_of_every_kind_that_images_have(kind: str, tmp_path: Path) -> None:
    rows = {"age": [7, 8, 9], "label": ["dog", "cat", "dog"], "size": ["2", "1", "1"]}
    path, lines = (
        tmp_path / f"l{kind}",
        [dict(zip(rows, cells, strict=True)) for cells in zip(*rows.values(), strict=True)],
    )
    if kind == ".parquet":
        parquet.write_table(pyarrow.table(rows), path)
    elif kind == ".csv":
        path.write_text("\n".join([",".join(rows), *(",".join(map(str, line.values())) for line in lines)]))
    else:
        path.write_text("\n".join(map(json.dumps, lines)))
    assert beside(path) == ([1, 0, 1], ("cat", "dog"))
    assert beside(path, "size") == ([1, 0, 0], ("1", "2"))
    with pytest.raises(CollapseError, match="no column 'breed'"):
        beside(path, "breed")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("l.jsonl", '{"label": 1}\n' * 2, "contains 2 labels, but the input has 3 embeddings"),
        ("l.jsonl", '{"label": 1}\n' * 2 + "{}\n", "1 of 3 labels of .* are missing"),
        ("l.jsonl", '{"label": [1]}\n' * 3, "contains lists"),
        ("l.parquet", "hello", "cannot be read as parquet"),
        ("l.xml", "<a/>", "not read from a file of this type"),
    ],
)
def test_tables_that_are_no_labels(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CollapseError, match=told):
        beside(tmp_path / name)


def test_a_home_folder_is_spelt_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "l.txt").write_text("a\nb\na\n")
    assert beside(Path("~/l.txt")) == ([0, 1, 0], ("a", "b"))


@pytest.mark.parametrize("kind", labels.KINDS)
def test_no_file(kind: str, tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="no file"):
        labels.read(tmp_path / f"l{kind}", 2)


def test_several_arrays_none_of_which_is_called_labels(tmp_path: Path) -> None:
    numpy.savez(tmp_path / "l.npz", fine=numpy.arange(3), coarse=numpy.arange(3))
    with pytest.raises(CollapseError, match="only fine, coarse"):
        labels.read(tmp_path / "l.npz", 3)
    numpy.savez(tmp_path / "l.npz", fine=numpy.arange(3))
    assert labels.read(tmp_path / "l.npz", 3)[0].tolist() == [0, 1, 2]


ORDERS = {
    "sorted from 0": "0123",
    "sorted from 1": "1234",
    "no count": "7391",
    "another order": "2031",
    "from 1": "2413",
}


@pytest.mark.parametrize("heading", ["id", "", "Index"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_table_that_counts_its_rows_in_another_order_is_refused(
    order: str, suffix: str, heading: str, tmp_path: Path
) -> None:
    """Its lines would be taken in the order of the file, and the accuracy of a probe be that of guessing."""
    path, counts = tmp_path / f"l.{suffix}", ORDERS[order]
    rows = list(zip(counts, "abca", strict=True))
    if suffix == "csv":
        path.write_text(f"{heading},label\n" + "".join(f"{n},{label}\n" for n, label in rows))
    else:
        path.write_text("".join(f'{{"{heading}": {n}, "label": "{label}"}}\n' for n, label in rows))

    def read() -> list[int]:
        return embedding_set._labels_beside(labels.LabelFile(path), 4)[0].tolist()

    if order in ("another order", "from 1"):
        with pytest.raises(
            CollapseError, match=f"column `{heading}` counts the rows in another order"
        ) as error:
            read()
        assert error.value.hint.startswith("sort the lines by it")
    else:
        assert read() == [0, 1, 2, 0]
