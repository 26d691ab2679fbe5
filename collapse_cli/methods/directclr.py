"""DirectCLR: InfoNCE on the first dimensions of h itself (Jing et al. 2022, arXiv:2110.09348)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import info_nce, own_image
from collapse_cli.models.heads import FirstDimensions
from collapse_cli.models.networks import networks
from collapse_cli.settings import Directclr, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """z = h[:d0], no projector: the other dimensions learn through the encoder's residual stream, if it has one."""

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: Directclr, model: Model, data: DataShape) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.encoder, _, width, _ = networks(model, data.image)
        if model.head_layers:
            raise CollapseError(
                "directclr has no projector, so --head-layers must be 0", "give --head-layers 0, its default"
            )
        if settings.subvector > width:
            raise CollapseError(
                f"--subvector {settings.subvector} is more than the {width} dimensions of {model.encoder}",
                f"d0 counts the first dimensions of h: give --subvector {width}, or less",
            )
        self.projector = FirstDimensions(settings.subvector)
        self.images = 0  # in the last batch, B

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d0)
        second = self.positives(batch.second, batch.origin)  # (B, d0)
        self.images = len(first)
        positive = (first * second).sum(dim=1)  # (B,)
        across = first @ second.T  # (B, B)
        itself = torch.eye(len(first), dtype=torch.bool, device=across.device)
        there = info_nce(positive, across, self.temperature, itself)
        back = info_nce(positive, across.T, self.temperature, itself)
        return (there + back) / 2

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d0)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(B): all similarities equal."""
        return math.log(self.images) if self.images else None

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
