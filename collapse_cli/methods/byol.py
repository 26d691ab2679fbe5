"""BYOL: the online network predicts what a slow copy makes of the other view (Grill et al. 2020, arXiv:2006.07733)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from collapse_cli.losses import own_image
from collapse_cli.models.heads import head
from collapse_cli.models.key_encoder import follow, momentum_at, slow_copy
from collapse_cli.models.networks import networks
from collapse_cli.settings import Byol, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees, Side


class Method(nn.Module):
    """SimSiam's predictor with MoCo's slow encoder, and no negatives."""

    repels = False
    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    left_out = staticmethod(own_image)

    def __init__(self, settings: Byol, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings = settings
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.predictor = head(dim, settings.predictor_hidden, dim, 2 if settings.predictor else 0, norm=True)
        self.target = (
            slow_copy(nn.Sequential(self.encoder, self.projector)) if settings.stop_gradient else None
        )

    def loss(self, batch: Batch) -> Tensor:
        there = self.distance(batch.first, batch.second, batch.origin)
        return (there + self.distance(batch.second, batch.first, batch.origin)) / 2

    def distance(self, views: Tensor, others: Tensor, origin: Origin) -> Tensor:
        """Mean ||p - z'||^2 of unit rows, = 2 - 2 cos: prediction from `views`, target from `others` (B,C,H,W); () in [0, 4]."""
        return 2 - 2 * cosine_similarity(self.queries(views), self.positives(others, origin), dim=1).mean()

    @property
    def compares(self) -> Pair:
        query: Side = "prediction" if self.settings.predictor else "projection"
        return Pair(query, "projection" if self.target is None else "target")

    def queries(self, views: Tensor) -> Tensor:
        """The prediction p, not normalised."""
        predicted: Tensor = self.predictor(self.projector(self.encoder(views)))
        return predicted  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """views (B,C,H,W) -> z' (B,d), from the slow copy, or with gradient from the online network; not normalised."""
        if self.target is None:
            projected: Tensor = self.projector(self.encoder(views))
            return projected
        with torch.no_grad():
            from_slow_copy: Tensor = self.target(views)
        return from_slow_copy

    def after_step(self, progress: float) -> None:
        if self.target is not None:
            online = nn.Sequential(self.encoder, self.projector)
            follow(self.target, online, momentum_at(self.settings, progress))

    def chance(self) -> None:
        """The loss of a collapsed network is its minimum, 0: it never tells."""

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
