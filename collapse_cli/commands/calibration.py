"""collapse calibration: how often is the verdict right?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.commands.answers import answer
from collapse_cli.commands.options import Shown, options
from collapse_cli.errors import CollapseError
from collapse_cli.results import entry
from collapse_cli.settings import fill
from collapse_cli.views import show

WIDTHS = (8, 32, 128)


@options(Output=Shown)
def calibration(
    given: dict[str, Any],
    dimensions: Annotated[
        list[int] | None,
        typer.Option("--dimensions", metavar="D", help="a width, D; again for more, by default 8, 32, 128"),
    ] = None,
    replications: Annotated[int, typer.Option(help="draws of the whole set", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="of everything drawn", min=0)] = 0,
) -> None:
    """How often is the verdict right? A confusion matrix on rows whose truth is known.

    Draws the planted set (one point, rank r of D with and without noise,
    isotropic, power laws, outlier dimensions, offsets, clusters, ReLU, heavy
    tails, float16, rows of all lengths, too few rows), judges every sample as
    `collapse diagnose` does, and counts. About a minute on one core. The set, and
    what it does not ask: collapse_cli/metrics/planted.py.

    Example: [bold]collapse calibration --replications 5 --dimensions 64[/bold]
    """
    import torch

    from collapse_cli.metrics.calibration import RATIOS, calibration, cases, count
    from collapse_cli.views.progress import steps

    shown = fill(Shown, given)
    output = shown.output()
    widths = dimensions or list(WIDTHS)
    if min(widths) < 8:
        raise CollapseError(f"--dimensions {min(widths)} has no room for the planted set", "give 8 or more")
    torch.set_num_threads(1)  # matrices this small gain nothing from more
    found = []
    with steps("samples", count(widths, replications), enabled=not shown.quiet) as advance:
        for case in cases(widths, replications, seed):
            found.append(case)
            advance(1)
    said = {"D": widths, "N/D": list(RATIOS), "replications": replications, "seed": seed}
    show(answer("calibration", [entry("planted set", calibration(found), settings=said)]), output)
