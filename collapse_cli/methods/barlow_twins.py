"""Barlow Twins: the cross-correlation of two views becomes the identity (Zbontar et al. 2021, arXiv:2103.03230)."""

from __future__ import annotations

from torch import Tensor, nn

from collapse_cli.losses import barlow_twins, own_image
from collapse_cli.models.networks import networks
from collapse_cli.settings import BarlowTwins, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """No negatives: dimensions agree across views and differ from one another. z is standardised over the batch."""

    repels = True
    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "columns"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: BarlowTwins, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings = settings
        self.encoder, self.projector, _, self.dim = networks(model, data.image)

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        return barlow_twins(first, second, self.settings.redundancy)

    def queries(self, views: Tensor) -> Tensor:
        z: Tensor = self.projector(self.encoder(views)).float()  # (B, d)
        return z

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """d: all rows equal, and every correlation 0."""
        return float(self.dim)

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
