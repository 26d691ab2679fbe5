"""How a run goes on after a stop: from which state, with which settings, and what is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from collapse_cli import stepping
from collapse_cli.errors import CollapseError
from collapse_cli.ranks import first
from collapse_cli.runs import checkpoint as checkpoints
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.lifecycle import failing
from collapse_cli.runs.reader import Damaged, Unreadable
from collapse_cli.runs.record import Record
from collapse_cli.runs.same_images import trained_again
from collapse_cli.runs.shell import quoted, unused
from collapse_cli.schedule import epochs_of, per_epoch
from collapse_cli.settings import flat, resolve


def resumable(
    record: Record, method: str, changes: Mapping[str, Any], device: torch.device | str = "cpu"
) -> Checkpoint:
    """The run as it stood after its last epoch, with the changed number of `epochs` or `steps`, if any; nothing is written.

    Raises CollapseError for a run of another method, for a change of any other setting, and where no epoch is left to do: but
    not where only the word that it is done was never written (`is_complete`).
    """
    before = record.settings()
    if before.method != method:
        raise CollapseError(
            f"{record.folder} is a run of {before.method}",
            f"collapse train {before.method} --resume {quoted(record.folder)}",
        )
    length = "steps" if before.training.steps else "epochs"
    if fixed := sorted(set(changes) - {length, "compile", "workers"}):
        raise CollapseError(
            f"a resumed run keeps its settings, so {', '.join(fixed)} cannot change",
            f"only --{length}, --compile and --workers can change; or start a new run",
        )
    if not record.checkpoint.exists():
        raise CollapseError(
            f"there is no file {record.checkpoint}: the run was stopped before it began, or while another replaced it",
            f"start it again: {trained_again(record, method, record.folder)} --overwrite",
        )
    checkpoint = _loaded(record, method, device)
    # a resumed run that was stopped before its next checkpoint plans more epochs than the one it has
    planned = {"epochs": before.training.epochs, "steps": before.training.steps, **changes}
    checkpoint = _prolonged(replace(checkpoint, run=resolve(method, flat(checkpoint.run.tables()), planned)))
    planned_epochs, done = checkpoint.run.training.epochs, checkpoint.state.epoch
    if done > planned_epochs or (done == planned_epochs and record.facts().get("status") == "done"):
        count = checkpoint.state.taken if length == "steps" else done
        raise CollapseError(
            f"{record.folder} has completed its {count} {length}",
            f"give more to continue, such as --{length} {2 * count}",
        )
    stepping.refuse_uncompilable(checkpoint.run.training, torch.device(device))
    return checkpoint


def _prolonged(checkpoint: Checkpoint) -> Checkpoint:
    """With as many epochs as its steps take from where it stands. A part of an epoch that is done counts as done."""
    run, state = checkpoint.run, checkpoint.state
    if run.training.steps:
        steps = max(per_epoch(checkpoint.data.images, run.training), 1)
        short = run.training.steps <= state.taken + (state.part.step if state.part else 0)
        epochs = state.epoch if short else epochs_of(run.training, steps, state.epoch, state.taken)
        run = replace(run, training=replace(run.training, epochs=epochs))
    state.settings = run.training
    return replace(checkpoint, run=run)


def _loaded(record: Record, method: str, device: torch.device | str) -> Checkpoint:
    """The checkpoint. Raises CollapseError for a damaged one, with the way on: an earlier epoch's, if one was kept."""
    try:
        return checkpoints.load(record.checkpoint, device)
    except (Damaged, Unreadable) as error:
        earlier = [path for path in record.epochs().values() if path.is_file()]
        remedy = (
            f"go on from an earlier one: cp {quoted(earlier[-1])} {quoted(record.checkpoint)}"
            if earlier
            else f"copy it again, or train again: {trained_again(record, method, unused(str(record.folder)))}"
        )
        raise CollapseError(error.message, remedy) from None


def is_complete(checkpoint: Checkpoint) -> bool:
    """Whether no epoch is left to do: the run was stopped between its last checkpoint and the word that it is done."""
    return checkpoint.state.epoch == checkpoint.run.training.epochs


def complete(record: Record, checkpoint: Checkpoint) -> None:
    """Write that a run is done whose last epoch is."""
    resume(record, checkpoint)
    if first():
        record.say(status="done")


def resume(record: Record, checkpoint: Checkpoint) -> None:
    """Write the settings that hold from now on, and forget what was written after the checkpoint."""
    if not first():
        return
    with failing(record):
        record.rewind(checkpoint.state.epoch, checkpoint.state.steps_done)
        record.settle(checkpoint.run)
        record.say(status="running", error="")
