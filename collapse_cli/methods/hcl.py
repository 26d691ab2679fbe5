"""HCL: harder negatives weigh more, then the denominator is debiased (Robinson et al. 2021, arXiv:2010.04592)."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import debiased_nce, own_image
from collapse_cli.models.networks import networks
from collapse_cli.settings import Hcl, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """DCL whose negatives are weighted by exp(beta s/t), each query's own."""

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: Hcl, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.temperature = settings, settings.temperature
        self.encoder, self.projector, _, _ = networks(model, data.image)
        self.images = 0  # in the last batch, B

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        self.images = len(first)
        return debiased_nce(
            first, second, self.temperature, self.settings.class_prior, self.settings.hardness
        )

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(2B-1): all similarities equal."""
        return math.log(2 * self.images - 1) if self.images else None

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
