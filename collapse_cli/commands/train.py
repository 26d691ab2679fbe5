"""collapse train: train a small contrastive model and watch whether it collapses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collapse_cli.commands import train_options as given
from collapse_cli.commands.method_group import DEFAULT, MethodGroup
from collapse_cli.commands.options import options, set_values
from collapse_cli.commands.run_folder import claimed, complete, introduce, warn
from collapse_cli.commands.subcommand import Subcommand
from collapse_cli.errors import CollapseError
from collapse_cli.integrations import run_sink
from collapse_cli.printable import printable
from collapse_cli.ranks import first
from collapse_cli.runs import lock
from collapse_cli.runs.record import Record
from collapse_cli.runs.toml import in_toml, read_toml
from collapse_cli.settings import METHODS, PREFERRED, Model, Run, Training, flat, refuse_two_lengths, resolve

if TYPE_CHECKING:
    import torch

    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Images

app = typer.Typer(
    cls=MethodGroup,
    help="Train a small contrastive model and watch whether it collapses; without a method, MoCo on digits.\n\n"
    f"The options are those of {DEFAULT}; collapse train METHOD --help shows those of another.",
    epilog="Example: collapse train moco --dataset cifar10 --queue 4096 --out runs/mine",
)


@dataclass(frozen=True)
class Where:
    """What does not change the result: the folder, the device, what is shown."""

    out: Path | None
    resume: Path | None
    overwrite: bool
    dry_run: bool
    device: str
    data_dir: str | None
    download: bool
    deterministic: bool
    quiet: bool
    checkpoint_minutes: float
    monitor_every: int
    tensorboard: bool

    def torch_device(self) -> torch.device:
        """Among several processes each has a GPU of its own."""
        from collapse_cli.analysis import measuring
        from collapse_cli.deterministic import ready
        from collapse_cli.distributed import device_of_process

        return ready(self.deterministic, device_of_process(measuring.device(self.device)))


def _command(method: str) -> Callable[..., None]:
    @options(PREFERRED.get(method, {}), Method=METHODS[method], Model=Model, Training=Training)
    def train(
        typed: dict[str, Any],
        out: given.Out = None,
        resume: given.Resume = None,
        overwrite: given.Overwrite = False,
        config: given.Config = None,
        sets: given.Sets = None,
        dry_run: given.DryRun = False,
        device: given.Device = "auto",
        data_dir: given.DataDir = None,
        download: given.Download = False,
        deterministic: given.Deterministic = False,
        quiet: given.Quiet = False,
        checkpoint_minutes: given.Minutes = 10.0,
        monitor_every: given.Every = 10,
        tensorboard: given.TensorBoard = False,
    ) -> None:
        where = Where(
            out, resume, overwrite, dry_run, device, data_dir, download, deterministic, quiet, checkpoint_minutes,
            monitor_every, tensorboard,
        )  # fmt: skip
        run_sink.refuse(tensorboard, monitor_every)
        refuse_two_lengths(changes := set_values(sets) | typed)
        if resume:
            _refuse_beside_resume(config, overwrite, out)
            _resume(method, changes, where)
        else:
            layers = flat(read_toml(config)) if config else {}
            _begin(resolve(method, layers, changes), where)

    train.__doc__ = f"""{METHODS[method].__doc__}

    Writes a run folder that all other commands read.

    Example: [bold]collapse train {method} --epochs 40 --out runs/mine[/bold]
    """
    return train


for _name in METHODS:
    app.command(_name, cls=Subcommand, rich_help_panel="Methods")(_command(_name))


def _refuse_beside_resume(config: Path | None, overwrite: bool, out: Path | None) -> None:
    """Raises CollapseError for an option that would start another run."""
    if config or overwrite:
        raise CollapseError(
            f"--resume and {'--config' if config else '--overwrite'} exclude each other",
            "a resumed run keeps its settings and its folder",
        )
    if out:
        raise CollapseError(
            "--resume and --out exclude each other", "a resumed run continues in its own folder"
        )


def _begin(run: Run, where: Where) -> None:
    if (
        where.out and not where.dry_run and first()
    ):  # for another process the folder may have been begun already
        Record(where.out).refuse_unfit(where.overwrite)
        lock.refuse_held(where.out)  # before the images are read; it is claimed when they are
    from collapse_cli.analysis import training
    from collapse_cli.runs import lifecycle

    device = where.torch_device()
    images = training.images(run, device, where.data_dir, where.download)
    checkpoint = training.fresh(run, images, device)
    if where.dry_run:
        print(in_toml(training.plan(checkpoint, images)), end="")
        return
    record = Record(where.out or lifecycle.usual_folder(checkpoint.run))
    with claimed(record):
        lifecycle.begin(record, checkpoint, sys.argv[1:], where.overwrite)
        _train(checkpoint, images, record, where)


def _resume(method: str, changes: dict[str, Any], where: Where) -> None:
    record = Record(where.resume or Path())
    record.settings()  # raises for what is no run folder, before anything is written to it
    with claimed(record, where.dry_run):
        _go_on(record, method, changes, where)


def _go_on(record: Record, method: str, changes: dict[str, Any], where: Where) -> None:
    from collapse_cli.analysis import training
    from collapse_cli.runs import resuming, same_images

    device = where.torch_device()
    checkpoint = resuming.resumable(record, method, changes, device)
    if resuming.is_complete(checkpoint):
        complete(record, checkpoint, where.dry_run)
        return
    images = training.images(checkpoint.run, device, where.data_dir, where.download)
    same_images.refuse_other_images(record, checkpoint, images)
    warn(same_images.unverified(checkpoint))
    if where.dry_run:
        print(in_toml(training.plan(checkpoint, images)), end="")
        return
    checkpoint = same_images.with_fingerprint(checkpoint, images)
    resuming.resume(record, checkpoint)
    _train(checkpoint, images, record, where)


def _train(checkpoint: Checkpoint, images: Images, record: Record, where: Where) -> None:
    """Train to the last epoch; of several processes the first alone shows."""
    from collapse_cli.analysis import training
    from collapse_cli.analysis.run_monitor import monitored
    from collapse_cli.deterministic import deterministic
    from collapse_cli.runs import lifecycle
    from collapse_cli.runs.shell import quoted
    from collapse_cli.runs.signals import listening
    from collapse_cli.runs.watch import Watch
    from collapse_cli.views.progress import live

    shown, run = first() and not where.quiet, checkpoint.run
    misleading = [*training.warnings(run, images), *checkpoint.notes]
    same_bits = (
        where.deterministic or record.facts().get("deterministic") is True
    )  # a resumed run stays what it was
    if first():
        record.say(warnings=misleading, deterministic=same_bits)
    if shown:
        introduce(checkpoint, images, record, misleading)
    with listening() as signals, run_sink.sink(record.folder, where.tensorboard) as sink:
        checkpoint = monitored(checkpoint, record, where.monitor_every, lambda text: warn([text]), sink)
        watch = Watch(where.checkpoint_minutes, signals)
        with (
            lifecycle.running(record, checkpoint, watch),
            deterministic(same_bits, checkpoint.state.generator.device),
            live(run.method, run.training.epochs, enabled=shown) as display,
        ):
            for epoch in lifecycle.epochs(checkpoint, images, record, watch):
                display.update(epoch)
    if first():
        print(printable(record.checkpoint))
    if shown:
        print(f"next: collapse diagnose {quoted(record.folder)}", file=sys.stderr)
