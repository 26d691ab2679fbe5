"""VICReg: views agree, every dimension varies, no two say the same (Bardes et al. 2022, arXiv:2105.04906)."""

from __future__ import annotations

from torch import Tensor, nn

from collapse_cli.losses import covariance_penalty, invariance, own_image, variance_hinge
from collapse_cli.models.networks import networks
from collapse_cli.settings import Model, Vicreg
from collapse_cli.shapes import VIEWS, Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """No negatives: the hinge forbids complete collapse, the covariances dimensional collapse. z is not normalised."""

    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "rows"
    compares, left_out = VIEWS, staticmethod(own_image)

    def __init__(self, settings: Vicreg, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings, self.repels = settings, settings.variance > 0
        self.encoder, self.projector, _, _ = networks(model, data.image)
        self.terms: tuple[Tensor, Tensor, Tensor] | None = None  # of the last batch

    def loss(self, batch: Batch) -> Tensor:
        first = self.queries(batch.first)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        agree = invariance(first, second)
        vary = (variance_hinge(first) + variance_hinge(second)) / 2
        decorrelate = covariance_penalty(first) + covariance_penalty(second)
        self.terms = agree.detach(), vary.detach(), decorrelate.detach()
        return (
            self.settings.invariance * agree
            + self.settings.variance * vary
            + self.settings.covariance * decorrelate
        )

    def queries(self, views: Tensor) -> Tensor:
        z: Tensor = self.projector(self.encoder(views)).float()  # (B, d)
        return z

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The other view, by the same network."""
        return self.queries(views)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float:
        """.99 times the hinge's weight: all rows equal, sqrt(eps) = .01."""
        return 0.99 * self.settings.variance

    def diagnostics(self) -> dict[str, float]:
        names = ("invariance", "variance hinge", "covariance")
        return {name: float(term) for name, term in zip(names, self.terms or (), strict=False)}

    def curves(self) -> Curves:
        return {}
