"""Which images of a data set are measured where no split is named: all of those that no training has seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pyarrow
import pytest
import torch
from PIL import Image
from pyarrow import parquet
from torchvision import models

from collapse_cli.analysis import catalogue, inputs, measured, training
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.oracle import from_labels
from collapse_cli.analysis.portrait import stored_answers
from collapse_cli.runs import checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve
from tests.runs.test_foreign import quarter

IMAGES = 20  # in two classes; 80 % of them are 16


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("theirs") / "resnet.pth"
    torch.save(quarter(models.resnet18(num_classes=8)).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of noise, 32x32, in the class folders a and b."""
    home, draw = tmp_path_factory.mktemp("images"), numpy.random.default_rng(0)
    for number in range(IMAGES):
        (place := home / "ab"[number % 2]).mkdir(exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (32, 32, 3), dtype=numpy.uint8)).save(place / f"{number}.png")
    return home


@pytest.fixture(scope="module")
def shard(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same images as one parquet file."""
    files = sorted(folder.rglob("*.png"))
    columns = {
        "image": [{"bytes": file.read_bytes(), "path": file.name} for file in files],
        "label": ["ab".index(file.parent.name) for file in files],
    }
    path = tmp_path_factory.mktemp("shards") / "images.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


@pytest.fixture(scope="module")
def ours(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of a network that was to learn from the folder of images."""
    home = tmp_path_factory.mktemp("run")
    run = resolve("end-to-end", {"dataset": f"folder:{folder}", "batch": 8})
    begun = training.fresh(run, training.images(run, "cpu"))
    Record(home).settle(begun.run)
    checkpoint.save(home / "checkpoint.pt", begun)
    return home


@pytest.mark.parametrize(("split", "count"), [("auto", IMAGES), ("train", 16), ("test", 4), ("all", IMAGES)])
def test_another_librarys_checkpoint_is_measured_on_all_images(
    split: str, count: int, theirs: Path, folder: Path, shard: Path
) -> None:
    for dataset in (f"folder:{folder}", f"parquet:{shard}"):
        subject = load(theirs, Measuring(dataset=dataset, split=split))
        named = "all" if split == "auto" else split
        assert subject.count == count
        assert subject.facts["split"] == subject.measuring.decisive["split"] == named
        assert subject.clean.source.endswith(f"/{named}")


def test_a_probe_holds_out_a_fifth_of_them_itself(theirs: Path, folder: Path) -> None:
    subject = load(theirs, Measuring(dataset=f"folder:{folder}"))
    entries = measured.measured(
        catalogue.measurement("probe"), [subject], per_class=5, replications=1
    ).entries
    assert {(entry.settings["N"], entry.settings["M"]) for entry in entries} == {(16, 4)}


def test_a_run_keeps_the_held_out_split_of_its_own_set(
    ours: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the path of the set is written; and it is measured on all images of a set that it was not trained on."""
    monkeypatch.chdir(folder.parent)
    for dataset in ("", f"folder:{folder}", f"folder:./{folder.name}"):
        subject = load(ours, Measuring(dataset=dataset))
        assert (subject.count, subject.facts["split"]) == (16, "train")
    other = Path("other")
    other.mkdir()
    for number, file in enumerate(sorted(folder.rglob("*.png"))[:10]):
        (other / f"{number}.png").write_bytes(file.read_bytes())
    elsewhere = load(ours, Measuring(dataset="folder:other"))
    assert (elsewhere.count, elsewhere.facts["split"]) == (10, "all")


def test_pixels_and_labels_alone_are_of_all_images_too(folder: Path) -> None:
    assert inputs.load(Path(f"pixels:folder:{folder}"), Measuring()).count == IMAGES
    (entry,) = from_labels(Measuring(dataset=f"folder:{folder}")).entries
    assert entry.settings["N"] == IMAGES


def test_a_named_set_keeps_its_train_split() -> None:
    """Digits: 1,347 of 1,797 images are its train split."""
    assert load(Path("pixels:digits"), Measuring()).count == 1347


def test_what_a_run_folder_holds_is_read_again(ours: Path) -> None:
    """Saved with the split that was measured, and asked for by no name."""
    subject = load(ours, Measuring(samples=10))
    answer = measured.measured(catalogue.measurement("dormant"), [subject])
    from collapse_cli.views.document import document

    subject.record.keep(document(answer))  # type: ignore[union-attr]
    recognised = inputs.recognise(ours)
    assert [each.command for each in stored_answers(recognised, Measuring(samples=10))] == ["dormant"]
    assert stored_answers(recognised, replace(Measuring(samples=10), split="all")) == []
    for option in ({"labels": "labels.csv"}, {"background": "black"}, {"label_column": "species"}):
        assert stored_answers(recognised, replace(Measuring(samples=10), **option)) == []
