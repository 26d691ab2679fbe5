"""collapse alignment: do views of one image meet, and do images spread out?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def alignment(
    inputs: Inputs,
    given: dict[str, Any],
    pair: Annotated[
        bool,
        typer.Option(
            "--pair", help="two INPUTs are one set in pairs: row i of one belongs to row i of the other"
        ),
    ] = False,
) -> None:
    """Do views of one image meet, and do images spread out?

    Alignment over real augmented pairs, uniformity beside its lower bound, mean cosine; for each class too. With several
    inputs the plot is a scatter of the two.

    With --pair, for images and their captions, say: alignment of the pairs, the modality gap between the two sets, the
    uniformity of each, and how many find their partner.

    Examples: [bold]collapse alignment runs/a runs/b --plot plane.png[/bold],
    [bold]collapse alignment image.npy text.npy --pair[/bold]
    """
    if not pair:
        ask("alignment", inputs, given)
        return
    shown, measuring = fill(Shown, given), fill(Measuring, given)
    output = shown.output()
    from collapse_cli.analysis import pairs
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        answer = pairs.alignment(inputs, measuring, progress)
    finish(answer, output)
