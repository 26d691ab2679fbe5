"""SupCon: every view of the class attracts, every other repels (Khosla et al. 2020, arXiv:2004.11362)."""

from __future__ import annotations

import math

from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import left_out, supcon
from collapse_cli.models.networks import networks
from collapse_cli.settings import Masks, Model, Supcon
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """End-to-end with labels: a control that has no false negatives."""

    repels = True
    negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares = VIEWS

    def __init__(self, settings: Supcon, model: Model, data: DataShape) -> None:
        super().__init__()
        self.temperature = settings.temperature
        self.encoder, self.projector, _, _ = networks(model, data.image)
        self.images = 0  # in the last batch, B

    def loss(self, batch: Batch) -> Tensor:
        assert batch.labels is not None
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        self.images = len(first)
        return supcon(first, second, batch.labels, self.temperature)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        """Every view of the query's class: they are positives too."""
        return left_out(queries, keys, Masks(mask_false_negatives=True), generator)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(2B-1): all similarities equal."""
        return math.log(2 * self.images - 1) if self.images else None

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
