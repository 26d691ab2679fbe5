"""SimSiam: one side predicts the other, which gets no gradient (Chen & He 2021, arXiv:2011.10566, Algorithm 1)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from collapse_cli.losses import own_image
from collapse_cli.models.heads import head
from collapse_cli.models.networks import networks
from collapse_cli.settings import Model, Simsiam
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


class Method(nn.Module):
    """No negatives and no slow copy: the stop-gradient alone keeps the constant solution away."""

    repels = False
    temperature = negatives = key_network = cluster_head = classifier = None
    loss_sees: Sees = "directions"
    left_out = staticmethod(own_image)

    def __init__(self, settings: Simsiam, model: Model, data: DataShape) -> None:
        super().__init__()
        self.settings = settings
        self.encoder, self.projector, _, dim = networks(model, data.image)
        self.predictor = head(dim, settings.predictor_hidden, dim, 2 if settings.predictor else 0, norm=True)

    def loss(self, batch: Batch) -> Tensor:
        first = self.positives(batch.first, batch.origin)  # (B, d)
        second = self.positives(batch.second, batch.origin)  # (B, d)
        return (self.distance(first, second) + self.distance(second, first)) / 2

    def distance(self, rows: Tensor, target: Tensor) -> Tensor:
        """D(p, z): minus the mean cosine of the prediction from rows (B,d) and the target (B,d); () in [-1, 1]."""
        target = target.detach() if self.settings.stop_gradient else target
        return -cosine_similarity(self.predictor(rows), target, dim=1).mean()

    @property
    def compares(self) -> Pair:
        return Pair("prediction" if self.settings.predictor else "projection", "projection")

    def queries(self, views: Tensor) -> Tensor:
        """The prediction p, not normalised. The loss makes it of the z that it has already."""
        predicted: Tensor = self.predictor(self.projector(self.encoder(views)))
        return predicted  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The projection z, not normalised."""
        projected: Tensor = self.projector(self.encoder(views))
        return projected  # (B, d)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> None:
        """The loss of a collapsed network is its minimum, -1: it never tells."""

    def diagnostics(self) -> dict[str, float]:
        return {}

    def curves(self) -> Curves:
        return {}
