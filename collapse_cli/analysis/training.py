"""What a training needs of its data, what it will cost, and what in its settings is likely to mislead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import nn

from collapse_cli import data, stepping
from collapse_cli.analysis import image_sets, needed, train_labels
from collapse_cli.augment.recipes import searched_with_labels
from collapse_cli.data.statistics import normalisation
from collapse_cli.data.workers import read_ahead
from collapse_cli.data_notes import DataNote
from collapse_cli.errors import CollapseError
from collapse_cli.root_causes import Trained
from collapse_cli.runs import lifecycle
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.schedule import per_step
from collapse_cli.settings import Keys, Masks, Run
from collapse_cli.shapes import Framing, Images
from collapse_cli.training import steps_per_epoch

TINY = 4  # pixels on a side
MANY_DROPPED = 0.05  # of the images of an epoch: such a share is a warning
STALE = 1 / 8
"""Probability of a stale key, above which training warns of it: that of a queue of half an epoch where no image is left out."""


def images(
    run: Run, device: torch.device | str, data_dir: str | None = None, download: bool = False
) -> Images:
    """The images that a run trains on. Raises CollapseError for a data set that is not there, or has a size of its own."""
    training = run.training
    if training.size and training.dataset in data.NAMES:
        raise CollapseError(
            f"{training.dataset} has images of a fixed size, which --size {training.size} cannot change",
            "leave out --size; it is for folder:PATH and parquet:PATH",
        )
    framing = Framing(training.size)
    loaded = image_sets.load(training.dataset, training.split, training, data_dir, download, framing)
    return read_ahead(loaded.to(device), training.workers)


def fresh(run: Run, images: Images, device: torch.device | str = "cpu") -> Checkpoint:
    """The run before its first step, its settings settled for these images and its pixels normalised as theirs.

    Raises CollapseError for settings that take more memory than the device has, before they take it.
    """
    train_labels.refuse(run, images)
    needed.refuse_run(run, images, torch.device(device))
    stepping.refuse_uncompilable(run.training, torch.device(device))
    return lifecycle.fresh(lifecycle.settled(run, images), images, normalisation(images), device)


def plan(checkpoint: Checkpoint, images: Images) -> dict[str, dict[str, Any]]:
    """The resolved settings, as settings.toml holds them, and under `plan` what they cost."""
    training, network = checkpoint.run.training, cast(nn.Module, checkpoint.method)
    steps = steps_per_epoch(images, training)
    learned = sum(p.numel() for p in network.parameters() if p.requires_grad)
    state = sum(t.numel() * t.element_size() for t in network.state_dict().values())
    pixels = 0 if images.streamed else len(images) * images.shape[0] * images.shape[1] * images.shape[2]
    costs = {
        "parameters": learned,
        "steps_per_epoch": steps,
        "images_left_out_of_each_epoch": len(images) % per_step(training),
        "steps": training.steps or steps * training.epochs,
        "weights_and_optimizer_MB": round((state + 8 * learned) / 1e6, 1),
        "images_MB": round(pixels / 1e6, 1),
        "checkpoints": 1 + (training.epochs // training.keep_every if training.keep_every else 0),
        "device": str(checkpoint.state.generator.device),
    }
    return {**checkpoint.run.tables(), "plan": costs}


def of_epoch(run: Run, images: Images) -> str:
    """How many batches an epoch has, and how many images it leaves out, for they are too few for one more."""
    steps, dropped = divmod(len(images), per_step(run.training))
    batches = steps * run.training.accumulate
    left = f", {dropped} image{'s' * (dropped > 1)} left out of each epoch at random" if dropped else ""
    return f"{len(images):,} images, {batches:,} batch{'es' * (batches > 1)} of {run.training.batch}{left}"


def warnings(run: Run, images: Images) -> list[str]:
    """What is not used of the images, and what is likely to mislead in these settings, a sentence each."""
    notes = (*images.notes, *_incomplete_batch(run, len(images)))
    noted = [f"{images.name}: {note.sentence}" for note in notes]
    return [
        *noted,
        *_of_size(images),
        *_of_keys(Trained(run, images.data_shape, run.training.epochs)),
        *_of_checkpoints(run),
        *_of_workers(run, images),
        *_of_batch_norm(run),
        *_of_labels(run),
        *train_labels.warnings(run, images),
    ]


def _incomplete_batch(run: Run, count: int) -> Iterator[DataNote]:
    """Of images that are too few for one more batch, where they are many."""
    batch, dropped = run.training.batch, count % per_step(run.training)
    if run.training.accumulate == 1 and dropped > MANY_DROPPED * count:
        best = max(range(batch // 2 + 1, batch + 1), key=lambda size: (-(count % size), size))
        what = f"left out of each epoch, at random: the last batch of {batch} would be incomplete"
        remedy = f"--batch {best} leaves out {count % best or 'none'}"
        yield DataNote("left out", dropped, count, "images", what, remedy)


def _of_size(images: Images) -> Iterator[str]:
    """Images of which crops and blurs leave hardly anything."""
    _, height, width = images.shape
    if min(height, width) < TINY:
        yield (
            f"images of {height} x {width} pixels are too small to be cropped or blurred, so the views of an image differ by "
            "colour alone; --size enlarges the images of a folder"
        )


def _of_keys(trained: Trained) -> Iterator[str]:
    """A queue that is so long that a query meets earlier keys of its own image; the probability is that of the last epoch."""
    probability = trained.stale_key(past=trained.epochs - 1)
    if probability is not None and probability > STALE and not trained.run.settings.mask_own:
        queue, epoch = trained.queue or 0, trained.keys_per_epoch
        yield (
            f"--queue {queue} is {queue / epoch:.1f} epochs of {epoch} keys: with probability {probability:.0%} "
            "(mean over an epoch) the queue contains a stale key of a query's own image as a negative; --mask-own leaves it out"
        )


def _of_checkpoints(run: Run) -> Iterator[str]:
    if run.training.keep_every > run.training.epochs:
        yield (
            f"--keep-every {run.training.keep_every} is more than the {run.training.epochs} "
            "epochs, so only the last checkpoint is kept"
        )


def _of_workers(run: Run, images: Images) -> Iterator[str]:
    if run.training.workers and not images.streamed:
        yield (
            f"--workers {run.training.workers} has no effect: the images are in memory, decoded, before the first step"
        )


def _of_batch_norm(run: Run) -> Iterator[str]:
    if isinstance(run.settings, Keys) and run.settings.shuffle_bn and run.settings.bn_splits == 1:
        yield (
            "--shuffle-bn has no effect with --bn-splits 1: statistics of the whole batch do "
            "not depend on the order"
        )


def _of_labels(run: Run) -> Iterator[str]:
    """Labels that a run reads, though its method is one without."""
    if searched_with_labels(run.training.recipe):
        yield (
            f"--recipe {run.training.recipe} contains a policy that was searched with labels, so "
            "the run is not label-free"
        )
    if isinstance(run.settings, Masks) and run.settings.mask_false_negatives:
        yield (
            "--mask-false-negatives uses the labels: the run is an oracle to compare with, and "
            "is not label-free"
        )
