"""collapse lidar: in how many directions do images differ by more than their views?"""

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
    typed: dict[str, Any],
    views: Annotated[int, typer.Option(help="augmented views of each image, q", min=2)] = 10,
    images: Annotated[
        int,
        typer.Option(help="images that views are made of, n; it should be more than the dimensions", min=2),
    ] = 1000,
    delta: Annotated[
        float,
        typer.Option(help="regularisation added to the diagonal of Sw, δ, as a multiple of its mean", min=0),
    ] = DELTA,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="add δ itself, as other tools do, not a multiple of the mean")
    ] = False,
) -> None:
    """LiDAR: in how many directions do images differ by more than their views?

    LiDAR, and along each principal direction the share of the variance that comes from augmentation, beside pure noise.
    Where an .npz contains no views, classes take the place of images.

    Example: [bold]collapse lidar runs/mine --views 10 --images 1000 --plot lidar.png[/bold]
    """
    ask("lidar", inputs, typed, views=views, images=images, delta=delta, absolute=absolute)
