"""A run from its first step to its last: how it begins, goes on after a stop, trains, and what a stop leaves behind.

Images and settings are handed in. Where torchrun has started several processes, the first alone writes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from collapse_cli import methods, training
from collapse_cli.answers import version
from collapse_cli.augment import recipes
from collapse_cli.distributed import first, refuse_unequal, together
from collapse_cli.errors import CollapseError
from collapse_cli.files import writing
from collapse_cli.interrupts import cleaning
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record, toml
from collapse_cli.runs.shell import quoted
from collapse_cli.settings import Run, flat, resolve
from collapse_cli.shapes import DataShape, Images, Normalisation
from collapse_cli.training import Epoch

INTERRUPTED = 130
LISTED = 12  # classes that an error names


def settled(run: Run, images: Images) -> Run:
    """The run with `--recipe auto` and `--size 0` replaced by what they mean for these images.

    Raises CollapseError for what cannot work with them, before anything is written.
    """
    training.steps_per_epoch(images, run.training)
    refuse_unequal(run.training.batch)
    auto = "digits" if images.shape[0] == 1 else "moco_v2"
    recipe = "+".join(auto if part == "auto" else part for part in run.training.recipe.split("+"))
    recipes.steps_of(recipe)
    toml(run.tables())  # a name that settings.toml cannot hold
    size = images.shape[1] if ":" in run.training.dataset else 0
    return replace(run, training=replace(run.training, recipe=recipe, size=size))


def fresh(
    run: Run, images: Images, normalisation: Normalisation, device: torch.device | str = "cpu"
) -> Checkpoint:
    """The run before its first step: seeded weights, on the device. normalisation: that of the images."""
    method = methods.build(run, images.data_shape)
    cast(nn.Module, method).to(device)
    state = training.start(method, run.training)
    return Checkpoint(run, method, state, normalisation, images.data_shape, images.classes)


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
        "argv": list(argv),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    record.begin(checkpoint.run, facts, overwrite)
    try:
        checkpoints.save(record.checkpoint, checkpoint)
    except CollapseError as error:
        _end(record, status="failed", error=error.message)
        raise


def resumable(
    record: Record, method: str, changes: Mapping[str, Any], device: torch.device | str = "cpu"
) -> Checkpoint:
    """The run as it stood after its last epoch, with the changed number of `epochs`, if any; nothing is written.

    Raises CollapseError for a run of another method, for a change of any other setting, and where no epoch is left to do.
    """
    before = record.settings()
    if before.method != method:
        raise CollapseError(
            f"{record.folder} is a run of {before.method}",
            f"collapse train {before.method} --resume {quoted(record.folder)}",
        )
    if fixed := sorted(set(changes) - {"epochs"}):
        raise CollapseError(
            f"a resumed run keeps its settings, so {', '.join(fixed)} cannot change",
            "only --epochs can change; or start a new run",
        )
    checkpoint = checkpoints.load(record.checkpoint, device)
    if changes:
        checkpoint = replace(checkpoint, run=resolve(method, flat(before.tables()), changes))
    if checkpoint.state.epoch >= checkpoint.run.training.epochs:
        raise CollapseError(
            f"{record.folder} has completed its {checkpoint.state.epoch} epochs",
            f"give more to continue, such as --epochs {2 * checkpoint.state.epoch}",
        )
    return checkpoint


def refuse_other_images(record: Record, checkpoint: Checkpoint, images: Images) -> None:
    """Raises CollapseError where the data set is not what the run was trained on so far: other images, or other classes."""
    before, now = checkpoint.data, images.data_shape
    if not before.images:  # an old checkpoint does not say how many
        now = replace(now, images=0)
    if (before, checkpoint.classes) != (now, images.classes):
        raise CollapseError(
            f"{record.folder} was trained on {_in_words(before, checkpoint.classes)}, and "
            f"{checkpoint.run.training.dataset} now has {_in_words(now, images.classes)}",
            "restore the data, or start a new run with --out",
        )


def _in_words(data: DataShape, classes: Sequence[str]) -> str:
    listed = ", ".join(classes[:LISTED]) + " …" * (len(classes) > LISTED)
    sides = "x".join(map(str, data.image))
    named = f" ({listed})" if classes else ""
    of = f"of {data.classes:,} class{'es' * (data.classes != 1)}{named}" if data.classes else "without labels"
    return f"{data.images:,} images ({sides}) {of}"


def resume(record: Record, checkpoint: Checkpoint) -> None:
    """Write the settings that hold from now on, and forget what was written after the checkpoint."""
    if not first():
        return
    record.settle(checkpoint.run)
    record.rewind(checkpoint.state.epoch)
    record.say(status="running", error="")


@contextmanager
def running(record: Record, checkpoint: Checkpoint) -> Iterator[None]:
    """Within it a run trains, alone or together with other processes; run.json then says how it ended.

    Raises CollapseError with code 130 in place of KeyboardInterrupt, with the command that goes on.
    """
    with cleaning(), together(checkpoint.state.generator.device):
        if not first():
            yield
            return
        try:
            yield
        except KeyboardInterrupt:
            _end(record, status="interrupted")
            raise CollapseError(
                f"interrupted; {record.checkpoint} contains epoch {checkpoint.state.epoch}",
                f"continue with: collapse train --resume {quoted(record.folder)}",
                INTERRUPTED,
            ) from None
        except Exception as error:
            _end(
                record,
                status="failed",
                error=error.message if isinstance(error, CollapseError) else repr(error),
            )
            raise


def _end(record: Record, **facts: str) -> None:
    """Say how a run ended, where that can be written: what ended it is what is told."""
    with suppress(CollapseError, OSError):
        record.say(**facts)


def epochs(checkpoint: Checkpoint, images: Images, record: Record) -> Iterator[Epoch]:
    """Train on, keeping history and checkpoints; yields each Epoch."""
    settings = checkpoint.run.training
    for epoch in training.train(
        checkpoint.method, images, checkpoint.normalisation, settings, checkpoint.state
    ):
        if first():
            _keep(checkpoint, epoch, record)
        yield epoch
    if first():
        record.say(status="done")


def _keep(checkpoint: Checkpoint, epoch: Epoch, record: Record) -> None:
    """History first: a line or a file too many is removed when the run is resumed, one too few is lost."""
    every = checkpoint.run.training.keep_every
    record.append(epoch)
    if every and epoch.number % every == 0:
        with writing(record.epoch(epoch.number)):
            record.epoch(epoch.number).parent.mkdir(exist_ok=True)
        checkpoints.save(record.epoch(epoch.number), checkpoint)
    checkpoints.save(record.checkpoint, checkpoint)
