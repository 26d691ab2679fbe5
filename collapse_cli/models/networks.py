"""The encoder f and the projector g of a run, as --encoder and the --head options say."""

from __future__ import annotations

from torch import nn

from collapse_cli.distributed import divided
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import head
from collapse_cli.settings import Model


def networks(model: Model, image: tuple[int, int, int]) -> tuple[nn.Module, nn.Module, int, int]:
    """f: (B,C,H,W) -> h (B,D), g: h -> z (B,d), and the widths D and d. Without head layers g hands h on, and d is D."""
    network, width = encoder(model.encoder, image, model.stem)
    projector = head(
        width, model.head_hidden, model.dim, model.head_layers, model.head_norm, model.head_activation
    )
    return divided(network), projector, width, model.dim if model.head_layers else width
