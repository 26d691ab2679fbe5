"""collapse lidar: in how many directions do images differ, measured by how much their views do?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask

DELTA = 1e-4


@options(Measuring=Measuring, Output=Shown)
def lidar(
    inputs: Inputs,
    given: dict[str, Any],
    views: Annotated[int, typer.Option(help="augmented views of each image, q", min=2)] = 10,
    images: Annotated[
        int, typer.Option(help="images that are viewed, n; more than dimensions", min=2)
    ] = 1000,
    delta: Annotated[
        float, typer.Option(help="added to the diagonal of Sw, δ, times its mean", min=0)
    ] = DELTA,
    absolute: Annotated[bool, typer.Option("--absolute", help="add δ as it is, as other tools do")] = False,
) -> None:
    """In how many directions do images differ, measured by how much views of one image do?

    LiDAR, and along each principal direction the share of the variance that is augmentation, beside noise without any
    image in it. Where an .npz has no views, its labels stand for images.

    Example: [bold]collapse lidar runs/mine --views 10 --images 1000 --plot lidar.png[/bold]
    """
    ask("lidar", inputs, given, views=views, images=images, delta=delta, absolute=absolute)
