"""Labels of images, of every type that a table or a file has: what is read, or the sentence that refuses it."""

from __future__ import annotations

import decimal
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli.analysis import image_sets
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Framing, Images
from tests.data.test_parquet import classes, photo, photos

WHOLE = [getattr(pyarrow, f"{sign}int{bits}")() for sign in ("", "u") for bits in (8, 16, 32, 64)]
DECIMAL = decimal.Decimal

READ: list[tuple[str, pyarrow.Array, Sequence[int], tuple[str, ...]]] = [
    *((f"{kind}", pyarrow.array([30, 10, 20], kind), [2, 0, 1], ("10", "20", "30")) for kind in WHOLE),
    (
        "uint64 beyond int64",
        pyarrow.array([2**63 + 1, 5, 5], pyarrow.uint64()),
        [1, 0, 0],
        ("5", str(2**63 + 1)),
    ),
    ("2e9", pyarrow.array([2_000_000_000, 0, 0]), [1, 0, 0], ("0", "2000000000")),
    ("float of whole values", pyarrow.array([2.0, 1.0, 1.0]), [1, 0, 0], ("1", "2")),
    ("half of whole values", pyarrow.array([2.0, 1.0, 1.0], pyarrow.float16()), [1, 0, 0], ("1", "2")),
    ("decimal", pyarrow.array([DECIMAL("2.0"), DECIMAL(1), DECIMAL(1)]), [1, 0, 0], ("1", "2")),
    ("bool", pyarrow.array([True, False, True]), [1, 0, 1], ("False", "True")),
    ("string", pyarrow.array(["cat10", "cat2", "ant"]), [2, 1, 0], ("ant", "cat2", "cat10")),
    ("large string", pyarrow.array(["b", "a", "b"], pyarrow.large_string()), [1, 0, 1], ("a", "b")),
    ("dictionary", pyarrow.array(["b", "a", "b"]).dictionary_encode(), [1, 0, 1], ("a", "b")),
    ("dictionary of numbers", pyarrow.array([30, 10, 30]).dictionary_encode(), [1, 0, 1], ("10", "30")),
    ("numbers as text", pyarrow.array(["10", "9", "9"]), [1, 0, 0], ("9", "10")),
]

REFUSED: list[tuple[str, pyarrow.Array, str]] = [
    ("fractions", pyarrow.array([0.5, 1.0, 2.0]), "numbers with fractions, such as 0.5"),
    ("some null", pyarrow.array([1, None, 2]), r"1 of 3 images .* have no label in the column label \(1 null\)"),
    ("some nan", pyarrow.array([1.0, float("nan"), 2.0]), r"1 of 3 images .* \(1 null\)"),
    ("some empty text", pyarrow.array(["a", "", "b"]), r"1 of 3 images .* \(1 null\)"),
    ("some hidden", pyarrow.array([0, -1, 1]), r"1 of 3 images .* \(1 negative, as -1\)"),
    ("null and hidden", pyarrow.array([None, -1, 1]), r"2 of 3 images .* \(1 null and 1 negative, as -1\)"),
    ("lists", pyarrow.array([[0], [1, 2], []]), "a list of labels for each image, but an image has one class"),
    ("struct", pyarrow.array([{"a": 1}] * 3), "several values for each image"),
    ("bytes", pyarrow.array([b"a", b"b", b"c"]), "values of type binary, which name no classes"),
    ("dates", pyarrow.array([1, 2, 3], pyarrow.date32()), r"values of type date32\[day\], which name no classes"),
]  # fmt: skip


def table(file: Path, features: object = None, **columns: Any) -> str:
    """A parquet file of three images, and its name as a data set."""
    content = pyarrow.table({"image": photos(1, 2, 3), **columns})
    if features is not None:
        content = content.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": features}})}
        )
    parquet.write_table(content, file)
    return f"parquet:{file}"


def load(dataset: str, split: str = "all", **files: Any) -> Images:
    return image_sets.load(dataset, split, ImageFiles(**files), None, False, Framing())


def told(images: Images) -> tuple[list[int] | None, tuple[str, ...]]:
    return None if images.labels is None else images.labels.tolist(), images.classes


def sentences(images: Images) -> str:
    return "\n".join(note.sentence for note in images.notes)


@pytest.mark.parametrize(
    ("values", "numbers", "names"), [case[1:] for case in READ], ids=[case[0] for case in READ]
)
def test_every_type_of_label_is_read(
    values: pyarrow.Array, numbers: Sequence[int], names: tuple[str, ...], tmp_path: Path
) -> None:
    images = load(table(tmp_path / "a.parquet", label=values))
    assert told(images) == (list(numbers), names)
    assert images.data_shape.classes == len(names)


@pytest.mark.parametrize(
    ("values", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_is_no_label_is_refused_and_can_be_left_out(
    values: pyarrow.Array, sentence: str, tmp_path: Path
) -> None:
    """The remedy of each is typed, and works."""
    dataset = table(tmp_path / "a.parquet", label=values)
    with pytest.raises(CollapseError, match=sentence) as caught:
        load(dataset)
    assert "--label-column none" in caught.value.hint
    assert told(load(dataset, label_column="none")) == (None, ())


@pytest.mark.parametrize(
    ("feature", "names"),
    [
        ({"_type": "ClassLabel", "names": ["ant", "bee", "cat"]}, ("ant", "bee", "cat")),
        ({"_type": "ClassLabel", "num_classes": 3, "names": None}, ("0", "1", "2")),
        ({"_type": "ClassLabel", "names": {"10": "l", "2": "c", "0": "a"}}, ("a", "c", "l")),
        ({"_type": "Value", "dtype": "int64"}, ("0", "1")),
    ],
)
def test_classes_that_the_schema_declares(feature: object, names: tuple[str, ...], tmp_path: Path) -> None:
    """Declared classes stay where no image has them, which is told."""
    images = load(table(tmp_path / "a.parquet", {"label": feature}, label=[1, 0, 1]))
    assert told(images) == ([1, 0, 1], names)
    assert ("declared, but without an image" in sentences(images)) == (len(names) == 3)


def test_names_in_place_of_numbers_and_numbers_without_a_class(tmp_path: Path) -> None:
    features = {"label": classes("b", "a")}
    assert told(load(table(tmp_path / "a.parquet", features, label=["a", "b", "a"]))) == (
        [1, 0, 1],
        ("b", "a"),
    )
    with pytest.raises(CollapseError, match=r"1 of 3 images .* none of the 2 classes .* \(for example 5\)"):
        load(table(tmp_path / "a.parquet", features, label=[0, 5, 1]))


def test_a_likely_column_is_offered_and_works(tmp_path: Path) -> None:
    """Nobody takes `target` by itself; the error lists the columns and offers it."""
    from collapse_cli.analysis.label_remedies import of_images

    dataset = table(
        tmp_path / "a.parquet", target=[5, 7, 5], caption=["x", "y", "z"], meta=[{"breed": "a"}] * 3
    )
    assert told(load(dataset)) == (None, ())
    assert of_images(dataset) == "add --label-column target; the columns are: image, target, caption, meta"
    assert told(load(dataset, label_column="target")) == ([0, 1, 0], ("5", "7"))
    assert told(load(dataset, label_column="meta.breed")) == ([0, 0, 0], ("a",))
    with pytest.raises(CollapseError, match=r"has no column meta.colour"):
        load(dataset, label_column="meta.colour")
    with pytest.raises(CollapseError, match="has no column targ; its columns are: image, target") as caught:
        load(dataset, label_column="targ")
    assert "target" in caught.value.hint


def test_of_two_columns_of_labels_the_choice_is_told(tmp_path: Path) -> None:
    dataset = table(tmp_path / "a.parquet", coarse_label=[0, 0, 1], fine_label=[1, 0, 2])
    images = load(dataset)
    assert told(images)[0] == [1, 0, 2]
    assert (
        "1 of 2 columns of labels (fine_label) is taken; --label-column coarse_label takes another"
        in sentences(images)
    )
    assert told(load(dataset, label_column="coarse_label"))[0] == [0, 0, 1]


def test_of_two_columns_of_images_the_choice_is_told(tmp_path: Path) -> None:
    """Bytes that are no image are no candidate."""
    content = pyarrow.table(
        {"mask": photos(9, 8, 7), "photo": [photo(n)["bytes"] for n in (1, 2, 3)], "hash": [b"x"] * 3}
    )
    parquet.write_table(content, tmp_path / "a.parquet")
    images = load(f"parquet:{tmp_path / 'a.parquet'}")
    assert "1 of 2 columns of images (photo) is taken; --image-column mask takes another" in sentences(images)
    assert images.pixels[torch.arange(3)][:, 0, 0, 0].tolist() == [1, 2, 3]
    masks = load(f"parquet:{tmp_path / 'a.parquet'}", image_column="mask")
    assert masks.pixels[torch.arange(3)][:, 0, 0, 0].tolist() == [9, 8, 7]
    with pytest.raises(CollapseError, match="has no column masks; its columns are"):
        load(f"parquet:{tmp_path / 'a.parquet'}", image_column="masks")


def test_images_in_files_that_the_table_names(tmp_path: Path) -> None:
    """As `datasets` keeps them where they are not embedded: no bytes, and a path; or a column of paths that is named."""
    for level in (1, 2, 3):
        Image.new("L", (4, 4), level).save(tmp_path / f"{level}.png")
    names = [f"{level}.png" for level in (1, 2, 3)]
    content = pyarrow.table({"image": [{"bytes": None, "path": name} for name in names]})
    parquet.write_table(content, tmp_path / "a.parquet")
    parquet.write_table(pyarrow.table({"where": names}), tmp_path / "b.parquet")
    for images in (
        load(f"parquet:{tmp_path / 'a.parquet'}"),
        load(f"parquet:{tmp_path / 'b.parquet'}", image_column="where"),
    ):
        assert images.pixels[torch.arange(3)][:, 0, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(CollapseError, match="has no column of images") as caught:
        load(f"parquet:{tmp_path / 'b.parquet'}")
    assert caught.value.hint.startswith("--image-column where reads the files")


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ({"embedding": [[0.1, 0.2]] * 3}, "contains embeddings .*not images"),
        ({"images": [photos(1, 2)] * 3}, "contains a list of images in each row"),
        ({"price": [1.5, 2.5, 3.5]}, "has no column of images; its columns are: price"),
    ],
)
def test_what_holds_no_images_says_what_it_holds(
    column: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    parquet.write_table(pyarrow.table(column), tmp_path / "a.parquet")
    with pytest.raises(CollapseError, match=sentence) as caught:
        load(f"parquet:{tmp_path / 'a.parquet'}")
    assert caught.value.hint


def test_hidden_labels_of_one_split_are_no_labels_and_of_both_are_refused(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.table({"image": photos(1, 2), "label": [0, 1]}), tmp_path / "train-0.parquet")
    parquet.write_table(pyarrow.table({"image": photos(3), "label": [-1]}), tmp_path / "test-0.parquet")
    dataset = f"parquet:{tmp_path}"
    assert told(load(dataset, "train")) == ([0, 1], ("0", "1"))
    assert told(load(dataset, "test")) == (None, ())
    assert "labels of the column label is null or negative, so" in sentences(load(dataset, "test"))
    with pytest.raises(CollapseError, match="1 of 3 images") as caught:
        load(dataset, "all")
    assert caught.value.hint.startswith("--split train")


def test_classes_are_numbered_alike_in_every_split_and_what_one_lacks_is_told(tmp_path: Path) -> None:
    """10 is in train alone, 30 in test alone: 20 has the number 1 in both."""
    for name, label in (("train", [10, 20]), ("test", [20, 30])):
        (tmp_path / name).mkdir()
        content = pyarrow.table({"image": photos(1, 2), "label": label})
        parquet.write_table(content, tmp_path / name / "0000.parquet")
    train, test = (load(f"parquet:{tmp_path}", split) for split in ("train", "test"))
    assert (told(train), told(test)) == (([0, 1], ("10", "20", "30")), ([1, 2], ("10", "20", "30")))
    for images in (train, test):
        assert (
            "1 of 3 classes (30) is missing from the train split, so no training image shows them"
            in sentences(images)
        )
        assert "1 of 3 classes (10) is missing from the test split" in sentences(images)


def test_folders_that_datasets_saves_are_read(tmp_path: Path) -> None:
    """`save_to_disk` of a DatasetDict: a folder for each split, with streams of Arrow; caches beside them are none of it."""
    for name, level in (("train", 1), ("validation", 5)):
        folder = tmp_path / name
        folder.mkdir()
        content = pyarrow.table({"image": photos(level, level + 1), "label": ["a", "b"]})
        for file in ("data-00000-of-00001.arrow", "cache-123.arrow"):
            with (
                pyarrow.OSFile(str(folder / file), "wb") as sink,
                pyarrow.ipc.new_stream(sink, content.schema) as writer,
            ):
                writer.write_table(content)
        (folder / "state.json").write_text("{}")
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "validation"]}')
    for split, levels in (("train", [1, 2]), ("test", [5, 6]), ("all", [1, 2, 5, 6])):
        images = load(f"parquet:{tmp_path}", split)
        assert images.pixels[torch.arange(len(images))][:, 0, 0, 0].tolist() == levels
        assert told(images) == ([0, 1] * (len(levels) // 2), ("a", "b"))
    assert len(load(f"parquet:{tmp_path / 'train'}")) == 2
    assert len(load(f"parquet:{tmp_path / 'train' / 'data-00000-of-00001.arrow'}")) == 2


def test_shards_in_a_folder_data_and_of_several_sets(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    parquet.write_table(
        pyarrow.table({"image": photos(1, 2)}), tmp_path / "data" / "train-00000-of-00001.parquet"
    )
    assert len(load(f"parquet:{tmp_path}", "train")) == 2
    (tmp_path / "other").mkdir()
    (tmp_path / "data").rename(tmp_path / "first")
    parquet.write_table(
        pyarrow.table({"image": photos(1)}), tmp_path / "other" / "train-00000-of-00001.parquet"
    )
    with pytest.raises(CollapseError, match="contains several sets: first, other") as caught:
        load(f"parquet:{tmp_path}", "train")
    assert len(load(caught.value.hint.removeprefix("give one of them: "), "train")) == 2


def test_what_datasets_says_may_be_nested_without_end(tmp_path: Path) -> None:
    """It is as good as nothing."""
    content = pyarrow.table({"image": photos(1, 2, 3), "label": [0, 1, 1]})
    content = content.replace_schema_metadata({"huggingface": "[" * 100_000})
    parquet.write_table(content, tmp_path / "t.parquet")
    assert told(load(f"parquet:{tmp_path / 't.parquet'}")) == ([0, 1, 1], ("0", "1"))
