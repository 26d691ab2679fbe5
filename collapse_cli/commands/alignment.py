"""collapse alignment: how close are the views of one image, and how evenly are images spread?"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask
from collapse_cli.errors import CollapseError
from collapse_cli.settings import fill


@options(Measuring=Measuring, Output=Shown)
def alignment(
    inputs: Inputs,
    typed: dict[str, Any],
    pair: Annotated[
        bool,
        typer.Option(
            "--pair",
            help="the two INPUTs are the two sides of pairs: row i of the first belongs to row i of the second",
        ),
    ] = False,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="look for the nearest neighbours of all embeddings, not of 4,000 of them (100,000 of 768: two minutes)",
        ),
    ] = False,
) -> None:
    """How close are the views of one image, and how evenly are images spread?

    Alignment over real augmented pairs, uniformity beside its lower bound, and the mean cosine; for each class too. With
    several inputs the plot is a scatter of alignment and uniformity. Hubness: in how many lists of neighbours embeddings are.

    With --pair, for example for images and their captions: the alignment of the pairs, the modality gap between the two
    sets, the uniformity of each set, and the share of embeddings whose nearest neighbour is their partner.

    Examples: [bold]collapse alignment runs/a runs/b --plot plane.png[/bold],
    [bold]collapse alignment image.npy text.npy --pair[/bold]
    """
    if not pair:
        from collapse_cli.analysis.retrieval import with_neighbours

        ask("alignment", inputs, typed, beside=partial(with_neighbours, exact=exact))
        return
    if exact:
        raise CollapseError("--exact is of the neighbours in one set", "leave out --exact, or --pair")
    shown, measuring = fill(Shown, typed), fill(Measuring, typed)
    output = shown.output()
    from collapse_cli.analysis import pairs
    from collapse_cli.commands.output import finish
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        answer = pairs.alignment(inputs, measuring, progress)
    finish(answer, output)
