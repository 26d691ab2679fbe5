"""collapse gan: watch a GAN lose modes, and what brings them back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from collapse_cli.commands.answers import answer
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.settings import Gan, fill


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

    Trains small GANs on a ring or a grid of Gaussians, or on digits. With the
    defaults D is too strong and modes are lost, though the samples that are left
    are good: modes and quality are two axes. Cures bring the modes back.

    Example, cures: [bold]collapse gan --cure none,r1,pac --plot gan.png --animation gan.gif[/bold]

    A map: [bold]collapse gan --sweep --seeds 2 --steps 700 --plot map.png[/bold]

    The grid: [bold]collapse gan --target grid --cure r1 --gamma .03 --latent 2
    --layers 3 --steps 5000 --decay[/bold]
    """
    import torch

    from collapse_cli.commands.gan_goal import goal, perfect
    from collapse_cli.commands.gan_map import balanced
    from collapse_cli.commands.gan_training import compared
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
    target = goal(own)
    if sweep:
        entries = [balanced(name, own, target, every, shown.quiet) for name in names]
    else:
        entries = [compared(name, own, target, every, frames, shown.quiet) for name in names]
        entries.append(perfect(target, entries))
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
