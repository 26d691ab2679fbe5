"""collapse train: train a small contrastive model and watch whether it collapses."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from collapse_cli.commands.answers import version
from collapse_cli.commands.options import device, options
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record, read_toml
from collapse_cli.settings import METHODS, PREFERRED, Keys, Masks, Model, Queue, Run, Training, flat, resolve

if TYPE_CHECKING:
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Images

DEFAULT = "moco"


class Methods(TyperGroup):
    """`collapse train --epochs 5` means MoCo, and `--resume RUN` the method of that run."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0].startswith("-") and args[0] != "--help"):
            args = [_method_of(args), *args]
        return super().parse_args(ctx, args)


def _method_of(args: Sequence[str]) -> str:
    for at, word in enumerate(args):
        if word.startswith("--resume"):
            folder = word.partition("=")[2] or (args[at + 1] if at + 1 < len(args) else "")
            return Record(Path(folder)).settings().method if folder else DEFAULT
    return DEFAULT


app = typer.Typer(
    cls=Methods,
    help="Train a small contrastive model and watch whether it collapses; without a method, MoCo on digits.",
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
    quiet: bool


def _command(method: str) -> Callable[..., None]:
    @options(PREFERRED.get(method, {}), Method=METHODS[method], Model=Model, Training=Training)
    def train(
        given: dict[str, Any],
        out: Annotated[
            Path | None, typer.Option(help="run folder; by default runs/METHOD-DATASET-STAMP")
        ] = None,
        resume: Annotated[Path | None, typer.Option(help="go on with this run folder")] = None,
        overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the run in --out")] = False,
        config: Annotated[
            Path | None, typer.Option(help="settings from a TOML file, as a run's settings.toml")
        ] = None,
        sets: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="KEY=VALUE", help="one setting; above --config, below options"),
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="print what would be done, and stop")
        ] = False,
        device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps")] = "auto",
        data_dir: Annotated[
            str | None, typer.Option(help="folder of the data sets (or COLLAPSE_DATA_DIR)")
        ] = None,
        download: Annotated[bool, typer.Option("--download", help="fetch a missing data set")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress")] = False,
    ) -> None:
        where = Where(out, resume, overwrite, dry_run, device, data_dir, download, quiet)
        if resume and (config or overwrite):
            raise CollapseError(
                f"--resume and {'--config' if config else '--overwrite'} exclude each other",
                "a resumed run keeps its settings and its folder",
            )
        if resume:
            _resume(method, _sets(sets) | given, where)
        else:
            layers = flat(read_toml(config)) if config else {}
            _begin(resolve(method, layers, _sets(sets), given), where)

    train.__doc__ = f"""{METHODS[method].__doc__}

    Leaves a run folder that spectrum, alignment, oracle, embed and report read.

    Example: [bold]collapse train {method} --epochs 40 --out runs/mine[/bold]
    """
    return train


for _name in METHODS:
    app.command(_name)(_command(_name))


def _sets(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--set a=b` words as settings; a section before the name (`training.lr`) may stand there."""
    for pair in pairs or ():
        if "=" not in pair:
            raise CollapseError(f"--set {pair} has no '='", "write --set KEY=VALUE")
    parts = (pair.partition("=") for pair in pairs or ())
    return {key.split(".")[-1].replace("-", "_"): value for key, _, value in parts}


def _begin(run: Run, where: Where) -> None:
    from collapse_cli import distributed

    images = _images(run, where)
    run = settled(run, images)
    kept = fresh(run, images, _device(where))
    if where.dry_run:
        _print_plan(kept, images)
        return
    stamp = time.strftime("%Y%m%d-%H%M%S")
    dataset = run.training.dataset.replace(":", "-").replace("/", "-").strip("-.")
    record = Record(where.out or Path("runs") / f"{run.method}-{dataset}-{stamp}")
    if distributed.first():
        begin(record, kept, where.overwrite)
    _go(kept, images, record, where)


def _resume(method: str, given: dict[str, Any], where: Where) -> None:
    from collapse_cli import distributed
    from collapse_cli.runs import checkpoint

    record = Record(where.resume or Path())
    before = record.settings()
    if before.method != method:
        raise CollapseError(
            f"{where.resume} is a {before.method} run",
            f"collapse train {before.method} --resume {where.resume}",
        )
    if where.out:
        raise CollapseError(
            "--resume and --out exclude each other", "a resumed run goes on in its own folder"
        )
    if set(given) - {"epochs"}:
        changed = ", ".join(sorted(set(given) - {"epochs"}))
        raise CollapseError(
            f"a resumed run keeps its settings, {changed} cannot change",
            "only --epochs may; or start a new run",
        )
    kept = checkpoint.load(record.checkpoint, _device(where))
    if given:
        run = resolve(method, flat(before.tables()), given)
        kept = replace(kept, run=run)
    if kept.state.epoch >= kept.run.training.epochs:
        raise CollapseError(
            f"{where.resume} has done its {kept.state.epoch} epochs", "--epochs MORE goes further"
        )
    if where.dry_run:
        _print_plan(kept, _images(kept.run, where))
        return
    images = _images(kept.run, where)
    if distributed.first():
        record.settle(kept.run)
        record.rewind(kept.state.epoch)
        record.say(status="running")
    _go(kept, images, record, where)


def _device(where: Where) -> Any:
    from collapse_cli.distributed import own_device

    return own_device(device(where.device))


def _images(run: Run, where: Where) -> Images:
    from collapse_cli import data

    if run.training.size and run.training.dataset in data.NAMES:
        raise CollapseError(
            f"{run.training.dataset} has a size of its own, --size {run.training.size} cannot change it",
            "leave --size out; it is for folder:PATH and parquet:PATH",
        )
    images = data.load(
        run.training.dataset,
        run.training.split,
        data_dir=where.data_dir,
        download=where.download,
        size=run.training.size,
    )
    return images.to(_device(where))


def settled(run: Run, images: Images) -> Run:
    """The run with `--recipe auto` and `--size 0` replaced by what they mean for these pictures.

    What cannot work with them is refused here, before anything is written.
    """
    from collapse_cli.augment.recipes import known
    from collapse_cli.distributed import refuse_unequal
    from collapse_cli.training import steps_per_epoch

    steps_per_epoch(images, run.training)
    refuse_unequal(run.training.batch)
    auto = "digits" if images.shape[0] == 1 else "moco_v2"
    recipe = "+".join(auto if part == "auto" else part for part in run.training.recipe.split("+"))
    known(recipe)
    size = images.shape[1] if ":" in run.training.dataset else 0
    return replace(run, training=replace(run.training, recipe=recipe, size=size))


def fresh(run: Run, images: Images, on: Any) -> Checkpoint:
    """The run before its first step: seeded weights, on the device."""
    from collapse_cli import methods, training
    from collapse_cli.data import statistics
    from collapse_cli.runs.checkpoint import Checkpoint

    method = methods.build(run, images.data_shape)
    method.to(on)  # type: ignore[attr-defined]
    normalisation = statistics.normalisation(images)
    state = training.start(method, run.training)
    return Checkpoint(run, method, state, normalisation, images.data_shape, images.classes)


def begin(record: Record, kept: Checkpoint, overwrite: bool) -> None:
    """Make the run folder, and a checkpoint to resume from even if the first epoch never ends."""
    import torch

    from collapse_cli.runs import checkpoint

    facts = {
        "seed": kept.run.training.seed,
        "argv": sys.argv[1:],
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }
    record.begin(
        kept.run, {"versions": {"collapse": version(), "torch": torch.__version__}, **facts}, overwrite
    )
    checkpoint.save(record.checkpoint, kept)


def epochs(kept: Checkpoint, images: Images, record: Record) -> Iterator[Any]:
    """Train on, keeping history and checkpoints; yields each Epoch."""
    from collapse_cli import training
    from collapse_cli.runs import checkpoint

    every = kept.run.training.keep_every
    for epoch in training.train(kept.method, images, kept.normalisation, kept.run.training, kept.state):
        record.append(epoch)  # first: a line or a file too many is rewound, one too few is lost
        if every and epoch.number % every == 0:
            record.epoch(epoch.number).parent.mkdir(exist_ok=True)
            checkpoint.save(record.epoch(epoch.number), kept)
        checkpoint.save(record.checkpoint, kept)
        yield epoch
    record.say(status="done")


def _go(kept: Checkpoint, images: Images, record: Record, where: Where) -> None:
    """Train on, alone or together with others, of which the first alone shows and keeps."""
    from collapse_cli import distributed, training

    on = kept.state.generator.device
    with distributed.together(on):
        if distributed.first():
            _show(kept, images, record, where)
        else:
            for _ in training.train(kept.method, images, kept.normalisation, kept.run.training, kept.state):
                pass


def _show(kept: Checkpoint, images: Images, record: Record, where: Where) -> None:
    from collapse_cli.distributed import world
    from collapse_cli.views.progress import live

    for warning in () if where.quiet else warnings(kept.run, images):
        print(f"warning: {warning}", file=sys.stderr)
    if not where.quiet:
        on = f"device {kept.state.generator.device}" + (f", {world()} processes" if world() > 1 else "")
        print(
            f"{kept.run.method} on {images.name} ({len(images)} pictures), {on}, in {record.folder}",
            file=sys.stderr,
        )
    try:
        with live(kept.run.method, kept.run.training.epochs, enabled=not where.quiet) as display:
            for epoch in epochs(kept, images, record):
                display.update(epoch)
    except KeyboardInterrupt:
        record.say(status="interrupted")
        raise CollapseError(
            f"interrupted; {record.checkpoint} holds epoch {kept.state.epoch}",
            f"go on with: collapse train --resume {record.folder}",
            130,
        ) from None
    except CollapseError:
        record.say(status="failed")
        raise
    print(record.checkpoint)
    if not where.quiet:
        print(f"next: collapse spectrum {record.folder}", file=sys.stderr)


def warnings(run: Run, images: Images) -> list[str]:
    """What is likely to mislead in these settings."""
    from collapse_cli.augment.recipes import searched_with_labels
    from collapse_cli.metrics.oracle import own_stale_key

    said, own = [], run.own
    queue = own.queue if isinstance(own, Queue) and not own.mask_own else 0
    if queue > len(images) / 2:
        chance = own_stale_key(queue / len(images))
        said.append(
            f"--queue {queue} is {queue / len(images):.1f} epochs of {len(images)} pictures: "
            f"a query meets a stale key of its own picture with probability {chance:.0%}; --mask-own leaves it out"
        )
    if run.training.keep_every > run.training.epochs:
        said.append(
            f"--keep-every {run.training.keep_every} is more than the {run.training.epochs} epochs: "
            "the last checkpoint alone is kept"
        )
    if isinstance(own, Keys) and own.shuffle_bn and own.bn_splits == 1:
        said.append(
            "--shuffle-bn does nothing with --bn-splits 1: whole-batch statistics do not depend on the order"
        )
    if searched_with_labels(run.training.recipe):
        said.append(
            f"--recipe {run.training.recipe} holds a policy that was searched with labels: the run is not label-free"
        )
    if isinstance(own, Masks) and own.mask_false_negatives:
        said.append(
            "--mask-false-negatives reads the labels: an oracle to compare with, not a label-free run"
        )
    return said


def _print_plan(kept: Checkpoint, images: Images) -> None:
    """The resolved settings and what they cost, on stdout."""
    from collapse_cli.runs.record import toml
    from collapse_cli.training import steps_per_epoch

    training = kept.run.training
    steps = steps_per_epoch(images, training)
    parameters = list(kept.method.parameters())  # type: ignore[attr-defined]
    learned = sum(p.numel() for p in parameters if p.requires_grad)
    state = sum(t.numel() * t.element_size() for t in kept.method.state_dict().values())  # type: ignore[attr-defined]
    pixels = 0 if images.streamed else len(images) * images.shape[0] * images.shape[1] * images.shape[2]
    plan = {
        "parameters": learned,
        "steps_per_epoch": steps,
        "steps": steps * training.epochs,
        "weights_and_optimizer_MB": round((state + 8 * learned) / 1e6, 1),
        "pictures_MB": round(pixels / 1e6, 1),
        "checkpoints": 1 + (training.epochs // training.keep_every if training.keep_every else 0),
        "device": str(kept.state.generator.device),
    }
    print(toml({**kept.run.tables(), "plan": plan}), end="")
