"""collapse calibration: how often is the verdict right?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.commands.options import Shown, options
from collapse_cli.settings import fill

WIDTHS = (8, 32, 128)


@options(Output=Shown)
def calibration(
    typed: dict[str, Any],
    dimensions: Annotated[
        list[int] | None,
        typer.Option(
            "--dimensions",
            metavar="D",
            help="number of dimensions, D; repeat for more, by default 8, 32 and 128",
        ),
    ] = None,
    replications: Annotated[int, typer.Option(help="replications of the whole set of cases", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="seed of all random draws", min=0)] = 0,
) -> None:
    """How often is the verdict right? A confusion matrix on embeddings whose truth is known.

    Generates the planted cases (rank r of D with and without noise, isotropic,
    power laws, outlier dimensions, clusters, ReLU, heavy tails, float16,
    embeddings of all lengths; one point, rays, offsets of embeddings and of
    networks, massive coordinates, outliers, scale; copies, groups, zeros, integer
    codes; too few embeddings), judges every sample as `collapse diagnose` does,
    and counts. It takes about two minutes on one core. The cases are defined in
    collapse_cli/metrics/planted*.py.

    Example: [bold]collapse calibration --replications 5 --dimensions 64[/bold]
    """
    shown = fill(Shown, typed)
    output = shown.output()
    import torch

    from collapse_cli.analysis.calibration import calibrate
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    torch.set_num_threads(1)  # for small matrices gain nothing from more
    with reporter(shown.quiet) as progress:
        answer = calibrate(dimensions or WIDTHS, replications, seed, progress)
    finish(answer, output)
