"""A run from its first step to its last: how it begins, goes on after a stop, trains, and what a stop leaves behind.

Images and settings are handed in. Where torchrun has started several processes, the first alone writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from collapse_cli import methods, training
from collapse_cli.answers import version
from collapse_cli.augment import recipes
from collapse_cli.distributed import (
    gathered_statistics,
    highest,
    others_alive,
    refuse_unequal,
    together,
)
from collapse_cli.errors import CollapseError
from collapse_cli.files import writing
from collapse_cli.interrupts import INTERRUPTED, REQUEUE, TERMINATED, cleaning
from collapse_cli.printable import as_shown
from collapse_cli.ranks import first
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record
from collapse_cli.runs.same_images import fingerprint
from collapse_cli.runs.shell import quoted
from collapse_cli.runs.signals import Terminated
from collapse_cli.runs.toml import in_toml
from collapse_cli.runs.watch import Watch, Wish
from collapse_cli.schedule import epochs_of, refuse_long_warmup
from collapse_cli.settings import Run
from collapse_cli.shapes import Images, Normalisation
from collapse_cli.stage import End
from collapse_cli.training import Epoch
from collapse_cli.training_state import start


def settled(run: Run, images: Images) -> Run:
    """The run with `--recipe auto`, `--size 0` and the epochs of `--steps` replaced by what they mean for these images.

    Raises CollapseError for what cannot work with them, before anything is written.
    """
    steps = training.steps_per_epoch(images, run.training)
    epochs = epochs_of(run.training, steps)
    refuse_long_warmup(run.training, steps)
    refuse_unequal(run.training.batch)
    auto = "digits" if images.shape[0] == 1 else "moco_v2"
    recipe = "+".join(auto if part == "auto" else part for part in run.training.recipe.split("+"))
    recipes.steps_of(recipe)
    in_toml(run.tables())  # a name that settings.toml cannot hold
    size = images.shape[1] if ":" in run.training.dataset else 0
    return replace(run, training=replace(run.training, recipe=recipe, size=size, epochs=epochs))


def fresh(
    run: Run, images: Images, normalisation: Normalisation, device: torch.device | str = "cpu"
) -> Checkpoint:
    """The run before its first step: seeded weights, on the device. normalisation: that of the images."""
    method = methods.build(run, images.data_shape)
    cast(nn.Module, method).to(device)
    state = start(method, run.training)
    seen = fingerprint(images)
    return Checkpoint(run, method, state, normalisation, images.data_shape, images.classes, seen)


def usual_folder(run: Run) -> Path:
    """runs/METHOD-DATASET-STAMP, where a run is kept unless another folder is named."""
    dataset = run.training.dataset.replace(":", "-").replace("/", "-").strip("-.")
    return Path("runs") / f"{run.method}-{dataset}-{time.strftime('%Y%m%d-%H%M%S')}"


def begin(record: Record, checkpoint: Checkpoint, argv: Sequence[str] = (), overwrite: bool = False) -> None:
    """Make the run folder, and a checkpoint to resume from even if the first epoch never ends. argv: what was typed."""
    if not first():
        return
    facts = {
        "versions": {"collapse": version(), "torch": torch.__version__},
        "seed": checkpoint.run.training.seed,
        "argv": list(map(as_shown, argv)),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    record.begin(checkpoint.run, facts, overwrite)
    with failing(record):
        checkpoints.save(record.checkpoint, checkpoint)


@contextmanager
def failing(record: Record) -> Iterator[None]:
    """Within it files of a run are written before it trains; run.json says so where that is refused."""
    try:
        yield
    except CollapseError as error:
        _end(record, status="failed", error=error.message)
        raise


@contextmanager
def running(record: Record, checkpoint: Checkpoint, watch: Watch | None = None) -> Iterator[None]:
    """Within it a run trains, alone or together with other processes; run.json then says how it ended.

    Raises CollapseError in place of KeyboardInterrupt (code 130) and of SIGTERM (143), with the command that goes on.
    """
    watch = watch or Watch()
    watch.saved(checkpoint.state)
    told = _recorded(record, checkpoint, watch) if first() else nullcontext()
    with cleaning(), together(checkpoint.state.generator.device), told, others_alive():
        yield


@contextmanager
def _recorded(record: Record, checkpoint: Checkpoint, watch: Watch) -> Iterator[None]:
    watch.signals.last = lambda: _end(record, status="interrupted")
    try:
        yield
        watch.signals.last = None  # from now on run.json says how it ended
    except (KeyboardInterrupt, Terminated) as stop:
        _close(checkpoint, "stopped")
        raise _stopped(record, watch, isinstance(stop, Terminated)) from None
    except Exception as error:
        if watch.signals.terminated:  # so are the processes that this one waited for
            _close(checkpoint, "stopped")
            raise _stopped(record, watch, terminated=True) from None
        if isinstance(error, CollapseError) and error.code == REQUEUE:
            _close(checkpoint, "stopped")
            _end(record, status="requeue")
        else:
            _close(checkpoint, "failed")
            message = error.message if isinstance(error, CollapseError) else repr(error)
            _end(record, status="failed", error=message)
        raise


def _end(record: Record, **facts: str) -> None:
    """Say how a run ended, where that can be written: what ended it is what is told."""
    with suppress(CollapseError, OSError):
        record.say(**facts)


def _stopped(record: Record, watch: Watch, terminated: bool) -> CollapseError:
    """What is told of a run that was stopped, once its folder says so."""
    _end(record, status="interrupted")
    what, code = ("terminated", TERMINATED) if terminated else ("interrupted", INTERRUPTED)
    return CollapseError(f"{what}; {record.checkpoint} contains {watch.contents}", _goes_on(record), code)


def _goes_on(record: Record) -> str:
    return f"continue with: collapse train --resume {quoted(record.folder)}"


def epochs(
    checkpoint: Checkpoint, images: Images, record: Record, watch: Watch | None = None
) -> Iterator[Epoch]:
    """Train on, keeping history and checkpoints; yields each Epoch. watch: when to save within one, and when to stop.

    Raises CollapseError with code 75 when a signal asked for it, as soon as the run is saved.
    """
    watch, settings, state = watch or Watch(), checkpoint.run.training, checkpoint.state
    between = partial(_between, checkpoint, record, watch)
    for epoch in training.train(
        checkpoint.method, images, checkpoint.normalisation, settings, state, between, checkpoint.observer
    ):
        if first():
            _keep(checkpoint, epoch, record)
        watch.saved(state)
        yield epoch
        if state.epoch < settings.epochs and highest(watch.wish) == Wish.STOP:
            raise _requeued(record, watch)
    _close(checkpoint, "complete")
    if first():
        record.say(status="done")


def _close(checkpoint: Checkpoint, status: End) -> None:
    """The observer's last word comes before that of run.json, after which nothing is written."""
    if checkpoint.observer:
        with suppress(CollapseError, OSError):
            checkpoint.observer.close(status)


def _between(checkpoint: Checkpoint, record: Record, watch: Watch) -> None:
    """Save between two steps, where the clock or a signal wants it; and stop, where a signal does. All processes agree on it."""
    wish = highest(watch.wish)
    if wish == Wish.NOTHING:
        return
    training.refuse_diverged(checkpoint.method, checkpoint.run.training, checkpoint.state)
    statistics = gathered_statistics(cast(nn.Module, checkpoint.method))
    if first():
        checkpoints.save(record.checkpoint, checkpoint, statistics)
    watch.saved(checkpoint.state)
    if wish == Wish.STOP:
        raise _requeued(record, watch)


def _requeued(record: Record, watch: Watch) -> CollapseError:
    return CollapseError(f"stopped; {record.checkpoint} contains {watch.contents}", _goes_on(record), REQUEUE)


def _keep(checkpoint: Checkpoint, epoch: Epoch, record: Record) -> None:
    """History first: a line or a file too many is removed when the run is resumed, one too few is lost."""
    every = checkpoint.run.training.keep_every
    record.append(epoch)
    if every and epoch.number % every == 0:
        with writing(record.epoch(epoch.number)):
            record.epoch(epoch.number).parent.mkdir(exist_ok=True)
        checkpoints.save(record.epoch(epoch.number), checkpoint)
    checkpoints.save(record.checkpoint, checkpoint)
