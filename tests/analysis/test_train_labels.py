"""What labels cannot teach is refused or told: one class, a class of one image, classes that a split lacks."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from collapse_cli import shapes
from collapse_cli.analysis import classes, image_inspection, probe, train_labels
from collapse_cli.analysis.lidar import remarks as of_lidar
from collapse_cli.analysis.loading import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.oracle import from_labels
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.settings import ImageFiles, resolve
from collapse_cli.shapes import Images


def images(labels: list[int] | None, names: tuple[str, ...] = ("cat", "dog", "owl")) -> Images:
    pixels = torch.zeros(len(labels or [0]), 1, 4, 4, dtype=torch.uint8)
    return Images(pixels, None if labels is None else torch.tensor(labels), names, "pets/train")


@pytest.mark.parametrize("method", ["supervised", "supcon"])
def test_one_class_and_no_labels_are_refused(method: str) -> None:
    run = resolve(method, {"dataset": "folder:pets"})
    with pytest.raises(
        CollapseError, match=f"all 3 images of pets/train are of one class, dog, from which {method}"
    ) as caught:
        train_labels.refuse(run, images([1, 1, 1]))
    assert caught.value.hint.endswith("collapse train moco --dataset folder:pets --batch 2")
    with pytest.raises(CollapseError, match=f"{method} needs labels, and pets/train has none"):
        train_labels.refuse(run, images(None))
    train_labels.refuse(run, images([0, 1]))


def test_the_command_for_images_of_one_class_runs_as_it_is_printed(tmp_path: Path) -> None:
    """Of 16 images in a folder with a space in its name; with the options that were typed."""
    path = tmp_path / "one class"
    (path / "train" / "a").mkdir(parents=True)
    for i in range(16):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(path / "train" / "a" / f"{i}.png")
    training = {
        "dataset": f"folder:{path}",
        "background": "black",
        "skip_broken": True,
        "split": "all",
        "size": 6,
    }
    with pytest.raises(CollapseError) as caught:
        train_labels.refuse(resolve("supcon", training), images([1] * 16))
    words = shlex.split(caught.value.hint.partition("labels: ")[2])
    assert words[:3] == ["collapse", "train", "moco"]
    options = ["--split", "all", "--size", "6", "--batch", "16", "--background", "black", "--skip-broken"]
    assert words[3:] == ["--dataset", f"folder:{path}", *options]
    out = ["--epochs", "1", "--out", str(tmp_path / "run"), "--device", "cpu", "-q"]
    assert main([*words[1:], *out]) == 0


def test_a_method_without_labels_takes_any() -> None:
    run = resolve("moco", {"dataset": "folder:pets"})
    train_labels.refuse(run, images([1, 1]))
    train_labels.refuse(run, images(None))
    assert list(train_labels.warnings(run, images([0, 1, 1]))) == []
    masked = resolve("moco", {"mask_false_negatives": True})
    with pytest.raises(CollapseError, match="--mask-false-negatives needs labels"):
        train_labels.refuse(masked, images(None))


def test_a_class_of_one_image_and_a_declared_class_without_any() -> None:
    """cat has one image, dog two, owl none; of the loss's weights one is for owl."""
    (single, absent) = train_labels.warnings(resolve("supervised"), images([0, 1, 1]))
    assert "1 of 2 classes (cat) is of a single image" in single
    assert "1 of 3 classes (owl) is without an image here" in absent
    assert "chance level is log 3" in absent
    assert len(list(train_labels.warnings(resolve("supcon"), images([0, 1, 1])))) == 1


def test_classes_tells_what_it_leaves_out() -> None:
    """Of 12 embeddings 2 are alone in their class: 10 of 2 classes remain."""
    rows = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    subject = load(rows, labels=["a"] * 5 + ["b"] * 5 + ["c", "d"], name="e")
    entries = list(classes.measure(subject))
    assert entries[0].result.samples == 10
    sentence = next(iter(classes.remarks(subject, entries)))
    assert sentence.startswith("e: 2 of 12 embeddings are left out: each is the only one of its class")
    assert "(2 of 4 classes); give more images of each" in sentence
    assert "2 of 4 classes are of a single embedding" in next(iter(of_lidar(subject, [])))


def test_classes_that_a_sample_lacks_are_not_said_to_have_no_image() -> None:
    """Twelve digits are not of all ten classes; all of them are."""
    subject = load("pixels:digits", samples=12)
    assert subject.clean.labels is not None
    told = " ".join(classes.left_out(subject, subject.clean.labels))
    assert "left out: the sample has none of them; --samples takes more" in told
    assert "--samples takes more of each" in told
    assert "no image of them" not in told
    rows = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    whole = load(rows, labels=["a"] * 6 + ["b"] * 6, name="e")
    whole = replace(whole, clean=replace(whole.clean, classes=("a", "b", "c")))
    assert whole.clean.labels is not None
    assert "has no image of them" in " ".join(classes.left_out(whole, whole.clean.labels))


def test_probe_tells_classes_of_one_side() -> None:
    """The only embedding of `c` is fitted on, so no accuracy is of c."""
    rows = torch.randn(41, 3, generator=torch.Generator().manual_seed(0))
    subject = load(rows, labels=["a"] * 20 + ["b"] * 20 + ["c"], name="e")
    told = " ".join(probe.remarks(subject, list(probe.measure(subject, per_class=1))))
    assert "classes that only the training embeddings have: 1 (c), with 1 embeddings" in told


def kaggle(path: Path) -> Path:
    """A table with the labels of 20 images of train; the test split has 5, none of which it lists."""
    pixels = torch.randint(0, 256, (25, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for split, rows in (("train", range(20)), ("test", range(20, 25))):
        (path / split).mkdir(parents=True)
        for i in rows:
            Image.fromarray(pixels[i].numpy()).save(path / split / f"{i}.png")
    listed = "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(20))
    (path.parent / "kag.csv").write_text("file,label\n" + listed)
    return path.parent / "kag.csv"


def test_probe_holds_out_a_part_of_train_where_test_has_no_labels(tmp_path: Path) -> None:
    """Of 20 images 16 are fitted on and 4 judged. The same for a table whose test file hides its labels."""
    table = kaggle(tmp_path / "kag")
    subject = load(f"pixels:folder:{tmp_path / 'kag'}", labels=table, split="train")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    for split, labels in (("train", [0, 1] * 10), ("test", [-1] * 5)):
        rows = range(20) if split == "train" else range(20, 25)
        contents = [(tmp_path / "kag" / split / f"{i}.png").read_bytes() for i in rows]
        parquet.write_table(
            pyarrow.table({"image": contents, "label": labels}), hidden / f"{split}-0.parquet"
        )
    for each in (subject, load(f"pixels:parquet:{hidden}", split="train")):
        entries = list(probe.measure(each, per_class=1))
        settings = entries[0].settings
        assert (settings["N"], settings["M"]) == (16, 4)
        assert settings["test split"] == "without labels: a part of train is held out"
        assert "the test split is without labels" in next(iter(probe.remarks(each, entries)))


def test_a_split_of_which_no_image_has_a_label_is_called_so(tmp_path: Path) -> None:
    table = kaggle(tmp_path / "kag")
    with pytest.raises(CollapseError, match=r"none of the 5 images of kag/test has a label in .*kag\.csv"):
        load(f"pixels:folder:{tmp_path / 'kag'}", labels=table, split="test")
    facts = image_inspection.facts(f"folder:{tmp_path / 'kag'}", ImageFiles(labels=str(table)))
    assert facts["splits"] == {"train": 20}
    assert any(line.startswith("test is left out: none of the 5 images") for line in facts["left_out"])


def test_one_class_is_refused_by_classes_and_probe() -> None:
    subject = load(torch.randn(10, 3), labels=[4] * 10, name="e")
    for measure in (classes.measure, probe.measure):
        with pytest.raises(CollapseError) as caught:
            list(measure(subject))
        assert caught.value.code == 3


def test_a_column_of_a_table_beside_embeddings(tmp_path: Path) -> None:
    import numpy

    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((4, 3)))
    (tmp_path / "l.csv").write_text("id,species,age\n1,cat,1\n2,dog,2\n3,cat,3\n4,dog,4\n")
    subject = load(tmp_path / "e.npy", labels=tmp_path / "l.csv", label_column="species")
    assert subject.clean.labels is not None
    assert (subject.clean.labels.tolist(), subject.clean.classes) == ([0, 1, 0, 1], ("cat", "dog"))


def test_the_oracle_counts_labels_of_a_file(tmp_path: Path) -> None:
    """Three classes called 10, 20, 30 are three: two images of each, so a query has 1 of 5 others of its class."""
    (tmp_path / "x").mkdir()
    for i in range(6):
        Image.new("L", (4, 4), i).save(tmp_path / "x" / f"{i}.png")
    (tmp_path / "l.txt").write_text("10\n20\n30\n10\n20\n30\n")
    measuring = Measuring(dataset=f"folder:{tmp_path / 'x'}", labels=str(tmp_path / "l.txt"))
    (entry,) = from_labels(measuring, 5).entries
    assert (entry.result.classes, entry.result.share) == (3, pytest.approx(1 / 5))
    assert set(entry.result.false_negatives_of_class) == {"10", "20", "30"}
    assert shapes.class_count(torch.tensor([10, 20, 30]), ()) == 3


def test_pixels_have_the_labels_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for i in range(6):
        Image.new("L", (4, 4), i).save(tmp_path / "x" / f"{i}.png")
    (tmp_path / "l.csv").write_text(
        "file,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in reversed(range(6)))
    )
    subject = load(f"pixels:folder:{tmp_path / 'x'}", labels=tmp_path / "l.csv")
    assert subject.clean.labels is not None
    assert subject.clean.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert any("by the file names of its column file" in note.sentence for note in subject.notes)
