from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli import data
from collapse_cli.data import decoded
from collapse_cli.data import parquet as of_parquet
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
from collapse_cli.shapes import Images


def photo(level: int, side: int = 4) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("L", (side, side), level).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": f"{level}.png"}


def write(file: Path, columns: dict[str, list[Any]], features: object = None) -> None:
    table = pyarrow.table(columns)
    if features is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(table, file)


def photos(*levels: int) -> list[dict[str, Any]]:
    return [photo(level) for level in levels]


def classes(*names: str) -> dict[str, Any]:
    return {"names": names, "_type": "ClassLabel"}


def levels(images: Images) -> list[int]:
    return images.pixels[torch.arange(len(images))][:, 0, 0, 0].tolist()


def labels(images: Images) -> list[int]:
    assert images.labels is not None
    return images.labels.tolist()


def load(path: Path, split: str = "all") -> Images:
    return data.load(f"parquet:{path}", split)


def test_class_names_come_from_the_schema(tmp_path: Path) -> None:
    """No dog among the rows: it is a class all the same."""
    features = {"image": {"_type": "Image"}, "label": classes("ant", "bee", "dog")}
    write(tmp_path / "a.parquet", {"image": photos(5, 6, 7), "label": [1, 0, 1]}, features)
    images = load(tmp_path / "a.parquet")
    assert (images.classes, images.shape, images.name) == (("ant", "bee", "dog"), (3, 4, 4), "a.parquet/all")
    assert (levels(images), labels(images)) == ([5, 6, 7], [1, 0, 1])


def test_class_names_that_repeat_are_made_unlike(tmp_path: Path) -> None:
    """A bird and a machine; a result by name has both."""
    columns = {"image": photos(1, 2, 3, 4), "label": [0, 1, 2, 3]}
    write(tmp_path / "a.parquet", columns, {"label": classes("crane", "b", "crane", "c")})
    images = load(tmp_path)
    assert (images.classes, labels(images)) == (("crane (0)", "b", "crane (2)", "c"), [0, 1, 2, 3])


def test_without_names_classes_are_their_numbers_in_every_shard(tmp_path: Path) -> None:
    """Class 2 is in test alone; train counts it too."""
    write(tmp_path / "train-0.parquet", {"img": photos(1, 2), "labels": [0, 1]})
    write(tmp_path / "test-0.parquet", {"img": photos(3), "labels": [2]})
    assert load(tmp_path, "train").classes == load(tmp_path, "test").classes == ("0", "1", "2")


@pytest.mark.parametrize("features", [None, "nonsense", {"image": None, "label": [1]}])
def test_odd_metadata_is_no_metadata(tmp_path: Path, features: object) -> None:
    write(tmp_path / "a.parquet", {"image": photos(1, 2), "label": [0, 1]}, features)
    assert load(tmp_path).classes == ("0", "1")


def test_a_declared_class_label_of_any_name_is_found(tmp_path: Path) -> None:
    """`row` is a column of integers too, but no ClassLabel."""
    columns = {"image": photos(1, 2), "row": [7, 8], "animal": [1, 0]}
    write(tmp_path / "a.parquet", columns, {"row": {"_type": "Value"}, "animal": classes("ant", "bee")})
    images = load(tmp_path)
    assert (images.classes, labels(images)) == (("ant", "bee"), [1, 0])


def test_fine_label_is_taken_before_another_class_label(tmp_path: Path) -> None:
    columns = {"img": photos(1, 2), "coarse_label": [0, 0], "fine_label": [1, 0]}
    write(tmp_path / "a.parquet", columns, {"coarse_label": classes("x"), "fine_label": classes("p", "q")})
    assert load(tmp_path).classes == ("p", "q")


@pytest.mark.parametrize("column", [{}, {"label": [-1, -1]}, {"label": [None, None]}, {"price": [0.5, 1.5]}])
def test_no_label_and_hidden_labels_are_none(tmp_path: Path, column: dict[str, list[Any]]) -> None:
    write(tmp_path / "a.parquet", {"image": photos(1, 2), **column})
    images = load(tmp_path)
    assert (images.labels, images.classes, levels(images)) == (None, (), [1, 2])


def test_image_is_taken_before_another_struct_with_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"mask": photos(9, 9), "image": photos(1, 2)})
    assert levels(load(tmp_path)) == [1, 2]
    write(tmp_path / "a.parquet", {"id": [1, 2], "photo": photos(3, 4), "mask": photos(9, 9)})
    assert levels(load(tmp_path)) == [3, 4]


def test_shards_of_a_split_follow_one_another(tmp_path: Path) -> None:
    """Each with its own labels: those of the shards that are not taken are not counted in."""
    for shard, first, label in (
        ("train-0", 0, [0, 1]),
        ("train-1", 10, [2, 2]),
        ("validation-0", 20, [1, 0]),
    ):
        write(tmp_path / f"{shard}.parquet", {"image": photos(first, first + 1), "label": label})
    for split, shown, told in (
        ("train", [0, 1, 10, 11], [0, 1, 2, 2]),
        ("test", [20, 21], [1, 0]),
        ("all", [0, 1, 10, 11, 20, 21], [0, 1, 2, 2, 1, 0]),
    ):
        images = load(tmp_path, split)
        assert (levels(images), labels(images)) == (shown, told)


def test_a_split_is_a_whole_word_of_the_name(tmp_path: Path) -> None:
    """`cifar-train-0` is train; `trainings` and `latest` are no splits, and are left out where others are."""
    for name, level in (("cifar-train-0", 1), ("test", 2), ("trainings-0", 3), ("latest", 4)):
        write(tmp_path / f"{name}.parquet", {"image": photos(level)})
    assert [levels(load(tmp_path, split)) for split in ("train", "test")] == [[1], [2]]


def test_a_missing_split_is_not_taken_from_another(tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", {"image": photos(*range(10))})
    assert len(load(tmp_path, "train")) == 10
    with pytest.raises(CollapseError, match="no test split"):
        load(tmp_path, "test")


@pytest.mark.parametrize("folder", [True, False])
def test_without_splits_a_fifth_is_held_back(tmp_path: Path, folder: bool) -> None:
    file = tmp_path / "a.parquet"
    write(file, {"image": photos(*range(10)), "label": [i % 2 for i in range(10)]})
    train, test = (load(tmp_path if folder else file, split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert sorted(levels(train) + levels(test)) == list(range(10))
    assert labels(train) == [level % 2 for level in levels(train)]


def test_streamed_images_are_the_held_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several row groups and shards, cut, so that the rows chosen are not a plain range."""
    for shard in range(2):
        table = pyarrow.table({"image": photos(*range(100 * shard, 100 * shard + 20))})
        parquet.write_table(table, tmp_path / f"{shard}.parquet", row_group_size=7)
    held = load(tmp_path, "train")
    monkeypatch.setattr(decoded, "BUDGET", 1)
    streamed = load(tmp_path, "train")
    assert (held.streamed, streamed.streamed, len(held)) == (False, True, 32)
    assert all(torch.equal(held.pixels[i], streamed.pixels[i]) for i in torch.arange(32).split(1))


def test_one_size_for_every_split(tmp_path: Path) -> None:
    """6 in both; 64 in both, where one split has another size."""
    write(tmp_path / "test-0.parquet", {"image": [photo(1, side=6)]})
    write(tmp_path / "train-0.parquet", {"image": [photo(1, side=6)]})
    assert load(tmp_path, "train").shape == load(tmp_path, "test").shape == (3, 6, 6)
    write(tmp_path / "train-0.parquet", {"image": [photo(1, side=4)]})
    assert load(tmp_path, "train").shape == load(tmp_path, "test").shape == (3, 64, 64)


@pytest.mark.parametrize("value", [None, {"bytes": None, "path": "a.png"}, {"bytes": b"x", "path": "a.png"}])
def test_a_row_without_a_image_is_named(tmp_path: Path, value: object) -> None:
    write(tmp_path / "a.parquet", {"image": [photo(1), value]})
    with pytest.raises(CollapseError, match=r"row 1 of .* cannot be read as an image"):
        load(tmp_path / "a.parquet")


def test_what_is_no_image_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("hello")
    write(tmp_path / "numbers.parquet", {"z": [1, 2]})
    (tmp_path / "empty").mkdir()
    for place, sentence in (
        ("text.parquet", "cannot be read as parquet"),
        ("numbers.parquet", "has no column of images"),
        ("empty", "no parquet file"),
        ("nowhere", "no parquet file"),
    ):
        with pytest.raises(CollapseError, match=sentence) as caught:
            load(tmp_path / place)
        assert str(tmp_path / place) in caught.value.message
        assert caught.value.hint


def test_a_pipe_among_shards_is_refused_unopened(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    write(tmp_path / "train-0.parquet", {"image": photos(1), "label": [0]})
    os.mkfifo(tmp_path / "train-1.parquet")
    with pytest.raises(CollapseError, match=r"train-1\.parquet is .* a pipe"):
        load(tmp_path, "train")


def test_shards_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", {"image": photos(1), "label": [0]})
    write(tmp_path / "train-1.parquet", {"image": photos(1)})
    with pytest.raises(CollapseError, match="column label"):
        load(tmp_path, "train")


def test_a_test_file_without_labels_leaves_those_of_train(tmp_path: Path) -> None:
    """Its name sorts first. With a column that is named, the same."""
    features = {"label": classes("ant", "bee")}
    write(tmp_path / "train-0.parquet", {"image": photos(1, 2), "label": [1, 0], "kind": [7, 8]}, features)
    write(tmp_path / "test-0.parquet", {"image": photos(3)})
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.classes, labels(train)) == (("ant", "bee"), [1, 0])
    assert (test.labels, levels(test)) == (None, [3])
    with pytest.raises(CollapseError, match=r"1 of 3 images .* column label") as caught:
        load(tmp_path, "all")
    assert caught.value.hint.startswith("--split train takes")
    files = ImageFiles(label_column="kind")
    assert data.load(f"parquet:{tmp_path}", "train", files=files).classes == ("7", "8")
    assert data.load(f"parquet:{tmp_path}", "test", files=files).labels is None
    with pytest.raises(CollapseError, match="has no column kid"):
        data.load(f"parquet:{tmp_path}", "train", files=ImageFiles(label_column="kid"))
    write(tmp_path / "test-0.parquet", {"image": photos(3), "label": [1]})  # declares no classes
    assert load(tmp_path, "test").classes == ("ant", "bee")


def test_a_test_file_without_images_leaves_those_of_train(tmp_path: Path) -> None:
    write(tmp_path / "train-0.parquet", {"photo": photos(1, 2), "label": [1, 0]})
    write(tmp_path / "test-0.parquet", {"id": [3]})
    assert levels(load(tmp_path, "train")) == [1, 2]
    assert of_parquet.holds_images(tmp_path)
    with pytest.raises(CollapseError, match="has no column of images"):
        load(tmp_path, "test")


def test_a_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    kept = pyarrow.table({"image": photos(1), "label": [0]}).slice(0, 0)
    parquet.write_table(kept, tmp_path / "a.parquet")
    with pytest.raises(CollapseError, match="has no images"):
        load(tmp_path)
