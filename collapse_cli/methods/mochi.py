"""MoCHi: MoCo whose hardest negatives are mixed into harder ones (Kalantidis et al. 2020, arXiv:2010.01028, sec. 4)."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import info_nce
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.encoders import encoder
from collapse_cli.models.heads import head
from collapse_cli.models.momentum import KeyQueue, follow, slow_copy
from collapse_cli.settings import Mochi, Model
from collapse_cli.shapes import Batch


class Method(nn.Module):
    """MoCo's queue and slow encoder; after a warm-up, s + s' mixed negatives join the K of the queue for each query."""

    def __init__(self, own: Mochi, model: Model, shape: tuple[int, int, int]) -> None:
        super().__init__()
        if own.hardest > own.queue:
            raise CollapseError(
                f"--hardest {own.hardest} is more than --queue {own.queue}",
                "N is taken from the K of the queue",
            )
        self.own = own
        network, width = encoder(model.encoder, shape, model.stem)
        projector = head(width, model.head_hidden, model.dim, model.head_layers, model.head_norm)
        self.encoder = split_batch_norm(network, own.bn_splits)
        self.projector = split_batch_norm(projector, own.bn_splits)
        self.key_encoder = slow_copy(self.encoder)
        self.key_projector = slow_copy(self.projector)
        self.queue = KeyQueue(own.queue, model.dim if model.head_layers else width)
        self.progress: Tensor
        self.register_buffer("progress", torch.zeros((), dtype=torch.float64))
        self.fresh: tuple[Tensor, Tensor | None, Tensor] | None = None  # keys, labels, index of this batch
        self.proxy_accuracy: Tensor | float = math.nan

    @property
    def mixing(self) -> bool:
        """The warm-up is over."""
        return float(self.progress) >= self.own.mix_after

    def loss(self, batch: Batch) -> Tensor:
        queries = normalize(self.projector(self.encoder(batch.first)), dim=1)  # (B, d)
        keys = self.keys(batch.second)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        self.fresh = keys, batch.labels, batch.index
        self.proxy_accuracy = (positive > negative.amax(dim=1)).float().mean().detach()
        if self.mixing:
            mixed = mix_hardest(queries, negative, self.queue.keys, self.own, batch.generator)  # (B, s+s', d)
            harder = torch.einsum("bd,bsd->bs", queries, mixed)  # (B, s+s')
            negative = torch.cat([negative, harder], dim=1)  # (B, K+s+s')
        return info_nce(positive, negative, self.own.temperature)

    @torch.no_grad()
    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows; shuffled, each part of the batch norm meets all parts of the queries'."""
        order = torch.arange(len(views), device=views.device)
        if self.own.shuffle_bn:
            order = (order % self.own.bn_splits).argsort(stable=True)
        keys = normalize(self.key_projector(self.key_encoder(views[order])), dim=1)
        return keys[order.argsort()]

    def after_step(self, progress: float) -> None:
        follow(self.key_encoder, self.encoder, self.own.momentum)
        follow(self.key_projector, self.projector, self.own.momentum)
        self.progress.fill_(progress)
        if self.fresh is not None:
            self.queue.push(*self.fresh)

    def chance(self) -> float:
        """log(1+K), and log(1+K+s+s') once mixing has begun: all similarities equal."""
        mixed = self.own.pair_mixes + self.own.query_mixes if self.mixing else 0
        return math.log(1 + self.own.queue + mixed)

    def diagnostics(self) -> dict[str, float]:
        return {"queue filled": self.queue.filled, "proxy accuracy": float(self.proxy_accuracy)}


@torch.no_grad()
def mix_hardest(
    queries: Tensor, similarity: Tensor, keys: Tensor, own: Mochi, generator: Generator
) -> Tensor:
    """Each query's own N hardest negatives, mixed; no gradient reaches the mixed points.

    queries (B,d), keys (K,d): unit rows; similarity (B,K) = queries @ keys.T. Returns (B, s+s', d), unit rows:
    s points alpha n_i + (1-alpha) n_j, alpha ~ U(0,1), then s' points beta q + (1-beta) n_j, beta ~ U(0, 1/2).
    """
    hardest = similarity.topk(own.hardest, dim=1).indices  # (B, N)
    size, s, s_prime = len(queries), own.pair_mixes, own.query_mixes
    device = queries.device

    def draw(count: int, below: int) -> Tensor:
        return torch.randint(below, (size, count), generator=generator, device=device)

    first = draw(s, own.hardest)  # (B, s)
    other = (first + 1 + draw(s, own.hardest - 1)) % own.hardest  # (B, s), never the same
    alpha = torch.rand(size, s, 1, generator=generator, device=device)
    beta = torch.rand(size, s_prime, 1, generator=generator, device=device) / 2
    n_i, n_j = keys[hardest.gather(1, first)], keys[hardest.gather(1, other)]  # (B, s, d)
    n = keys[hardest.gather(1, draw(s_prime, own.hardest))]  # (B, s', d)
    pairs = alpha * n_i + (1 - alpha) * n_j
    with_query = beta * queries.to(keys.dtype).unsqueeze(1) + (1 - beta) * n
    return normalize(torch.cat([pairs, with_query], dim=1), dim=2)
