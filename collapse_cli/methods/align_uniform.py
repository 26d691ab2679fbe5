"""Alignment and uniformity as the loss itself, no softmax (Wang & Isola 2020, arXiv:2005.10242, sec. 5)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import attraction, own_image, repulsion
from collapse_cli.models.networks import networks
from collapse_cli.settings import AlignUniform, Model
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """Views of one image attract, all images of the batch repel; too much of the first collapses."""

    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: AlignUniform, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.repels = settings, settings.uniformity > 0
        self.encoder, self.projector, _, _ = networks(model, data.image)
        self.terms: tuple[Tensor, Tensor] | None = None  # alignment and uniformity of the last batch

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        alignment = attraction(first, second)
        uniformity = (repulsion(first, self.settings.t) + repulsion(second, self.settings.t)) / 2
        self.terms = alignment.detach(), uniformity.detach()
        return self.settings.alignment * alignment + self.settings.uniformity * uniformity

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """0: all rows equal, and both terms are 0."""
        return 0.0

    def diagnostics(self) -> dict[str, float]:
        names = ("alignment", "uniformity")
        return {name: float(term) for name, term in zip(names, self.terms or (), strict=False)}

    def curves(self) -> Curves:
        return {}
