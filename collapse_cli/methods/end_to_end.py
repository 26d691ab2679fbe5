"""End to end: negatives of the same batch, gradient through both sides (SimCLR, arXiv:2002.05709; MoCo's mechanism (a))."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.losses import chance, info_nce, left_out, nt_xent
from collapse_cli.models.networks import networks
from collapse_cli.settings import EndToEnd, Model
from collapse_cli.shapes import Batch, DataShape


class Method(nn.Module):
    """One network sees both views; every other picture of the batch is a negative, and the dictionary is the batch."""

    def __init__(self, own: EndToEnd, model: Model, data: DataShape) -> None:
        super().__init__()
        self.own = own
        self.encoder, self.projector, _, _ = networks(model, data.picture)
        self.excluded: Tensor | None = None  # of the last batch

    def loss(self, batch: Batch) -> Tensor:
        first = normalize(self.projector(self.encoder(batch.first)), dim=1)  # (B, d)
        second = normalize(self.projector(self.encoder(batch.second)), dim=1)  # (B, d)
        both_views = self.own.negatives == "both-views"
        origin = batch.origin.twice() if both_views else batch.origin
        exclude = self.excluded = left_out(origin, origin, self.own, batch.generator)  # own picture at least
        if both_views:
            return nt_xent(first, second, self.own.temperature, exclude)
        positive = (first * second).sum(dim=1)  # (B,)
        return info_nce(positive, first @ second.T, self.own.temperature, exclude)

    def after_step(self, progress: float) -> None:
        """Nothing moves but the weights."""

    def chance(self) -> float | None:
        """log(2B-1) or log(B), less what is left out: all similarities equal."""
        return None if self.excluded is None else chance(len(self.excluded), self.excluded)

    def diagnostics(self) -> dict[str, float]:
        return {}
