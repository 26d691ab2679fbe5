"""collapse layers: where in depth does it collapse?"""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Inputs, Shown, options
from collapse_cli.commands.single import ask


@options(Measuring=Measuring, Output=Shown)
def layers(
    inputs: Inputs,
    typed: dict[str, Any],
    layer: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            metavar="NAME",
            help="measure this layer, by the name of its module, in place of the blocks; may be given several times",
        ),
    ] = None,
    every_layer: Annotated[
        bool, typer.Option("--every-layer", help="measure every module that gives a tensor")
    ] = False,
    images: Annotated[
        int,
        typer.Option(
            help="images that go through the network, and through it at several initialisations", min=2
        ),
    ] = 1000,
    views: Annotated[
        int, typer.Option(help="augmented views of each of 400 images, for LiDAR; 0: no LiDAR", min=0)
    ] = 5,
) -> None:
    """Where in depth does it collapse? Rank, entropy and anisotropy of every layer.

    Measures every layer on the same images, beside the same network re-initialised:
    effective rank, matrix-based entropy, mean cosine, dormant units, LiDAR, and of
    transformers the rank and mean cosine of the tokens within an image. Layers are
    blocks; of linear layers and convolutions, the last norm or activation behind
    each. Maps and tokens are averaged over positions.

    Example: [bold]collapse layers runs/mine --plot layers.png[/bold]
    """
    if views == 1:
        raise typer.BadParameter(
            "LiDAR needs 2 views of an image, or 0 to leave it out.", param_hint="--views"
        )
    ask("layers", inputs, typed, layer=tuple(layer or ()), every_layer=every_layer, count=images, views=views)
