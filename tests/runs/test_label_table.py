"""Files of labels beside images: joined by the names of their files, by order, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli.analysis import image_sets
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.runs.file_names import Names
from collapse_cli.runs.label_table import joined
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images

FILES = ("cat/1.png", "cat/2.png", "dog/1.png", "dog/3.jpg")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("cat/2.png", 1),
        ("./cat/2.png", 1),
        ("cat\\2.png", 1),
        ("2.png", 1),
        ("2", 1),
        (2, 1),
        ("dog/1", 2),
        ("/data/pets/dog/3.jpg", 3),
        ("3.jpg", 3),
        ("1.png", None),  # of two files
        ("owl/2.png", None),  # of another folder
        ("3.png", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_is_that_of_one_file_or_of_none(name: Any, place: int | None) -> None:
    assert Names(FILES).place(name) == place


TABLES = {
    "file_name and label": ("csv", "file_name,label\n{0},x\n{1},y\n{2},x\n{3},z\n"),
    "another order": ("csv", "label,file_name\nz,{3}\nx,{0}\nx,{2}\ny,{1}\n"),
    "tabs": ("tsv", "path\tage\tclass\n{0}\t1\tx\n{1}\t2\ty\n{2}\t3\tx\n{3}\t4\tz\n"),
    "no heading": ("csv", "{0},x\n{1},y\n{2},x\n{3},z\n"),
    "two columns, one of which is files": ("csv", "image,species\n{0},x\n{1},y\n{2},x\n{3},z\n"),
    "an unusual name": ("csv", "where,label\n{0},x\n{1},y\n{2},x\n{3},z\n"),
    "commas at the ends of lines": ("csv", "file_name,label,\n{0},x,\n{1},y\n{2},x\n{3},z,,\n"),
    "commas in text": ("txt", "{0},x\n{1}, y\n{2},x\n{3},z\n"),
    "tabs in text": ("txt", "{0}\tx\n{1}\ty\n{2}\tx\n{3}\tz\n"),
    "names and labels on a line": ("txt", "{0} x\n{1} y\n{2} x\n{3} z\n"),
    "lines of JSON": ("jsonl", "".join(f'{{"file_name": "{{{i}}}", "label": "{v}"}}\n' for i, v in enumerate("xyxz"))),
}  # fmt: skip


def written(folder: Path, name: str) -> Path:
    suffix, text = TABLES[name]
    path = folder / f"l.{suffix}"
    for i, file in enumerate(FILES):
        text = text.replace(f"{{{i}}}", file)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_joined_by_the_names_of_files(name: str, tmp_path: Path) -> None:
    table = joined(written(tmp_path, name), "", FILES, 4, "folder:x")
    assert (table.values, table.named, table.surplus) == (["x", "y", "x", "z"], True, ())


def test_a_table_of_parquet(tmp_path: Path) -> None:
    parquet.write_table(
        pyarrow.table({"file_name": FILES[::-1], "label": [3, 2, 1, 0]}), tmp_path / "l.parquet"
    )
    assert joined(tmp_path / "l.parquet", "", FILES, 4, "folder:x").values == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        ("csv", "x\ny\nx\nz\n"),
        ("csv", "label\nx\ny\nx\nz\n"),
        ("csv", "species\nx\ny\nx\nz\n"),
        ("csv", "age,label\n9,x\n8,y\n7,x\n6,z\n"),
        ("txt", "x\ny\nx\nz\n"),
        ("npy", numpy.array(["x", "y", "x", "z"])),
        ("npz", numpy.array(["x", "y", "x", "z"])),
        ("pt", ["x", "y", "x", "z"]),
    ],
)
def test_without_names_of_files_the_order_counts(suffix: str, content: Any, tmp_path: Path) -> None:
    path = tmp_path / f"l.{suffix}"
    if suffix == "npy":
        numpy.save(path, content)
    elif suffix == "npz":
        numpy.savez(path, labels=content)
    elif suffix == "pt":
        torch.save(content, path)
    else:
        path.write_text(content)
    table = joined(path, "", FILES, 4, "folder:x")
    assert (table.values, table.named) == (["x", "y", "x", "z"], False)
    with pytest.raises(CollapseError, match="contains 4 labels, but folder:x has 5 images"):
        joined(path, "", (*FILES, "e.png"), 5, "folder:x")


@pytest.mark.parametrize("heading", ["file_name", "where", "id", ""])
@pytest.mark.parametrize(
    ("key", "files"),
    [
        ("a.png", ("cat/a.png", "dog/a.png")),
        ("a", ("a.jpg", "a.png")),
        ("/data/a", ("a.jpg", "a.png")),
        ("cat/a", ("cat/a.jpg", "cat/a.png")),
    ],
)
def test_a_name_of_several_images_is_refused_with_their_paths(
    heading: str, key: str, files: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "l.csv").write_text(f"{heading},label\n{key},0\n{key},1\n")
    with pytest.raises(CollapseError) as caught:
        joined(tmp_path / "l.csv", "", files, 2, "folder:x")
    assert f"{key} may be any of 2 images ({', '.join(files)})" in caught.value.message
    assert "below the folder" in caught.value.hint


def test_the_whole_path_comes_first() -> None:
    """a.png lies beside cat/a.png, and a.png beside a.png.jpg, whose name without its ending it is."""
    names = Names(["a.png", "cat/a.png", "b.png.jpg", "b.png"])
    assert [names.place(name) for name in ("a.png", "cat/a.png", "b.png", "/data/cat/a.png")] == [0, 1, 3, 1]
    assert names.several("a.png") == []


def test_labels_in_order_are_refused_where_files_have_two_orders(tmp_path: Path) -> None:
    """As folders have them: 2.png before 10.png; sorted() has 10.png before 2.png. Rows of parquet have one order."""
    files = [f"{i}.png" for i in range(1, 11)]
    numpy.save(tmp_path / "l.npy", numpy.arange(10))
    with pytest.raises(CollapseError, match=r"image 2 is 2\.png where .*, and 10\.png where") as caught:
        joined(tmp_path / "l.npy", "", files, 10, "folder:x")
    assert "file_name,label" in caught.value.hint
    assert joined(tmp_path / "l.npy", "", files, 10, "parquet:x").values == list(range(10))
    assert joined(tmp_path / "l.npy", "", sorted(files), 10, "folder:x").values == list(range(10))


def test_the_only_column_is_not_taken_for_another(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"label": [0, 1]}), tmp_path / "l.parquet")
    with pytest.raises(CollapseError, match="no column 'breed'"):
        joined(tmp_path / "l.parquet", "breed", ["1.png", "2.png"], 2, "folder:x")


@pytest.mark.parametrize("column", ["", "label"])
def test_a_comma_in_a_label_is_part_of_it(column: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("label\nDoe, John\nRoe, Ann\n")
    values = joined(tmp_path / "l.csv", column, ["1.png", "2.png"], 2, "folder:x").values
    assert [value.replace(", ", ",") for value in values] == ["Doe,John", "Roe,Ann"]


def test_a_counter_that_names_files_by_chance_is_no_name(tmp_path: Path) -> None:
    """`fold` is 0 or 1, and images are called 0.png … 9.png: two of ten would match."""
    (tmp_path / "l.csv").write_text("fold,label\n" + "".join(f"{i % 2},{i % 3}\n" for i in range(10)))
    table = joined(tmp_path / "l.csv", "", [f"{i}.png" for i in range(10)], 10, "folder:x")
    assert (table.named, table.values[:4]) == (False, ["0", "1", "2", "0"])


@pytest.mark.parametrize("heading", ["", "age", "Unnamed: 0", "row"])
def test_numbers_that_count_rows_are_no_names_of_files(heading: str, tmp_path: Path) -> None:
    """Images are called 1.png … 9.png, and rows are counted from 0."""
    files = [f"{i}.png" for i in range(1, 10)]
    (tmp_path / "l.csv").write_text(
        f"{heading},label\n" + "".join(f"{i},{'uvwxyzabc'[i]}\n" for i in range(9))
    )
    table = joined(tmp_path / "l.csv", "", files, 9, "folder:x")
    assert (table.named, table.values) == (False, list("uvwxyzabc"))
    assert joined(tmp_path / "l.csv", "label", files, 9, "folder:x") == table


def test_a_first_row_without_a_label_is_no_heading(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("1.png,a,\n2.png,b,7\n")
    with pytest.raises(CollapseError, match="which of the columns 1, 2, 3") as caught:
        joined(tmp_path / "l.csv", "", ["1.png", "2.png"], 2, "folder:x")
    assert "a first line" in caught.value.hint


def test_numbers_before_labels_in_text_are_no_part_of_them(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text("2 b\n1 a\n")
    with pytest.raises(CollapseError, match="which of the columns 1, 2 has the labels"):
        joined(tmp_path / "l.txt", "", ["1.png", "2.png"], 2, "folder:x")
    (tmp_path / "l.txt").write_text("file_name label\n2 b\n1 a\n")
    assert joined(tmp_path / "l.txt", "", ["1.png", "2.png"], 2, "folder:x").values == ["a", "b"]


def test_names_of_files_below_an_empty_heading(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(",label\n2.png,b\n1.png,a\n")
    assert joined(tmp_path / "l.csv", "", ["1.png", "2.png"], 2, "folder:x").values == ["a", "b"]


@pytest.mark.parametrize("heading", ["id", "image_id"])
@pytest.mark.parametrize(
    ("ids", "rows"),
    [
        (["000bec180eb18c7604dcecc8fe0dba07", "001513dfcb2ffafc82cccf4d8bbaba97"], ["f" * 32]),
        (["000139", "000285"], ["000632"]),
        (["1", "2"], []),
    ],
)
def test_ids_that_name_images(heading: str, ids: list[str], rows: list[str], tmp_path: Path) -> None:
    text = f"{heading},breed\n" + "".join(
        f"{name},{i}\n" for i, name in reversed(list(enumerate([*ids, *rows])))
    )
    (tmp_path / "l.csv").write_text(text)
    table = joined(tmp_path / "l.csv", "", [f"train/{name}.jpg" for name in ids], 2, "folder:x")
    assert (table.values, table.by, table.surplus) == (["0", "1"], heading, tuple(rows))


@pytest.mark.parametrize("heading", ["id", "image_id", "image"])
def test_ids_that_may_count_rows_are_refused(heading: str, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(f"{heading},label\n" + "".join(f"{i},{i}\n" for i in range(9)))
    with pytest.raises(CollapseError, match="not clear whether they count rows") as caught:
        joined(tmp_path / "l.csv", "", [f"{i}.png" for i in range(1, 10)], 9, "folder:x")
    assert "file_name" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "column", "sentence", "hint"),
    [
        ("file,a,b\n1.png,1,2\n", "", "not clear which of the columns file, a, b has the labels", "--label-column a"),
        ("file,age,breed\n1.png,1,2\n", "", "not clear which", "--label-column breed"),
        ("file,label\n1.png,1\n", "labl", "no column 'labl'; its columns are: file, label", "label"),
        ("file,label\nz.png,1\n", "", "the column file names no image of folder:x", "names of the files"),
        ("file,label\n1.png,a\n1.png,b\n", "", "gives 1.png the labels a and b, but an image has one class", "one label"),
        ("1,a\n2,b\n", "", "not clear which of the columns 1, 2", "a first line with the names of its columns"),
        ("1,2\n3,4\n", "label", "has no heading, so it has no column 'label'", "leave out"),
        ("file,label\n1.png\n", "label", "line 2 has 1 cells, but the first line has 2", "as many cells"),
        ("file,label\n1.png,a\n2.png,b,c\n", "", "line 3 has 3 cells, but the first line has 2", "as many cells"),
        ("file,label\n1.png,a\n2.png\n", "", "line 3 has 1 cells, but the first line has 2", "as many cells"),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_refused(
    text: str, column: str, sentence: str, hint: str, tmp_path: Path
) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(CollapseError, match=sentence) as caught:
        joined(tmp_path / "l.csv", column, ["1.png", "2.png"], 2, "folder:x")
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", "a" * 200_000),
        ("l.txt", "a" * 200_000),
        ("l.jsonl", "[1]\n"),
        ("l.jsonl", '[["label", 1]]\n'),
        ("l.jsonl", "[]\n"),
        ("l.jsonl", "null\n"),
        ("l.jsonl", "{\n"),
        ("l.parquet", "x"),
        ("l.xml", "<a/>"),
    ],
)
def test_files_of_nothing(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CollapseError) as caught:
        joined(tmp_path / name, "", FILES, 4, "folder:x")
    assert name in caught.value.message
    assert caught.value.hint


def folder(path: Path, count: int = 10) -> str:
    path.mkdir()
    for i in range(count):
        Image.new("L", (4, 4), i).save(path / f"{i}.png")
    return f"folder:{path}"


def load(dataset: str, labels: Path, column: str = "", split: str = "all") -> Images:
    files = ImageFiles(labels=str(labels), label_column=column)
    return image_sets.load(dataset, split, files, None, False, Framing())


def said(notes: tuple[DataNote, ...]) -> str:
    return "\n".join(note.sentence for note in notes)


def test_every_image_has_the_label_of_its_name_in_both_splits(tmp_path: Path) -> None:
    """Image i is of grey level i and of class i % 3, whatever the order of the rows; classes are numbered alike."""
    dataset = folder(tmp_path / "images")
    rows = [f"{i}.png,{'cba'[i % 3]}\n" for i in range(10)]
    (tmp_path / "l.csv").write_text("file_name,label\n" + "".join(rows[::-1]))
    for split in ("train", "test", "all"):
        images = load(dataset, tmp_path / "l.csv", split=split)
        assert images.labels is not None
        levels = images.pixels[torch.arange(len(images))][:, 0, 0, 0].tolist()
        assert images.classes == ("a", "b", "c")
        assert [images.classes[n] for n in images.labels.tolist()] == ["cba"[level % 3] for level in levels]
        assert "10 images are labelled from" in said(images.notes)
        assert "by the file names of its column file_name" in said(images.notes)


def test_images_and_rows_without_a_partner_are_counted(tmp_path: Path) -> None:
    dataset = folder(tmp_path / "images")
    rows = "".join(f"{i}.png,{i % 2}\n" for i in range(8)) + "77.png,1\n"
    (tmp_path / "l.csv").write_text("file_name,label\n" + rows)
    images = load(dataset, tmp_path / "l.csv")
    assert (len(images), images.classes) == (8, ("0", "1"))
    assert images.files == tuple(f"{i}.png" for i in range(8))
    assert "2 of 10 images (8.png, 9.png) are left out" in said(images.notes)
    assert "1 of 9 rows of labels (77.png) is left out: no image of the data set is called so" in said(
        images.notes
    )


def test_the_order_is_told(tmp_path: Path) -> None:
    numpy.save(tmp_path / "l.npy", numpy.arange(10) // 5 * 1_000_000_000)
    images = load(folder(tmp_path / "images"), tmp_path / "l.npy")
    assert images.labels is not None
    assert (images.labels.tolist(), images.classes) == ([0] * 5 + [1] * 5, ("0", "1000000000"))
    assert "in the order of the images, the first of which is 0.png" in said(images.notes)


@pytest.mark.parametrize("values", ["-1", ""])
def test_labels_that_stand_for_none_are_refused(values: str, tmp_path: Path) -> None:
    """The remedy works: rows that are removed leave out their images."""
    dataset = folder(tmp_path / "images")
    rows = [f"{i}.png,{values if i == 3 else i % 2}\n" for i in range(10)]
    (tmp_path / "l.csv").write_text("file_name,label\n" + "".join(rows))
    if values:
        with pytest.raises(CollapseError, match="1 of 10 images have no label") as caught:
            load(dataset, tmp_path / "l.csv")
        assert "remove their rows" in caught.value.hint
    (tmp_path / "l.csv").write_text("file_name,label\n" + "".join(rows[:3] + rows[4:]))
    assert len(load(dataset, tmp_path / "l.csv")) == 9


def test_parquet_is_joined_by_the_paths_of_its_images(tmp_path: Path) -> None:
    from tests.data.test_parquet import photos

    parquet.write_table(pyarrow.table({"image": photos(1, 2, 3), "label": [9, 9, 9]}), tmp_path / "a.parquet")
    (tmp_path / "l.csv").write_text("file_name,label\n3.png,c\n1.png,a\n2.png,b\n")
    images = load(f"parquet:{tmp_path / 'a.parquet'}", tmp_path / "l.csv")
    assert images.labels is not None
    assert (images.labels.tolist(), images.classes) == ([0, 1, 2], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("dataset", "files", "sentence"),
    [
        ("digits", {"labels": "l.csv"}, "digits has labels of its own"),
        ("digits", {"label_column": "x"}, "digits has no columns"),
        ("folder:x", {"label_column": "x"}, "folder:x has no columns"),
        ("folder:x", {"image_column": "x"}, "folder:x has no columns"),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    dataset: str, files: dict[str, str], sentence: str
) -> None:
    with pytest.raises(CollapseError, match=sentence) as caught:
        image_sets.load(dataset, "train", ImageFiles(**files), None, False, Framing())
    assert caught.value.hint


def test_a_table_beside_images_without_labels_is_offered_and_works(tmp_path: Path) -> None:
    from collapse_cli.analysis.label_remedies import of_images

    dataset = folder(tmp_path / "images")
    (tmp_path / "images" / "metadata.csv").write_text(
        "file_name,label\n" + "".join(f"{i}.png,{i % 2}\n" for i in range(10))
    )
    images = image_sets.load(dataset, "all", ImageFiles(), None, False, Framing())
    assert images.labels is None
    assert f"--labels {tmp_path / 'images' / 'metadata.csv'} reads it" in said(images.notes)
    assert of_images(dataset) == f"--labels {tmp_path / 'images' / 'metadata.csv'} reads it"
    assert load(dataset, tmp_path / "images" / "metadata.csv").classes == ("0", "1")


def test_a_home_folder_is_spelt_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "l.csv").write_text("label\n" + "".join(f"{i % 2}\n" for i in range(10)))
    assert load(folder(tmp_path / "images"), Path("~/l.csv")).classes == ("0", "1")


def test_a_run_is_measured_as_it_was_trained_but_for_what_is_typed(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("label\n")
    trained = ImageFiles(labels=str(tmp_path / "l.csv"), label_column="a", background="black")
    assert image_sets.of_run(trained, ImageFiles()) == (trained, ())
    files, notes = image_sets.of_run(trained, ImageFiles(labels="m.csv"))
    assert (files.labels, files.label_column, files.background, notes) == ("m.csv", "", "black", ())
    assert image_sets.of_run(trained, ImageFiles(background="white"))[0].background == "white"
    (tmp_path / "l.csv").unlink()
    files, notes = image_sets.of_run(trained, ImageFiles())
    assert (files.labels, files.label_column, files.background) == ("", "", "black")
    assert (
        f"the labels file {tmp_path / 'l.csv'} is missing, so the images of the run have no labels"
        in said(notes)
    )


def test_a_labels_file_of_the_run_is_looked_for_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is named as it was typed, beside the folder in which it is not; `~` is the home folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    _, notes = image_sets.of_run(ImageFiles(labels="sub/l.csv"), ImageFiles())
    assert f"the labels file sub/l.csv is missing (looked for in {tmp_path})" in said(notes)
    (tmp_path / "l.csv").write_text("label\n")
    assert image_sets.of_run(ImageFiles(labels="~/l.csv"), ImageFiles()) == (ImageFiles(labels="~/l.csv"), ())
    labeller = image_sets.labeller("folder:x", ImageFiles(labels="~/l.csv"))
    assert labeller is not None
    assert labeller.path == tmp_path / "l.csv"


def test_a_label_of_two_lines_stays_one(tmp_path: Path) -> None:
    """Between quotes a cell may have a line break, which is part of the label."""
    path = tmp_path / "labels.csv"
    path.write_text('file,label\na.png,"cat\ntabby"\nb.png,dog\n')
    assert joined(path, "", ["a.png", "b.png"], 2, "folder:x").values == ["cat\ntabby", "dog"]
