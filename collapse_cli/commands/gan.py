"""collapse gan: watch a GAN lose modes, and what brings them back."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.printable import printable
from collapse_cli.settings import Gan, fill
from collapse_cli.views import targets

if TYPE_CHECKING:
    from collapse_cli.views.document import Document

Cure = Annotated[
    str,
    typer.Option(
        help=(
            "cure: none, r1, pac, unrolled, minibatch or noise; join several with +; a list "
            "with commas compares them"
        )
    ),
]
Seeds = Annotated[int, typer.Option(help="runs, trained at the same time as one batch", min=1)]
Seed = Annotated[int, typer.Option(help="seed of the first run; the others follow", min=0)]
Looks = Annotated[int, typer.Option(help="how often the samples are measured during training", min=2)]
Animation = Annotated[Path | None, typer.Option(help="write the samples over time to a .gif")]
Sweep = Annotated[
    bool,
    typer.Option(
        "--sweep",
        help="measure a map of modes over --lr-ratio and --d-steps, in place of one setting of them",
    ),
]


@options(Lab=Gan, Output=Shown)
def gan(
    typed: dict[str, Any],
    cure: Cure = "none",
    seeds: Seeds = 5,
    seed: Seed = 0,
    frames: Looks = 26,
    animation: Animation = None,
    sweep: Sweep = False,
) -> None:
    """Does the generator reach every mode of its target, and how good are its samples?

    Trains small GANs on a ring or a grid of Gaussians, or on digits. With the
    defaults D is too strong and modes are lost, although the remaining samples are
    of high quality: modes and quality are separate measurements. Cures bring the
    modes back.

    Example, cures: [bold]collapse gan --cure none,r1,pac --plot gan.png --animation gan.gif[/bold]

    A map: [bold]collapse gan --sweep --seeds 2 --steps 700 --plot map.png[/bold]

    The grid: [bold]collapse gan --target grid --cure r1 --gamma .03 --latent 2
    --layers 3 --steps 5000 --decay[/bold]
    """
    shown, settings = fill(Shown, typed), fill(Gan, typed)
    output, cures = shown.output(), list(dict.fromkeys(cure.split(",")))
    _check(animation, sweep)
    import torch

    from collapse_cli.analysis.gan import balance, compare, refuse_idle
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    refuse_idle(typed, settings, cures, sweep)
    torch.set_num_threads(1)  # for small networks gain nothing from more
    every = range(seed, seed + seeds)
    measure = balance if sweep else partial(compare, frames=frames)
    with reporter(shown.quiet) as progress:
        answer = measure(cures, settings, every, progress=progress)
    document = finish(answer, output)
    if animation:
        _animate(document, animation, shown.quiet)


def _check(animation: Path | None, sweep: bool) -> None:
    """Raises CollapseError for an animation that cannot be drawn or written."""
    if animation and sweep:
        raise CollapseError("a map cannot be animated", "leave out --animation or --sweep")
    if animation:
        targets.check(animation, (".gif",), "--animation")


def _animate(document: Document, animation: Path, quiet: bool) -> None:
    from collapse_cli.views import animation as moving

    moving.draw(document, animation)
    if not quiet:
        print(f"wrote {printable(animation)}", file=sys.stderr)
