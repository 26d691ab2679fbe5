"""A run saved between two steps: it goes on bit by bit, whatever the method, and says how far it got wherever it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from collapse_cli import data
from collapse_cli.analysis import glance, inspection
from collapse_cli.analysis.described import described
from collapse_cli.analysis.inputs import load
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.training import fresh
from collapse_cli.distributed import statistics_of
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs import lifecycle, resuming, watch
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.foreign import Choices
from collapse_cli.runs.record import Record
from collapse_cli.runs.watch import Watch, Wish
from collapse_cli.settings import METHODS, resolve
from collapse_cli.shapes import Images
from collapse_cli.stage import Stage
from collapse_cli.training_state import Part

STEPS, EPOCHS = 4, 2  # of 16 images each, of 70: six are left out of each epoch
QUEUES = {"queue": 40, "hardest": 8, "pair_mixes": 6, "query_mixes": 4, "negatives": 30, "mix_after": 0.3}
MODEL = {"encoder": "mlp", "dim": 8, "batch": 16, "epochs": EPOCHS}
CLOCK = ("seconds", "images_per_second")


@dataclass
class Wishing(Watch):
    """Wishes, by how many times it was asked before: after each step but the last of an epoch, and after each epoch."""

    wishes: dict[int, Wish] = field(default_factory=dict)
    asked: int = 0

    @property
    def wish(self) -> Wish:
        self.asked += 1
        return self.wishes.get(self.asked - 1, Wish.NOTHING)


class Killing(Wishing):
    """Ends the training after its third step, as a kill does: nothing more is written."""

    @property
    def wish(self) -> Wish:
        if self.asked == 2:
            raise RuntimeError
        return super().wish


@pytest.fixture(scope="module")
def few() -> Images:
    """70 digits."""
    digits = data.load("digits", "train")
    assert isinstance(digits.pixels, Tensor)
    assert digits.labels is not None
    return Images(digits.pixels[:70], digits.labels[:70], digits.classes, digits.name)


def begun(folder: Path, images: Images, method: str = "moco", **knobs: Any) -> tuple[Record, Checkpoint]:
    names = METHODS[method].__dataclass_fields__
    queues = {
        name: size for name, size in QUEUES.items() if name in names and names[name].type in ("int", "float")
    }
    record, checkpoint = Record(folder), fresh(resolve(method, MODEL, queues, knobs), images)
    lifecycle.begin(record, checkpoint)
    return record, checkpoint


def trained(checkpoint: Checkpoint, images: Images, record: Record, **wishes: Wish) -> None:
    by_place = {int(place.removeprefix("after_")): wish for place, wish in wishes.items()}
    watch = Wishing(wishes=by_place)
    with lifecycle.running(record, checkpoint, watch):
        list(lifecycle.epochs(checkpoint, images, record, watch))


def stopped(checkpoint: Checkpoint, images: Images, record: Record, asked: int) -> CollapseError:
    with pytest.raises(CollapseError) as raised:
        trained(checkpoint, images, record, **{f"after_{asked}": Wish.STOP})
    assert raised.value.code == 75
    assert record.facts()["status"] == "requeue"
    return raised.value


def resumed(record: Record) -> Checkpoint:
    checkpoint = resuming.resumable(record, record.settings().method, {})
    resuming.resume(record, checkpoint)
    return checkpoint


def history(record: Record) -> list[dict[str, Any]]:
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in record.history()]


def equal(one: Any, other: Any) -> bool:
    """Bit by bit, whatever holds the tensors."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


VARIANTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("moco", {"encoder": "convnet", "symmetric": True, "bn_splits": 2, "shuffle_bn": True, "mask_own": True}),
    ("moco", {"encoder": "resnet8", "head_norm": True, "mask_random": 0.3, "strength": 2}),
    ("memory-bank", {"bank_loss": "nce", "optimizer": "adam", "lr": 0.001, "precision": "bf16"}),
    ("byol", {"encoder": "convnet", "momentum_schedule": "cosine"}),
)  # fmt: skip


@pytest.mark.parametrize(("method", "knobs"), [*((name, {}) for name in sorted(METHODS)), *VARIANTS])
def test_a_run_that_is_stopped_within_each_epoch_is_the_run_that_never_stopped(
    method: str, knobs: dict[str, Any], few: Images, tmp_path: Path
) -> None:
    """The files at the end are equal: weights, queue, bank, momentum, generator; and so is the history, but for the clock."""
    through, checkpoint = begun(tmp_path / "through", few, method, **knobs)
    trained(checkpoint, few, through)
    twice, checkpoint = begun(tmp_path / "twice", few, method, **knobs)
    random = Random(method)
    stopped(checkpoint, few, twice, random.randrange(STEPS - 1))
    part = resumed(twice).state.part
    assert part is not None
    left = (
        STEPS - part.step
    )  # of the first epoch: then comes the question at its end, and the steps of the second
    stopped(resumed(twice), few, twice, left + random.randrange(STEPS - 1))
    assert resumed(twice).state.epoch == 1
    trained(resumed(twice), few, twice)
    ends = [torch.load(record.checkpoint) for record in (through, twice)]
    assert all(equal(ends[0][key], ends[1][key]) for key in ends[0])
    assert history(twice) == history(through)
    assert twice.facts()["status"] == "done"


def test_saving_on_the_way_changes_nothing(few: Images, tmp_path: Path) -> None:
    """Also with Adam, whose state is not there before the first step, and with a schedule of the momentum."""
    knobs = {"optimizer": "adam", "lr": 0.001, "momentum_schedule": "cosine"}
    through, checkpoint = begun(tmp_path / "through", few, **knobs)
    trained(checkpoint, few, through)
    saved, checkpoint = begun(tmp_path / "saved", few, **knobs)
    trained(checkpoint, few, saved, **{f"after_{step}": Wish.SAVE for step in range(2 * STEPS)})
    assert equal(torch.load(through.checkpoint), torch.load(saved.checkpoint))
    assert history(through) == history(saved)


def test_a_stop_at_the_end_of_an_epoch_is_after_it(few: Images, tmp_path: Path) -> None:
    record, checkpoint = begun(tmp_path / "run", few)
    ended = stopped(checkpoint, few, record, STEPS - 1)
    assert ended.message == f"stopped; {record.checkpoint} contains epoch 1"
    assert ended.hint == f"continue with: collapse train --resume {record.folder}"
    assert resumed(record).state.part is None


def test_what_is_killed_goes_on_from_the_last_save(few: Images, tmp_path: Path) -> None:
    """Steps after it are done again, bit by bit; the seconds of what was saved are counted."""
    through, checkpoint = begun(tmp_path / "through", few)
    trained(checkpoint, few, through)
    record, checkpoint = begun(tmp_path / "run", few)
    with pytest.raises(RuntimeError):
        list(lifecycle.epochs(checkpoint, few, record, Killing(wishes={1: Wish.SAVE})))
    checkpoint = resumed(record)
    part = checkpoint.state.part
    assert part is not None
    assert (part.step, part.steps) == (2, STEPS)
    assert part.seconds > 0
    trained(checkpoint, few, record)
    assert equal(torch.load(through.checkpoint), torch.load(record.checkpoint))


def test_the_clock(monkeypatch: pytest.MonkeyPatch, few: Images, tmp_path: Path) -> None:
    """Every ten minutes since the last save, of the first process alone; never for 0."""
    now = [1000.0]
    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    _, checkpoint = begun(tmp_path / "run", few)
    due, never = Watch(10, since=now[0]), Watch(0, since=now[0])
    for seconds, wish in ((599, Wish.NOTHING), (1, Wish.SAVE), (1, Wish.SAVE)):
        now[0] += seconds
        assert (due.wish, never.wish) == (wish, Wish.NOTHING)
    due.saved(checkpoint.state)
    assert due.wish is Wish.NOTHING
    now[0] += 600
    assert due.wish is Wish.SAVE
    with monkeypatch.context() as patch:
        patch.setenv("RANK", "1")
        assert due.wish is Wish.NOTHING
    never.signals.requeue = due.signals.requeue = True
    assert due.wish is never.wish is Wish.STOP


def test_a_loss_that_is_lost_is_not_saved(few: Images, tmp_path: Path) -> None:
    """The checkpoint before the epoch stays, as the sentence says."""
    record, checkpoint = begun(tmp_path / "run", few, lr=1e30)
    before = record.checkpoint.read_bytes()
    with pytest.raises(CollapseError, match="in epoch 1"):
        trained(checkpoint, few, record, after_2=Wish.SAVE)
    assert record.checkpoint.read_bytes() == before
    assert record.facts()["status"] == "failed"


@pytest.fixture
def within(few: Images, tmp_path: Path) -> Path:
    """A run of 3 epochs on all digits, stopped after 1 epoch and 5 of 21 steps of the next."""
    record, checkpoint = begun(tmp_path / "within", data.load("digits", "train"), batch=64, epochs=3)
    stopped(checkpoint, data.load("digits", "train"), record, 21 + 4)
    return record.folder


def test_every_reader_says_that_an_epoch_is_not_complete(
    within: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subject = load(within, Measuring(samples=50))
    assert subject.stage == Stage("requeue", 1, 3, "", 5, 21)
    assert "  after 1 of 3 epochs and 5 of 21 steps of the next" in subject.story
    assert [line["number"] for line in subject.history()] == [1]
    assert described(subject).startswith("moco on digits, epoch 1 of 3 and 5 of 21 steps of the next, ")
    light, full = glance.facts(within), inspection.facts(within, Choices())
    assert light == full
    assert light is not None
    assert (light["epoch"], light["step"], light["steps"], light["status"]) == (1, 5, 21, "requeue")


def test_a_checkpoint_of_before_has_no_part(few: Images, tmp_path: Path) -> None:
    """Nor has one that was saved at the end of an epoch: both load as they did."""
    record, checkpoint = begun(tmp_path / "run", few)
    trained(checkpoint, few, record)
    content = torch.load(record.checkpoint)
    assert "part" not in content
    assert {"step", "steps"}.isdisjoint(json.loads(content["metadata"]))
    assert checkpoints.load(record.checkpoint).state.part is None


def test_statistics_of_several_processes_are_put_back_or_averaged(
    few: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two: the file holds the mean, each of two takes its own, and any other number the mean, which is told."""
    _, checkpoint = begun(tmp_path / "run", few, encoder="convnet")
    network = cast(nn.Module, checkpoint.method)
    name = next(name for name in network.state_dict() if name.endswith("running_mean"))
    statistics = {
        each: torch.stack([torch.full_like(own, 1.0), torch.full_like(own, 3.0)])
        for each, own in statistics_of(network).items()
    }
    checkpoint.state.part = Part(checkpoint.state.generator.get_state(), 4, torch.zeros(()), 2)
    checkpoints.save(tmp_path / "c.pt", checkpoint, statistics)
    alone = checkpoints.load(tmp_path / "c.pt")
    assert float(cast(nn.Module, alone.method).state_dict()[name].mean()) == 2
    assert len(alone.notes) == 1
    assert "2 processes, each with batch statistics of its own" in alone.notes[0]
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, value in (("0", 1), ("1", 3)):
        monkeypatch.setenv("RANK", rank)
        each = checkpoints.load(tmp_path / "c.pt")
        assert float(cast(nn.Module, each.method).state_dict()[name].mean()) == value
        assert each.notes == ()


def test_another_kind_of_device_draws_otherwise_and_says_so(few: Images, tmp_path: Path) -> None:
    """A GPU's generator has a state of 16 bytes; a run of one that goes on here trains on, with a note."""
    record, checkpoint = begun(tmp_path / "run", few)
    stopped(checkpoint, few, record, 1)
    content = torch.load(record.checkpoint)
    content["generator"] = content["part"]["opening"] = torch.zeros(16, dtype=torch.uint8)
    torch.save(content, record.checkpoint)
    checkpoint = resumed(record)
    assert len(checkpoint.notes) == 1
    assert "another kind of device" in checkpoint.notes[0]
    trained(checkpoint, few, record)
    assert [line["number"] for line in history(record)] == [1, 2]
