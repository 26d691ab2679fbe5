"""What is read of a data set for a training, what it will cost, and what may mislead."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from collapse_cli.analysis.training import fresh, images, of_epoch, plan, warnings
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.settings import resolve
from collapse_cli.shapes import Images

SMALL = {"encoder": "mlp", "batch": 32}


def test_a_named_data_set_keeps_its_size() -> None:
    with pytest.raises(
        CollapseError, match="digits has images of a fixed size, which --size 16 cannot change"
    ):
        images(resolve("moco", {"size": 16}), "cpu")
    assert len(images(resolve("moco"), "cpu")) == 1347


def test_a_fresh_run_is_settled_and_normalised() -> None:
    """Half of the pixels are 0 and half 255: mean and std are .5, of one channel."""
    pixels = torch.tensor([0, 255], dtype=torch.uint8).repeat(64, 1, 8, 4)
    checkpoint = fresh(resolve("moco", SMALL), Images(pixels, None, (), "stripes"))
    assert checkpoint.run.training.recipe == "digits"
    assert (checkpoint.normalisation.mean, checkpoint.normalisation.std) == ((0.5,), (0.5,))
    assert checkpoint.state.epoch == 0


def test_a_plan_counts_what_is_done_and_kept(images: Images) -> None:
    """96 images in batches of 32 are 3 steps; of 7 epochs the 3rd and the 6th are kept, beside the last."""
    run = resolve("moco", SMALL | {"epochs": 7, "keep_every": 3})
    checkpoint = fresh(run, images)
    found = plan(checkpoint, images)
    costs = found.pop("plan")
    assert found == checkpoint.run.tables()
    assert (costs["steps_per_epoch"], costs["steps"], costs["checkpoints"]) == (3, 21, 3)
    parts = (checkpoint.method.encoder, checkpoint.method.projector)
    assert costs["parameters"] == sum(p.numel() for part in parts for p in part.parameters())
    assert costs["device"] == "cpu"


@pytest.mark.parametrize(
    ("method", "knobs", "sentence"),
    [
        ("moco", {"queue": 192}, "--queue 192 is 2.0 epochs of 96 keys: with probability 100% (mean"),
        ("moco", {"queue": 48}, "--queue 48 is 0.5 epochs of 96 keys: with probability 22% (mean"),
        ("moco", {"keep_every": 9, "epochs": 3}, "--keep-every 9 is more than the 3 epochs"),
        ("moco", {"shuffle_bn": True}, "--shuffle-bn has no effect with --bn-splits 1"),
        ("supervised", {"recipe": "randaugment"}, "--recipe randaugment contains a policy"),
        ("end-to-end", {"mask_false_negatives": True}, "--mask-false-negatives uses the labels"),
    ],
)
def test_what_may_mislead_is_said(method: str, knobs: dict[str, Any], sentence: str, images: Images) -> None:
    quiet = {"queue": 16} if method == "moco" else {}
    (warning,) = warnings(resolve(method, SMALL | quiet | knobs), images)
    assert warning.startswith(sentence)


@pytest.mark.parametrize(
    ("method", "knobs"),
    [
        ("moco", {"queue": 32}),
        ("moco", {"queue": 192, "mask_own": True}),
        ("moco", {"queue": 16, "shuffle_bn": True, "bn_splits": 2}),
        ("simsiam", {}),
    ],
)
def test_what_does_not_mislead_is_not(method: str, knobs: dict[str, Any], images: Images) -> None:
    assert warnings(resolve(method, SMALL | knobs), images) == []


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (96, "96 images, 3 batches of 32"),
        (97, "97 images, 3 batches of 32, 1 image left out of each epoch at random"),
        (56, "56 images, 1 batch of 32, 24 images left out of each epoch at random"),
    ],
)
def test_an_epoch_says_what_it_leaves_out(count: int, words: str) -> None:
    images = Images(torch.zeros(count, 1, 8, 8, dtype=torch.uint8), None, (), "zeros")
    assert of_epoch(resolve("moco", SMALL), images) == words


def test_an_incomplete_batch_of_many_images_is_a_warning() -> None:
    """24 of 56 images; of batches of 17 to 32 that of 28 leaves out none. Notes of the data set come first."""
    note = DataNote("left out", 2, 58, "images", "left out: broken")
    images = Images(torch.zeros(56, 1, 8, 8, dtype=torch.uint8), None, (), "zeros", notes=(note,))
    first, second = warnings(resolve("moco", SMALL | {"queue": 2}), images)
    assert first == "zeros: 2 of 58 images are left out: broken"
    assert second.startswith(
        "zeros: 24 of 56 images are left out of each epoch, at random: the last batch of 32"
    )
    assert second.endswith("--batch 28 leaves out none")
    few = Images(torch.zeros(97, 1, 8, 8, dtype=torch.uint8), None, (), "zeros")
    assert warnings(resolve("moco", SMALL | {"queue": 2}), few) == []
