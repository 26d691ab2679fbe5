"""`collapse inspect` of images: the whole balance of a folder, a parquet file, a named set, and commands that can be typed."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path
from typing import Any

import numpy
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from collapse_cli.cli import main

Capture = pytest.CaptureFixture[str]


def scene(seed: int, width: int = 20, height: int = 20) -> Image.Image:
    levels = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    return Image.fromarray(levels)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside 30 images in two classes: a class of one, copies, a blank, a broken and a cut file, alpha, EXIF, frames."""
    path = tmp_path_factory.mktemp("images") / "my images"
    for name in ("cat", "dog", "owl"):
        (path / name).mkdir(parents=True)
    for i in range(30):
        scene(i, 20 + 2 * (i % 2)).save(path / ("cat" if i < 18 else "dog") / f"{i:02}.png")
    for i in range(3):
        scene(0).save(path / "dog" / f"copy{i}.png")
    Image.new("RGB", (20, 20)).save(path / "cat" / "blank.png")
    scene(50).save(path / "owl" / "owl.gif", save_all=True, append_images=[scene(51)])
    scene(52).convert("RGBA").save(path / "cat" / "logo.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    scene(53).save(path / "cat" / "phone.jpg", exif=exif)
    (path / "cat" / "broken.png").write_bytes(b"no image")
    whole = (path / "cat" / "00.png").read_bytes()
    (path / "cat" / "cut.png").write_bytes(whole[: len(whole) // 2])
    return path


def inspected(capsys: Capture, *argv: str) -> dict[str, Any]:
    assert main(["inspect", *argv, "--json"]) == 0
    facts: dict[str, Any] = json.loads(capsys.readouterr().out)
    return facts


def test_the_balance_of_a_folder(folder: Path, capsys: Capture) -> None:
    """30 + 3 + 5 - 1 images can be read of 39: copies 3, a class of one, 3 kinds of files, 2 sizes."""
    facts = inspected(capsys, f"folder:{folder}")
    assert facts["images"] == sum(facts["splits"].values()) == 37
    assert facts["class_sizes"] == {"cat": 21, "dog": 15, "owl": 1}
    assert facts["kinds"] == {"PNG": 35, "GIF": 1, "JPEG": 1}
    assert facts["modes"] == {"RGB": 35, "P": 1, "RGBA": 1} or facts["modes"]["RGBA"] == 1
    assert facts["sizes"] == {
        "different": 2, "most_frequent": [20, 20], "of_that_size": 22, "smallest": [20, 20], "largest": [22, 20],
    }  # fmt: skip
    assert (facts["turned_by_exif"], facts["with_alpha"], facts["of_several_frames"]) == (1, 1, 1)
    assert (facts["distinct"], facts["copies"], facts["constant"], facts["black"]) == (34, 3, 1, 1)
    assert facts["labelled_in_two_ways"] == 4
    assert len(facts["copies_are"]) == 3
    assert sorted(Path(each["image"]).name for each in facts["broken"]) == ["broken.png", "cut.png"]


def test_the_page_says_the_same(folder: Path, capsys: Capture) -> None:
    assert main(["inspect", f"folder:{folder}"]) == 0
    page = capsys.readouterr().out
    for line in (
        "1 of a single image: owl",
        "2 cannot be read",
        "3 of 37 have the same pixels",
        "1 of 37: 1 black",
    ):
        assert line in page
    assert all(len(line) <= 80 for line in page.splitlines() if "collapse " not in line and "/" not in line)


def test_a_plain_path_is_recognised(folder: Path, capsys: Capture) -> None:
    plain, named = inspected(capsys, str(folder)), inspected(capsys, f"folder:{folder}")
    assert plain == named


def test_a_parquet_file_is_recognised(tmp_path: Path, capsys: Capture) -> None:
    """10 images of two classes, of which the last is a copy of the first."""
    contents = []
    for seed in (*range(9), 0):
        content = io.BytesIO()
        scene(seed).save(content, "PNG")
        contents.append({"bytes": content.getvalue(), "path": ""})
    table = pyarrow.table({"image": contents, "label": [0, 1] * 5})
    parquet.write_table(table, tmp_path / "mine.parquet")
    facts = inspected(capsys, str(tmp_path / "mine.parquet"))
    assert facts == inspected(capsys, f"parquet:{tmp_path}/mine.parquet")
    assert (facts["images"], facts["classes"], facts["copies"]) == (10, 2, 1)
    assert facts["training"]["shape"] == [3, 20, 20]


def test_a_named_set(capsys: Capture) -> None:
    """1,347 = 21 x 64 + 3 digits, 10 classes, no two the same."""
    facts = inspected(capsys, "digits")
    assert facts["splits"] == {"train": 1347, "test": 450}
    assert (facts["copies"], facts["near_copies"], facts["constant"]) == (0, 0, 0)
    assert (facts["training"]["steps_per_epoch"], facts["training"]["left_over_each_epoch"]) == (21, 3)


def test_images_of_test_that_are_in_train(tmp_path: Path, capsys: Capture) -> None:
    """Seeds 0 … 9 and 8 … 11: two of four."""
    for split, seeds in (("train", range(10)), ("test", range(8, 12))):
        (tmp_path / split / "a").mkdir(parents=True)
        for seed in seeds:
            scene(seed).save(tmp_path / split / "a" / f"{seed}.png")
    facts = inspected(capsys, str(tmp_path))
    assert facts["splits"] == {"train": 10, "test": 4}
    assert facts["test_images_in_train"] == 2
    assert facts["training"]["images"] == 10


def test_next_commands_work_as_they_are_printed(tmp_path: Path, capsys: Capture) -> None:
    """Ten images are fewer than a batch: the option that trains on them is named. A path with a space is quoted."""
    path = tmp_path / "ten images"
    for i in range(10):
        (path / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        scene(i).save(path / "ab"[i % 2] / f"{i}.png")
    commands = [shlex.split(line) for line in inspected(capsys, str(path))["next"]]
    assert [words[:3] for words in commands] == [
        ["collapse", "train", "moco"], ["collapse", "train", "supervised"],
        ["collapse", "diagnose", f"pixels:folder:{path}"], ["collapse", "probe", f"pixels:folder:{path}"],
    ]  # fmt: skip
    for words in commands[:2]:
        assert main([*words[1:], "--dry-run"]) == 0
    assert main([*commands[2][1:], "-q"]) in (0, 3)


def test_what_is_no_image_is_refused_as_before(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert main(["inspect", str(tmp_path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
    (tmp_path / "a.png").write_bytes(b"no image")
    assert main(["inspect", f"folder:{tmp_path}"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def content(seed: int) -> dict[str, Any]:
    file = io.BytesIO()
    scene(seed).save(file, "PNG")
    return {"bytes": file.getvalue(), "path": ""}


def shard(file: Path, seeds: range, labels: list[int | None] | None) -> None:
    columns: dict[str, list[Any]] = {"image": [content(seed) for seed in seeds]}
    parquet.write_table(pyarrow.table(columns | ({} if labels is None else {"label": labels})), file)


def test_a_split_that_cannot_be_loaded_is_not_passed_over(tmp_path: Path, capsys: Capture) -> None:
    """One label of train is null; without labels all of it is shown, and so is a set of which train is all there is."""
    shard(tmp_path / "train-0.parquet", range(8), [0, 1, 0, 1, 0, 1, 0, None])
    shard(tmp_path / "test-0.parquet", range(20, 24), [0, 1, 0, 1])
    assert main(["inspect", f"parquet:{tmp_path}"]) == 2
    assert "1 of 8 images" in capsys.readouterr().err
    facts = inspected(capsys, f"parquet:{tmp_path}", "--label-column", "none")
    assert facts["splits"] == {"train": 8, "test": 4}
    (tmp_path / "test-0.parquet").unlink()
    assert inspected(capsys, f"parquet:{tmp_path}", "--label-column", "none")["splits"] == {"train": 8}


def test_a_single_image_is_a_train_split(tmp_path: Path, capsys: Capture) -> None:
    scene(0).save(tmp_path / "0.png")
    assert inspected(capsys, f"folder:{tmp_path}")["splits"] == {"train": 1}


def test_a_test_split_without_labels_is_counted_apart(tmp_path: Path, capsys: Capture) -> None:
    """The test split hides its labels as -1, and repeats an image of train: no other label contradicts that one's."""
    shard(tmp_path / "train-0.parquet", range(8), [0, 0, 0, 1, 0, 1, 0, 1])
    shard(tmp_path / "test-0.parquet", range(7, 12), [-1] * 5)
    facts = inspected(capsys, f"parquet:{tmp_path}")
    assert facts["splits"] == {"train": 8, "test": 5}
    assert (facts["classes"], facts["class_sizes"]) == (2, {"0": 5, "1": 3})
    assert (facts["labelled_in_two_ways"], facts["test_images_in_train"]) == (0, 1)
    shard(tmp_path / "train-0.parquet", range(8), [-1] * 8)
    shard(tmp_path / "test-0.parquet", range(7, 12), [0, 0, 0, 1, 1])
    facts = inspected(capsys, f"parquet:{tmp_path}")
    assert facts["class_sizes"] == {"0": 3, "1": 2}
    assert not any("supervised" in line for line in facts["next"])


@pytest.mark.parametrize("whole", [0, 2])
def test_the_mean_of_a_training_is_of_train_alone(tmp_path: Path, capsys: Capture, whole: int) -> None:
    """Train is grey where it can be read at all; the test split is white."""
    for split, level in (("train", 51), ("test", 255)):
        (tmp_path / split).mkdir()
        for i in range(4):
            Image.new("RGB", (8, 8), (level,) * 3).save(tmp_path / split / f"{i}.png")
    for i in range(whole, 4):
        (tmp_path / "train" / f"{i}.png").write_bytes(b"no image")
    facts = inspected(capsys, f"folder:{tmp_path}")
    assert facts["splits"] == {"train": whole, "test": 4}
    assert facts["training"]["mean"] == ([0.2] * 3 if whole else [])
    assert main(["inspect", f"folder:{tmp_path}"]) == 0
    assert ("normalised" in capsys.readouterr().out) == bool(whole)


def test_next_commands_repeat_the_options_that_were_typed(tmp_path: Path, capsys: Capture) -> None:
    labels: list[int | None] = [0, 1] * 4
    columns: dict[str, list[Any]] = {
        "the image": [content(i) for i in range(8)],
        "label": [0] * 8,
        "my kind": labels,
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    options = [
        "--label-column",
        "my kind",
        "--image-column",
        "the image",
        "--background",
        "black",
        "--skip-broken",
    ]
    commands = inspected(capsys, f"parquet:{tmp_path}/a.parquet", *options)["next"]
    assert len(commands) == 4
    for words in map(shlex.split, commands):
        assert words[-len(options) :] == options
        if words[1] == "train":
            assert main([*words[1:], "--dry-run"]) == 0
