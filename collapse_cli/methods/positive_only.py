"""Positive-only training: views of one image attract, nothing repels. Any constant map is a perfect solution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import attraction, own_image
from collapse_cli.models.networks import networks
from collapse_cli.settings import Model, PositiveOnly
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """One network sees both views, and the gradient flows through both: no negatives, no stop-gradient, no predictor."""

    repels = False
    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: PositiveOnly, model: Model, data: DataShape) -> None:
        super().__init__()
        self.encoder, self.projector, _, _ = networks(model, data.image)

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        return attraction(first, second)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> None:
        """The loss of a collapsed network is its minimum, 0: it never tells."""

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
