"""A run's beginning and end: what is settled, what is written, what may go on, and what a stop leaves in its folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs import lifecycle, resuming, same_images
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images, Normalisation

SMALL = {"encoder": "mlp", "dim": 8, "batch": 32, "queue": 40, "epochs": 2}
HALF = Normalisation((0.5,), (0.25,))


def fresh(images: Images, **knobs: Any) -> Checkpoint:
    return lifecycle.fresh(lifecycle.settled(resolve("moco", SMALL, knobs), images), images, HALF)


@pytest.fixture
def record(images: Images, tmp_path: Path) -> Record:
    """A run of two epochs that has ended."""
    record, checkpoint = Record(tmp_path / "run"), fresh(images)
    lifecycle.begin(record, checkpoint, ["train"])
    list(lifecycle.epochs(checkpoint, images, record))
    return record


def status(record: Record) -> str:
    return str(json.loads((record.folder / "run.json").read_text())["status"])


@pytest.mark.parametrize(
    ("channels", "recipe", "settled"),
    [(1, "auto", "digits"), (3, "auto", "moco_v2"), (3, "auto+digits", "moco_v2+digits")],
)
def test_an_automatic_recipe_depends_on_the_channels(channels: int, recipe: str, settled: str) -> None:
    images = Images(torch.zeros(64, channels, 8, 8, dtype=torch.uint8), None, (), "nothing")
    run = lifecycle.settled(resolve("moco", SMALL, {"recipe": recipe}), images)
    assert (run.training.recipe, run.training.size) == (settled, 0)


def test_images_of_a_folder_settle_the_size(images: Images) -> None:
    """The images are 8 pixels wide."""
    assert (
        lifecycle.settled(resolve("moco", SMALL, {"dataset": "folder:x"}), images).training.size
        == images.shape[1]
        == 8
    )


def test_a_batch_larger_than_the_data_is_refused_before_anything_is_written(images: Images) -> None:
    with pytest.raises(CollapseError, match="--batch 97 is more than the 96"):
        lifecycle.settled(resolve("moco", SMALL, {"batch": 97}), images)


def test_the_usual_folder_is_one_name() -> None:
    """A path as the data set would be several folders."""
    folder = lifecycle.usual_folder(resolve("moco", {"dataset": "folder:/my/images"}))
    assert folder.parent == Path("runs")
    assert folder.name.startswith("moco-folder--my-images-2")


def test_a_run_begins_trains_and_ends(images: Images, tmp_path: Path) -> None:
    """What is written after each epoch is that epoch: epoch 2 can be resumed the moment it is yielded."""
    record, checkpoint = Record(tmp_path / "run"), fresh(images, keep_every=1)
    lifecycle.begin(record, checkpoint, ["train", "moco"])
    facts = json.loads((record.folder / "run.json").read_text())
    assert (facts["argv"], facts["status"]) == (["train", "moco"], "running")
    assert checkpoints.load(record.checkpoint).state.epoch == 0
    for epoch in lifecycle.epochs(checkpoint, images, record):
        assert checkpoints.load(record.checkpoint).state.epoch == epoch.number
        assert [line["number"] for line in record.history()] == list(range(1, epoch.number + 1))
        assert status(record) == "running"
    assert status(record) == "done"
    assert list(record.epochs()) == [1, 2]


def test_only_the_first_process_writes(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    record, checkpoint = Record(tmp_path / "run"), fresh(images)
    lifecycle.begin(record, checkpoint)
    assert [epoch.number for epoch in lifecycle.epochs(checkpoint, images, record)] == [1, 2]
    resuming.resume(record, checkpoint)
    with pytest.raises(CollapseError), lifecycle.running(record, checkpoint):
        raise CollapseError("no")
    assert not record.folder.exists()


@pytest.mark.parametrize(
    ("method", "changes", "refused"),
    [
        ("mochi", {"epochs": 9}, "is a run of moco"),
        ("moco", {"lr": 1, "dim": 3, "epochs": 9}, "dim, lr cannot change"),
        ("moco", {}, "has completed its 2 epochs"),
        ("moco", {"epochs": 2}, "has completed its 2 epochs"),
    ],
)
def test_what_cannot_be_resumed(method: str, changes: dict[str, Any], refused: str, record: Record) -> None:
    with pytest.raises(CollapseError, match=refused):
        resuming.resumable(record, method, changes)


def test_a_resumed_run_has_more_epochs_and_no_later_history(
    record: Record, images: Images, tmp_path: Path
) -> None:
    """The history has an epoch 3 that the checkpoint does not hold: it is trained anew."""
    torn = record.folder / "history.jsonl"
    torn.write_text(torn.read_text() + json.dumps(record.history()[-1] | {"number": 3}) + "\n")
    before = shutil.copytree(record.folder, tmp_path / "before")
    checkpoint = resuming.resumable(record, "moco", {"epochs": 4})
    assert (checkpoint.state.epoch, checkpoint.run.training.epochs) == (2, 4)
    assert torn.read_text() == (before / "history.jsonl").read_text(), "nothing is written yet"
    resuming.resume(record, checkpoint)
    assert (status(record), len(record.history())) == ("running", 2)
    assert [epoch.number for epoch in lifecycle.epochs(checkpoint, images, record)] == [3, 4]
    assert record.settings().training.epochs == 4


@pytest.mark.parametrize(
    ("stopped", "code", "written"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (CollapseError("the loss was nan"), 2, "failed"),
    ],
)
def test_a_stop_is_noted_in_the_folder(
    stopped: BaseException, code: int, written: str, record: Record, images: Images
) -> None:
    with pytest.raises(CollapseError) as raised, lifecycle.running(record, fresh(images)):
        raise stopped
    assert raised.value.code == code
    assert status(record) == written


def test_a_run_is_not_resumed_on_other_images(record: Record, images: Images) -> None:
    """Fewer or more of them, renamed classes, no labels, other sizes: each is named beside what there was."""
    checkpoint = resuming.resumable(record, "moco", {"epochs": 4})
    same_images.refuse_other_images(record, checkpoint, images)
    labels = images.labels
    assert labels is not None
    for other, words in (
        (replace(images, pixels=images.pixels[:90], labels=labels[:90]), "90 images (1x8x8) of 3 classes (a, b, c)"),
        (replace(images, classes=("a", "b", "z")), "96 images (1x8x8) of 3 classes (a, b, z)"),
        (replace(images, labels=None, classes=()), "96 images (1x8x8) without labels"),
        (replace(images, pixels=images.pixels[:, :, :4]), "96 images (1x4x8) of 3 classes (a, b, c)"),
        (replace(images, classes=tuple("abcdefghijklmn")), "of 14 classes (a, b, c, d, e, f, g, h, i, j, k, l …)"),
    ):  # fmt: skip
        with pytest.raises(CollapseError) as raised:
            same_images.refuse_other_images(record, checkpoint, other)
        assert "was trained on 96 images (1x8x8) of 3 classes (a, b, c), and digits" in raised.value.message
        assert raised.value.message.endswith(words)
