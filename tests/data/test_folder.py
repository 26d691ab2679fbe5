from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from collapse_cli import data
from collapse_cli.data import decoded
from collapse_cli.data.labelling import Labelled
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles
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


def test_links_in_a_circle_double_no_image_and_take_no_label(tmp_path: Path) -> None:
    """Each class folder links to the other and to the whole: still 3 images, each of its own class; the links are told."""
    paint(tmp_path, "cat/1.png", "cat/2.png", "dog/3.png")
    (tmp_path / "cat/a").symlink_to("../dog")
    (tmp_path / "dog/a").symlink_to("..")
    (tmp_path / "ape").symlink_to("dog")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (images.classes, levels(images), labels(images)) == (("cat", "dog"), [1, 2, 3], [0, 0, 1])
    assert (
        "3 of 6 folders (ape, cat/a, dog/a) are left out: links that lead back, "
        "or to a folder whose images are in the set already" in [note.sentence for note in images.notes]
    )


def test_links_to_images_of_the_set_count_again_and_are_told(tmp_path: Path) -> None:
    """A link to an image elsewhere is how people choose some; one to an image that is there gives it a second label."""
    paint(tmp_path, "far/1.png", "set/cat/2.png", "set/dog/3.png")
    (tmp_path / "set/cat/4.png").symlink_to(tmp_path / "far/1.png")
    assert data.load(f"folder:{tmp_path}/set", "all").notes == ()
    (tmp_path / "set/cat/5.png").symlink_to("../dog/3.png")
    images = data.load(f"folder:{tmp_path}/set", "all")
    assert (levels(images), labels(images)) == ([2, 1, 3, 3], [0, 0, 0, 1])
    assert [note.sentence for note in images.notes] == [
        "1 of 4 images (cat/5.png) is a link to another image of the set, and counts again in the class of its folder"
    ]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
@pytest.mark.parametrize("path", ["/proc/self", "/proc", "/sys", "/dev"])
def test_the_systems_folders_are_no_images(path: str) -> None:
    with pytest.raises(CollapseError, match="operating system"):
        data.load(f"folder:{path}")


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


def test_what_lies_beside_the_folders_of_splits_is_counted(tmp_path: Path) -> None:
    paint(tmp_path, "split/train/dog/1.png", "split/test/dog/2.png", "split/spare/dog/3.png", "split/4.png")
    (note,) = data.load(f"folder:{tmp_path / 'split'}", "train").notes
    assert (note.count, note.total, note.examples) == (2, 4, ("4.png", "spare/dog/3.png"))


def sentences(images: Images) -> list[str]:
    return [note.sentence for note in images.notes]


def test_what_is_left_out_and_changed_is_noted(tmp_path: Path) -> None:
    paint(tmp_path, "cat/1.png", "cat/2.png", "dog/3.png", "4.png", size=(4, 8))
    (tmp_path / "labels.json").write_text("{}")
    (tmp_path / "cat/5.heicx").write_text("no image")
    assert sentences(data.load(f"folder:{tmp_path}", "all")) == [
        "2 of 6 files are left out: not of a kind that is read as an image (1 .heicx, 1 .json)",
        "1 of 4 images (4.png) is left out: beside the class folders; move them into such a folder to use them",
        "all 3 images are resized to 64 x 64 pixels (from 4 x 8; 3 not square and cut to the middle; 3 smaller and enlarged); "
        "--size sets another side",
    ]
    notes = data.load(f"folder:{tmp_path}", "train", framing=Framing(4)).notes
    assert [note.sentence for note in notes][2:4] == [
        "1 of 3 images is left out: the set has no splits, and an 80 : 20 cut makes these the test part; "
        "--split all uses every image",
        "all 2 images are resized to 4 x 4 pixels (from 4 x 8; 2 not square and cut to the middle)",
    ]


def test_images_of_their_size_are_not_noted(tmp_path: Path) -> None:
    paint(tmp_path, "1.png", "2.png")
    assert data.load(f"folder:{tmp_path}", "all").notes == ()
    Image.new("RGBA", (4, 4), (1, 2, 3, 255)).save(tmp_path / "3.png")  # opaque
    images = data.load(f"folder:{tmp_path}", "all")
    assert images.notes == ()
    assert levels(images) == [1, 2, 1]


def test_the_labels_of_the_images_are_no_file_of_another_kind(tmp_path: Path) -> None:
    paint(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("0\n1\n")
    files = ImageFiles(labels=str(tmp_path / "labels.csv"))
    labelled = Labelled([0, 1], ("cat", "dog"))
    images = data.load(f"folder:{tmp_path}", "all", files=files, labelling=lambda names, count: labelled)
    assert images.notes == ()


@pytest.mark.parametrize("ending", ["jfif", "jpe", "tga", "ico", "apng", "jp2", "dds"])
def test_whatever_pillow_opens_is_read(tmp_path: Path, ending: str) -> None:
    Image.new("RGB", (16, 16), (9, 9, 9)).save(tmp_path / f"1.{ending}")
    assert levels(data.load(f"folder:{tmp_path}", "all")) == [9]


def test_a_file_without_an_ending_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    Image.new("L", (4, 4), 9).save(tmp_path / "9", "PNG")
    (tmp_path / "README").write_text("no image")
    images = data.load(f"folder:{tmp_path}", "all")
    assert (levels(images), len(images.notes)) == ([9], 1)


def test_every_broken_image_of_every_split_is_listed(tmp_path: Path) -> None:
    """Eight of ten: text, nothing, half a file, a link to nowhere, a pipe, an odd name; in train and in test."""
    paint(tmp_path, "train/1.png", "test/2.png")
    whole = (tmp_path / "train/1.png").read_bytes()
    (tmp_path / "test/text.png").write_text("no image")
    (tmp_path / "test/nothing.png").write_bytes(b"")
    (tmp_path / "train/half.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "train/link.png").symlink_to("nowhere")
    (tmp_path / "train/two\nlines.png").write_text("no image")
    os.mkfifo(tmp_path / "test/pipe.png")
    with pytest.raises(CollapseError, match=r"^6 of 8 images cannot be read: ") as caught:
        data.load(f"folder:{tmp_path}", "train")
    assert "and 1 more" in caught.value.message
    assert "two\\nlines.png" in caught.value.message
    assert "link.png (the file it links to is not there)" in caught.value.message
    assert "--skip-broken" in caught.value.hint
    images = data.load(f"folder:{tmp_path}", "train", files=ImageFiles(skip_broken=True))
    assert (levels(images), images.files) == ([1], ("train/1.png",))
    assert any(note.sentence.startswith("3 of 4 images (") for note in images.notes)


def test_an_image_of_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to twice Pillow's limit is read; of that it warns, which nobody sees."""
    paint(tmp_path, "1.png", size=(10, 10))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert levels(data.load(f"folder:{tmp_path}", "all")) == [1]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 49)
    with pytest.raises(CollapseError, match=r"1\.png .*\(it has 100 pixels, and at most 98 are read\)"):
        data.load(f"folder:{tmp_path}", "all")


def test_fractions_of_two_scales_are_refused(tmp_path: Path) -> None:
    """0 … 1 beside 0 … 255: one of them would be black, or white."""
    for name, level in (("a", 0.5), ("b", 200.0)):
        Image.new("F", (4, 4), level).save(tmp_path / f"{name}.tif")
    with pytest.raises(
        CollapseError, match=r"a\.tif has fractions from 0\.5 to 0\.5, and .*b\.tif up to 200"
    ):
        data.load(f"folder:{tmp_path}", "all")
    Image.new("F", (4, 4), 0.0).save(tmp_path / "a.tif")  # black on either scale
    assert levels(data.load(f"folder:{tmp_path}", "all")) == [0, 200]


@pytest.mark.parametrize(
    ("framing", "box"), [(Framing(4, 8), 0), (Framing(4, stretched=True), 1), (Framing(4), 2)]
)
def test_framings(tmp_path: Path, framing: Framing, box: int) -> None:
    """Of 16x8: its middle at its own scale; all of it; its middle square at half the scale. Boxes of columns and rows read."""
    samples = numpy.zeros((8, 16, 3), numpy.uint8)
    samples[..., 0] = numpy.arange(16) * 10
    samples[..., 1] = numpy.arange(8)[:, None] * 10
    Image.fromarray(samples).save(tmp_path / "1.png")
    pixels = data.load(f"folder:{tmp_path}", "all", framing=framing).pixels[torch.arange(1)][0]
    left, top, right, bottom = [(60, 20, 90, 50), (15, 5, 135, 65), (45, 5, 105, 65)][box]
    assert abs(pixels[0, 0].int()[[0, -1]] - torch.tensor([left, right])).max() <= 5
    assert abs(pixels[1, :, 0].int()[[0, -1]] - torch.tensor([top, bottom])).max() <= 5
