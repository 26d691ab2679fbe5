"""How long a training is, and the learning rate of each step, by closed forms; exact to resume wherever it stops."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from collapse_cli.analysis.training import fresh
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.schedule import Clock, epochs_of, learning_rate, per_epoch
from collapse_cli.settings import Training, refuse_two_lengths, resolve
from collapse_cli.shapes import Images
from collapse_cli.training import Epoch, train

SMALL = {"encoder": "mlp", "dim": 8, "batch": 16, "queue": 40}  # 96 images: 6 steps an epoch


class Stopped(Exception):
    """Raised between two steps."""


def begun(images: Images, **knobs: object) -> Checkpoint:
    return fresh(resolve("moco", SMALL | knobs), images)


def course(kept: Checkpoint, images: Images, between: Callable[[], None] = lambda: None) -> list[Epoch]:
    run = kept.run.training
    return list(train(kept.method, images, kept.normalisation, run, kept.state, between))


def same(one: Checkpoint, other: Checkpoint) -> bool:
    ours, theirs = one.method.state_dict(), other.method.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize(
    ("settings", "lengths"),
    [
        ({"epochs": 3}, [6, 6, 6]),
        ({"steps": 14}, [6, 6, 2]),
        ({"steps": 12}, [6, 6]),
        ({"steps": 4}, [4]),
        ({"epochs": 2, "accumulate": 4}, [1, 1]),
        ({"steps": 5, "accumulate": 3}, [2, 2, 1]),
    ],
)
def test_an_epoch_is_a_pass_and_the_last_ends_with_the_steps(
    settings: dict[str, int], lengths: list[int], images: Images
) -> None:
    """96 images in batches of 16 are 6 steps of one batch, 2 of three, 1 of four: 32 images wait for the next pass."""
    kept, steps = begun(images, **settings), []
    history = course(kept, images, lambda: steps.append(kept.state.part.step if kept.state.part else 0))
    assert len(steps) == sum(lengths) - len(lengths)
    assert [epoch.number for epoch in history] == list(range(1, len(lengths) + 1))
    assert {epoch.epochs for epoch in history} == {len(lengths)} == {kept.run.training.epochs}
    assert kept.state.taken == sum(lengths)


@pytest.mark.parametrize("settings", [{"epochs": 5}, {"steps": 30}])
def test_every_step_has_its_rate(settings: dict[str, int]) -> None:
    """Warm-up of 1.5 epochs of 6 steps: step i < 9 has lr i/9; then lr (1 + cos(pi (i - 9)/21))/2, of 30 steps in all."""
    training = Training(lr=0.2, warmup=1.5, **settings)
    rates = [Clock(training, 6, e, 6 * e).rate(step + 1) for e in range(5) for step in range(6)]
    wanted = [0.2 * i / 9 if i < 9 else 0.1 * (1 + math.cos(math.pi * (i - 9) / 21)) for i in range(30)]
    assert rates == pytest.approx(wanted, abs=1e-15)
    constant = replace(training, schedule="constant")
    assert Clock(constant, 6, 4, 24).rate(3) == 0.2
    assert Clock(constant, 6, 0, 0).rate(4) == pytest.approx(0.2 * 3 / 9)
    assert Clock(training, 6, 4, 24).last_rate == pytest.approx(wanted[-1])


def test_without_a_warm_up_the_cosine_begins_at_once() -> None:
    assert learning_rate(Training(lr=0.05), 0.0) == 0.05
    assert learning_rate(Training(lr=0.05), 0.5) == pytest.approx(0.025)


@pytest.mark.parametrize("stop", [3, 7, 12, 13])
def test_a_run_of_steps_goes_on_where_it_stopped(stop: int, images: Images, tmp_path: Path) -> None:
    """Within the warm-up, within an epoch, at its end, within the short last one: the same bits as without a stop."""
    knobs = {"steps": 14, "warmup": 1.5, "optimizer": "lars", "lr": 2.0}
    whole, stopped = begun(images, **knobs), begun(images, **knobs)
    history = course(whole, images)
    state = stopped.state

    def taken() -> int:
        return state.taken + (state.part.step if state.part else 0)

    def between() -> None:
        if taken() == stop:
            raise Stopped

    with suppress(Stopped):
        for _ in train(stopped.method, images, stopped.normalisation, stopped.run.training, state, between):
            if taken() == stop:
                break
    checkpoint.save(tmp_path / "c.pt", stopped)
    resumed = checkpoint.load(tmp_path / "c.pt")
    assert (resumed.state.taken, taken()) == (stop // 6 * 6, stop)
    rest = course(resumed, images)
    assert same(whole, resumed)
    assert [epoch.loss for epoch in rest] == [epoch.loss for epoch in history[len(history) - len(rest) :]]


def test_a_checkpoint_of_an_earlier_version_counts_whole_epochs(images: Images, tmp_path: Path) -> None:
    """It does not say how many steps were taken: 2 epochs of 6."""
    import json

    kept = begun(images, epochs=4)
    for _ in islice(train(kept.method, images, kept.normalisation, kept.run.training, kept.state), 2):
        pass
    checkpoint.save(tmp_path / "c.pt", kept)
    content = torch.load(tmp_path / "c.pt")
    metadata = json.loads(content["metadata"])
    del metadata["taken"]
    for name in ("steps", "accumulate", "warmup"):
        del metadata["settings"]["training"][name]
    torch.save(content | {"metadata": json.dumps(metadata)}, tmp_path / "c.pt")
    loaded = checkpoint.load(tmp_path / "c.pt")
    assert (loaded.state.epoch, loaded.state.taken) == (2, 12)
    assert loaded.run == kept.run


def test_epochs_follow_from_steps_and_from_what_is_done() -> None:
    """A run of 14 steps ended within its third pass; 10 more are two passes more, the second of 4."""
    assert epochs_of(Training(steps=14), 6) == 3
    assert epochs_of(Training(steps=24), 6, epoch=3, taken=14) == 5
    assert epochs_of(Training(epochs=7), 6) == 7
    assert per_epoch(100, Training(batch=8, accumulate=4)) == 3
    clock = Clock(Training(steps=24), 6, 4, 20)
    assert (clock.of_epoch, clock.done(4), clock.over) == (4, 1.0, False)
    assert Clock(Training(steps=24), 6, 5, 24).over


def test_two_lengths_are_refused() -> None:
    with pytest.raises(CollapseError, match="--epochs and --steps exclude each other"):
        refuse_two_lengths({"epochs": 3, "steps": 5})
    refuse_two_lengths({"steps": 5})


def test_the_last_length_that_is_given_counts() -> None:
    """settings.toml of a run of steps holds both, the epochs as what follows; an option replaces them."""
    both = {"steps": 14, "epochs": 3}
    assert resolve("moco", both).training.steps == 14
    assert resolve("moco", both, {"epochs": 5}).training.steps == 0
    assert resolve("moco", {"epochs": 5}, {"steps": 9}).training.steps == 9


@pytest.mark.parametrize("knobs", [{"epochs": 2, "warmup": 2.0}, {"steps": 9, "warmup": 1.5}])
def test_a_warm_up_without_an_end_is_refused(knobs: dict[str, float], images: Images) -> None:
    with pytest.raises(CollapseError, match=r"--warmup .* is no less than the .* epochs"):
        begun(images, **knobs)


def test_more_images_for_a_step_than_there_are(images: Images) -> None:
    with pytest.raises(CollapseError, match="--batch 16 times --accumulate 7 is more than the 96 images"):
        begun(images, accumulate=7)
