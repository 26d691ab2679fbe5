from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from collapse_cli import data
from collapse_cli.data import decoded
from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Framing, Images


def paint(folder: Path, *places: str, size: tuple[int, int] = (4, 4)) -> None:
    """Grey images at folder/place; the level is the number in the file's name."""
    for place in places:
        file = folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size, int("".join(filter(str.isdigit, file.stem)) or 0)).save(file)


def levels(images: Images) -> list[int]:
    return images.pixels[torch.arange(len(images))][:, 0, 0, 0].tolist()


def labels(images: Images) -> list[int]:
    assert images.labels is not None
    return images.labels.tolist()


def test_class_folders(tmp_path: Path) -> None:
    paint(tmp_path, "dog/1.png", "dog/2.png", "cat/3.png")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (images.classes, images.shape, images.name) == (("cat", "dog"), (3, 4, 4), f"{tmp_path.name}/all")
    assert (levels(images), labels(images)) == ([3, 1, 2], [0, 1, 1])


def test_flat_images_have_no_labels(tmp_path: Path) -> None:
    paint(tmp_path, "1.png", "2.png")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (levels(images), images.labels, images.classes) == ([1, 2], None, ())


def test_files_and_classes_are_in_natural_order(tmp_path: Path) -> None:
    paint(tmp_path, "class 10/1.png", "class 2/x10.png", "class 2/x9.png")
    images = data.load(f"folder:{tmp_path}", "all")
    assert images.classes == ("class 2", "class 10")
    assert levels(images) == [9, 10, 1]


def test_a_class_reaches_down_and_the_rest_is_passed_over(tmp_path: Path) -> None:
    """Nested images belong to the top folder; hidden, empty, other files and images beside classes do not count."""
    paint(tmp_path, "cat/deep/1.png", "dog/2.PNG", "3.png", ".hidden/4.png", "cat/.5.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "dog/notes.txt").write_text("no image")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (images.classes, levels(images)) == (("cat", "dog"), [1, 2])


@pytest.mark.parametrize("word", ["test", "val", "valid", "validation"])
def test_split_folders(tmp_path: Path, word: str) -> None:
    paint(tmp_path, "train/cat/1.png", "train/dog/2.png", f"{word}/cat/3.png", f"{word}/dog/4.png")
    name = f"folder:{tmp_path}"
    assert levels(data.load(name, "train")) == [1, 2]
    assert levels(data.load(name, "test")) == [3, 4]
    assert sorted(levels(data.load(name, "all"))) == [1, 2, 3, 4]


def test_classes_have_the_same_number_in_every_split(tmp_path: Path) -> None:
    """Test lacks `ant` and train lacks `elk`: still bee is 1 in both."""
    paint(tmp_path, "train/ant/1.png", "train/bee/2.png", "test/bee/3.png", "test/elk/4.png")
    train, test = (data.load(f"folder:{tmp_path}", split) for split in ("train", "test"))
    assert train.classes == test.classes == ("ant", "bee", "elk")
    assert (labels(train), labels(test)) == ([0, 1], [1, 2])


def test_train_never_stands_in_for_a_missing_test(tmp_path: Path) -> None:
    paint(tmp_path, *(f"train/cat/{i}.png" for i in range(10)))
    assert len(data.load(f"folder:{tmp_path}", "train")) == 10
    with pytest.raises(CollapseError, match="no test split"):
        data.load(f"folder:{tmp_path}", "test")


def test_flat_split_folders_beside_others(tmp_path: Path) -> None:
    """train and test make the splits; a folder beside them is none, and no class either."""
    paint(tmp_path, "train/1.png", "test/2.png", "sketches/3.png")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (sorted(levels(images)), images.labels) == ([1, 2], None)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    """As in CIFAR-100, beside other classes and without a test folder."""
    paint(tmp_path, "train/1.png", "truck/2.png")
    assert data.load(f"folder:{tmp_path}", "all").classes == ("train", "truck")


def test_without_splits_a_fifth_is_held_back(tmp_path: Path) -> None:
    paint(tmp_path, *(f"cat/{i}.png" for i in range(6)), *(f"dog/{i}.png" for i in range(6, 10)))
    train, test = (data.load(f"folder:{tmp_path}", split) for split in ("train", "test"))
    assert (len(train), len(test)) == (8, 2)
    assert sorted(levels(train) + levels(test)) == list(range(10))
    assert labels(train) == [int(level >= 6) for level in levels(train)]


def test_sizes(tmp_path: Path) -> None:
    """All 4x4: 4; one is larger: 64; asked for 7: 7. One size for both splits, though they disagree."""
    paint(tmp_path, "train/1.png", "test/2.png")
    assert data.load(f"folder:{tmp_path}").shape == (3, 4, 4)
    assert data.load(f"folder:{tmp_path}", framing=Framing(7)).shape == (3, 7, 7)
    paint(tmp_path, "test/3.png", size=(6, 6))
    assert (
        data.load(f"folder:{tmp_path}", "train").shape
        == data.load(f"folder:{tmp_path}", "test").shape
        == (3, 64, 64)
    )


def test_streamed_images_are_the_held_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(tmp_path, *(f"cat/{i}.png" for i in range(30)), *(f"dog/{i}.png" for i in range(30)))
    held = data.load(f"folder:{tmp_path}")
    monkeypatch.setattr(decoded, "BUDGET", 1)
    streamed = data.load(f"folder:{tmp_path}")
    assert (held.streamed, streamed.streamed) == (False, True)
    assert all(torch.equal(held.pixels[i], streamed.pixels[i]) for i in torch.arange(len(held)).split(1))
    assert labels(held) == labels(streamed)


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    paint(tmp_path, "far/1.png", "set/dog/2.png")
    (tmp_path / "set/cat").symlink_to(tmp_path / "far")
    assert data.load(f"folder:{tmp_path}/set", "all").classes == ("cat", "dog")


def test_an_unreadable_image_is_named(tmp_path: Path) -> None:
    paint(tmp_path, "cat/1.png")
    (tmp_path / "cat/2.png").write_bytes(b"no image")
    with pytest.raises(CollapseError, match=str(tmp_path / "cat/2.png")):
        data.load(f"folder:{tmp_path}", "all")


def test_no_folder_a_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    paint(tmp_path, "1.png")
    (tmp_path / "empty/cat").mkdir(parents=True)
    for place, sentence in (("nowhere", "no folder"), ("1.png", "no folder"), ("empty", "has no images")):
        with pytest.raises(CollapseError, match=sentence) as caught:
            data.load(f"folder:{tmp_path}/{place}", "all")
        assert str(tmp_path / place) in caught.value.message
        assert caught.value.hint


def test_what_lies_beside_the_folders_is_counted(tmp_path: Path) -> None:
    """Images beside class folders, beside the folders of splits, and the fifth that is held out."""
    paint(tmp_path, "flat/dog/1.png", "flat/cat/2.png", "flat/3.png")
    (note,) = data.load(f"folder:{tmp_path / 'flat'}", "all").notes
    assert (note.kind, note.count, note.total, note.examples) == ("left out", 1, 3, ("3.png",))
    paint(tmp_path, "split/train/dog/1.png", "split/test/dog/2.png", "split/spare/dog/3.png", "split/4.png")
    (note,) = data.load(f"folder:{tmp_path / 'split'}", "train").notes
    assert (note.count, note.total, note.examples) == (2, 4, ("4.png", "spare/dog/3.png"))
    paint(tmp_path, *(f"cut/dog/{i}.png" for i in range(10)))
    (note,) = data.load(f"folder:{tmp_path / 'cut'}", "train").notes
    assert (note.count, note.total) == (2, 10)
    assert "--split all uses every image" in note.sentence
