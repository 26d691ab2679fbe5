"""collapse gan: watch a GAN lose modes, and what brings them back."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.commands.subjects import answer
from collapse_cli.errors import CollapseError
from collapse_cli.results import Curve, Frames, entry
from collapse_cli.settings import Gan, fill

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.labs.gan import Lab, Snapshot
    from collapse_cli.labs.targets import Target
    from collapse_cli.metrics.modes import Modes

RATIOS, D_STEPS = (0.2, 1.0, 2.0, 5.0, 10.0), (1, 2, 4)  # of the map
POINTS = 256  # of each frame
SAID = ("target", "loss", "steps", "lr", "lr_ratio", "d_steps")  # settings that stand in every answer


@options(Lab=Gan, Output=Shown)
def gan(
    given: dict[str, Any],
    cure: Annotated[
        str,
        typer.Option(
            help="none, r1, pac, unrolled, minibatch or noise; several joined by +; a list with commas compares"
        ),
    ] = "none",
    seeds: Annotated[int, typer.Option(help="runs, trained at once as one batch", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="of the first run; the others follow", min=0)] = 0,
    frames: Annotated[int, typer.Option(help="looks taken along the training", min=2)] = 26,
    animation: Annotated[Path | None, typer.Option(help="write the samples over time as a .gif")] = None,
    sweep: Annotated[
        bool, typer.Option("--sweep", help="a map of modes over --lr-ratio and --d-steps in their place")
    ] = False,
) -> None:
    """Does the generator reach every mode of its target, and how good are its samples?

    Trains small GANs on a ring or a grid of Gaussians, or on digits. With the defaults D is too strong and modes are lost,
    though the samples that are left are good: modes and quality are two axes. Cures bring the modes back.

    Examples: [bold]collapse gan --cure none,r1,pac --plot gan.png --animation gan.gif[/bold],
    [bold]collapse gan --sweep --seeds 2 --steps 700 --plot map.png[/bold],
    [bold]collapse gan --target grid --cure r1 --gamma .03 --latent 2 --layers 3 --steps 5000 --decay[/bold]
    """
    import torch

    from collapse_cli.labs.cures import chosen
    from collapse_cli.views import animation as moving
    from collapse_cli.views import show

    torch.set_num_threads(1)  # so small networks gain nothing from more
    shown, own = fill(Shown, given), fill(Gan, given)
    output = shown.output()
    names, every = list(dict.fromkeys(cure.split(","))), range(seed, seed + seeds)
    _refuse(given, own, {one for name in names for one in chosen(name)}, sweep)
    if animation and sweep:
        raise CollapseError("a map does not move", "leave out --animation or --sweep")
    if animation:
        moving.check(animation)
    goal = _goal(own)
    if sweep:
        entries = [_map(name, own, goal, every, shown.quiet) for name in names]
    else:
        entries = [_compared(name, own, goal, every, frames, shown.quiet) for name in names]
        entries.append(_perfect(goal, entries))
    document = answer("gan", entries)
    show(document, output)
    if animation:
        moving.draw(document, animation)
        if not shown.quiet:
            print(f"wrote {animation}", file=sys.stderr)


def _refuse(given: dict[str, Any], own: Gan, cures: set[str], sweep: bool) -> None:
    """Raises CollapseError for an option that was typed and would do nothing."""
    from collapse_cli.labs.cures import CURES

    idle = {
        name: f"belongs to --cure {cure}"
        for cure, names in CURES.items()
        if cure not in cures
        for name in names
    }
    idle |= {} if own.loss == "wgan-gp" else {"penalty": "belongs to --loss wgan-gp"}
    idle |= {"std": "belongs to Gaussians"} if own.target == "digits" else {}
    idle |= dict.fromkeys(("lr_ratio", "d_steps"), "is what --sweep varies") if sweep else {}
    for name in (one for one in given if one in idle):
        raise CollapseError(f"--{name.replace('_', '-')} {idle[name]}", "leave it out, or ask for that")


@dataclasses.dataclass(frozen=True)
class Goal:
    """A target, real samples (N,d) to compare with, and others (N',d) as a perfect sampler would give them."""

    target: Target
    real: Tensor
    perfect: Tensor


def _goal(own: Gan) -> Goal:
    """Gaussians as the settings say, or the digits: learned from and compared with train, the test split being perfect."""
    import torch

    from collapse_cli import data
    from collapse_cli.embedding import take
    from collapse_cli.labs import targets
    from collapse_cli.labs.gan import SHOWN

    if own.target != "digits":
        made = {"ring": targets.ring, "grid": targets.grid}[own.target](std=own.std)
        generator = torch.Generator().manual_seed(0)
        return Goal(made, made.draw(SHOWN, generator), made.draw(SHOWN, generator))
    train, test = (data.load("digits", split) for split in ("train", "test"))
    real, perfect = (
        take(one, torch.arange(len(one)), torch.device("cpu")).flatten(1) / 255 for one in (train, test)
    )
    assert train.labels is not None
    return Goal(targets.pictures(real, train.labels), real, perfect)


def _compared(
    name: str, own: Gan, goal: Goal, seeds: Sequence[int], frames: int, quiet: bool
) -> dict[str, Any]:
    """One cure, trained with all seeds at once and measured over them."""
    from collapse_cli.labs.cures import chosen
    from collapse_cli.labs.gan import Lab
    from collapse_cli.metrics.modes import modes, over, verdict

    cures = chosen(name)
    looks = sorted({round(own.steps * look / (frames - 1)) for look in range(frames)})
    began = time.perf_counter()
    snapshots = _trained(name, Lab(goal.target, own, cures, seeds), looks, seeds, quiet)
    took = time.perf_counter() - began
    anchors = goal.target.anchors
    perfect = modes(goal.perfect, goal.real, anchors)
    found = over([modes(one, goal.real, anchors) for one in snapshots[-1].samples], perfect)
    held, quality = _courses(snapshots, goal, perfect)
    whole = dataclasses.replace(
        found,
        held_course=held,
        quality_course=quality,
        cloud=_cloud(snapshots, goal.target),
        pictures=_pictures(snapshots[-1].samples[0]) if own.target == "digits" else None,
        seconds=took / len(seeds),
    )
    said = verdict(whole, anchors.count, goal.target.perfect)
    return entry(name, whole, settings=_said(own, cures, seeds), verdict=said)


def _perfect(goal: Goal, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The numbers of a perfect sampler, measured in the same way, beside those of the trained ones."""
    from collapse_cli.metrics.modes import modes

    numbers = dataclasses.replace(modes(goal.perfect, goal.real, goal.target.anchors), by_share=None)
    shared = {
        k: v for k, v in entries[0]["settings"].items() if all(e["settings"].get(k) == v for e in entries)
    }
    return entry("perfect sampler", numbers, settings=shared)


def _trained(name: str, lab: Lab, looks: Sequence[int], seeds: Sequence[int], quiet: bool) -> list[Snapshot]:
    """Every look along the training. Raises CollapseError where a run has diverged."""
    from collapse_cli.views.progress import steps

    snapshots = []
    with steps(name, len(looks), enabled=not quiet) as advance:
        for snapshot in lab.train(looks):
            for seed, samples in zip(seeds, snapshot.samples, strict=True):
                if not samples.isfinite().all():
                    raise CollapseError(
                        f"the GAN ({name}, seed {seed}) has diverged: after {snapshot.step} steps G gives nan or infinity",
                        "lower --lr or --lr-ratio",
                    )
            snapshots.append(snapshot)
            advance(1)
    return snapshots


def _courses(snapshots: Sequence[Snapshot], goal: Goal, perfect: Modes) -> tuple[Curve, Curve]:
    """Modes and quality over the steps, mean over seeds, beside what a perfect sampler keeps up."""
    from collapse_cli.metrics.modes import HELD, captured, high_quality

    anchors, at = goal.target.anchors, [one.step for one in snapshots]

    def course(measure: Callable[[Tensor], float], best: float) -> Curve:
        means = [mean(measure(samples) for samples in one.samples) for one in snapshots]
        return Curve(means, at, [best] * len(at))

    return (
        course(lambda one: captured(one, anchors, HELD), perfect.held),
        course(lambda one: high_quality(one, anchors), goal.target.perfect),
    )


def _cloud(snapshots: Sequence[Snapshot], target: Target) -> Frames:
    """Some samples of the first seed, the same z in every frame, in the plane that shows the target best."""
    from collapse_cli.labs.targets import centres, plane

    flat = plane(target)
    clouds = [(one.samples[0, :POINTS] @ flat).round(decimals=3).tolist() for one in snapshots]
    return Frames(clouds, [one.step for one in snapshots], (centres(target) @ flat).tolist())


def _pictures(samples: Tensor) -> list[list[float]]:
    """The first 32 of samples (N,64) in four rows of eight: (4*9, 8*9) grey values from 0 to 1, nan between the pictures."""
    from torch.nn.functional import pad

    framed = pad(
        samples[:32].clamp(0, 1).unflatten(1, (8, 8)), (0, 1, 0, 1), value=float("nan")
    )  # (32, 9, 9)
    laid = framed.unflatten(0, (4, 8)).transpose(1, 2)  # (row, pixel row, column, pixel column)
    mosaic: list[list[float]] = laid.reshape(36, 72).round(decimals=3).tolist()
    return mosaic


def _said(own: Gan, cures: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """The settings that matter to an answer: the main ones, those of its cures, and those that are not the defaults."""
    from collapse_cli.labs.cures import CURES
    from collapse_cli.labs.gan import SHOWN

    of_cures = {name for names in CURES.values() for name in names}
    usual, every = dataclasses.asdict(Gan()), dataclasses.asdict(own)
    said = {n: v for n, v in every.items() if n not in of_cures and (n in SAID or v != usual[n])}
    mine = {name: every[name] for one in cures for name in CURES[one]}
    return said | {"N": SHOWN, "seeds": len(seeds), "seed": seeds[0]} | ({"with": mine} if mine else {})


def _map(name: str, own: Gan, goal: Goal, seeds: Sequence[int], quiet: bool) -> dict[str, Any]:
    """Modes and quality at every balance of D and G. All rates and seeds are one training, for each number of D's steps."""
    from collapse_cli.labs.cures import chosen
    from collapse_cli.labs.gan import Lab
    from collapse_cli.metrics.modes import balance
    from collapse_cli.views.progress import steps

    cures, runs = chosen(name), [(ratio, seed) for ratio in RATIOS for seed in seeds]
    found = []
    with steps(name, len(D_STEPS), enabled=not quiet) as advance:
        for count in D_STEPS:
            mine = dataclasses.replace(own, d_steps=count)
            lab = Lab(goal.target, mine, cures, [seed for _, seed in runs], [ratio for ratio, _ in runs])
            (end,) = lab.train([own.steps])
            found.append(end.samples.unflatten(0, (len(RATIOS), len(seeds))))
            advance(1)
    whole = balance(found, goal.target.anchors, D_STEPS, RATIOS)
    said = {
        key: value for key, value in _said(own, cures, seeds).items() if key not in ("lr_ratio", "d_steps")
    }
    return entry(name, whole, settings=said)
