"""collapse clusters: do clusters that are found without labels match the classes?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def clusters(
    inputs: Inputs,
    typed: dict[str, Any],
    count: Annotated[
        int, typer.Option("--clusters", help="clusters of k-means, M; 0: the number of classes", min=0)
    ] = 0,
) -> None:
    """Do clusters that are found without labels match the classes?

    Compares clusters with labels: ACC, NMI, ARI, and how many clusters are used. The clusters are those of the network's
    own cluster head, where it has one, and of k-means on h and z (L2-normalised; raw for pixels:DATASET). Without labels
    only the sizes of the clusters are measured.

    Example: [bold]collapse clusters runs/mine pixels:digits --plot clusters.png[/bold]
    """
    ask("clusters", inputs, typed, count=count)
