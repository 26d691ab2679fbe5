"""A run folder that a command writes to. Of several processes the first alone writes, and says so."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from collapse_cli.printable import printable
from collapse_cli.ranks import first, world
from collapse_cli.runs import lock

if TYPE_CHECKING:
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.runs.record import Record
    from collapse_cli.shapes import Images


@contextmanager
def claimed(record: Record, dry_run: bool = False) -> Iterator[None]:
    """Within it no other process writes to the folder."""
    if dry_run or not first():
        yield
        return
    with lock.claimed(record.folder) as doubts:
        warn(doubts)
        yield


def warn(sentences: Iterable[str]) -> None:
    """Before a training and within it, also where no progress is shown."""
    for sentence in sentences if first() else ():
        print(f"warning: {printable(sentence)}", file=sys.stderr)


def complete(record: Record, checkpoint: Checkpoint, dry_run: bool) -> None:
    """Of a run that was stopped after its last epoch, before it wrote that it is done."""
    from collapse_cli.runs import resuming

    if not first():
        return
    if not dry_run:
        resuming.complete(record, checkpoint)
    told = f"{record.folder} has completed its {checkpoint.state.epoch} epochs, and was stopped before it wrote so"
    print(printable(told if dry_run else f"{told}: now it is done"), file=sys.stderr)
    if not dry_run:
        print(printable(record.checkpoint))


def introduce(checkpoint: Checkpoint, images: Images, record: Record, warnings: Iterable[str]) -> None:
    """What may mislead, and what is trained where, on stderr."""
    from collapse_cli.analysis.training import of_epoch

    warn(warnings)
    processes = f", {world()} processes" if world() > 1 else ""
    print(
        f"{checkpoint.run.method} on {printable(images.name)} ({of_epoch(checkpoint.run, images)}), "
        f"device {checkpoint.state.generator.device}{processes}, in {printable(record.folder)}",
        file=sys.stderr,
    )
