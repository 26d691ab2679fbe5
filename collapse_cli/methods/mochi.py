"""MoCHi: MoCo whose hardest negatives are mixed into harder ones (Kalantidis et al. 2020, arXiv:2010.01028, sec. 4)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import chance, info_nce, left_out, proxy_accuracy, without
from collapse_cli.metrics.oracle import matching_by_rank
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.key_encoder import KeyQueue, follow, joined, key_copies, keys_of, momentum_at
from collapse_cli.models.networks import networks
from collapse_cli.settings import Mochi, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Sees


class Method(nn.Module):
    """MoCo's queue and slow encoder; after a warm-up, s + s' mixed negatives join the K of the queue for each query."""

    repels = True
    cluster_head = classifier = None
    loss_sees: Sees = "directions"

    def __init__(self, settings: Mochi, model: Model, data: DataShape) -> None:
        super().__init__()
        if settings.hardest > settings.queue:
            raise CollapseError(
                f"--hardest {settings.hardest} is more than --queue {settings.queue}",
                f"the N hardest are chosen among the K keys of the queue: give --hardest {settings.queue}, or less",
            )
        self.own, self.temperature = settings, settings.temperature
        network, projector, _, dim = networks(model, data.image)
        self.encoder = split_batch_norm(network, settings.bn_splits)
        self.projector = split_batch_norm(projector, settings.bn_splits)
        self.key_encoder, self.key_projector = key_copies(self.encoder, self.projector, settings)
        self.queue = KeyQueue(settings.queue, dim)
        self.progress: Tensor
        self.register_buffer("progress", torch.zeros(()))
        self.fresh: list[tuple[Tensor, Origin]] = []  # keys of this batch
        self.positive: Tensor | None = None  # (B,), similarities of the last queries with their keys
        self.negative: Tensor | None = None  # (B, K), and with the queue
        self.excluded: list[Tensor] = []  # (B, K) or (B, K+s+s') each, what was left out for this batch
        self.mixed: Tensor | None = None  # (B, s+s'), theirs with the mixed negatives

    @property
    def mixing(self) -> bool:
        """The warm-up is over."""
        return bool(self.progress >= self.own.mix_after)

    @property
    def negatives(self) -> KeyQueue:
        return self.queue

    @property
    def key_network(self) -> nn.Module | None:
        return joined(self.key_encoder, self.key_projector)

    @property
    def query_network(self) -> nn.Module:
        return nn.Sequential(self.encoder, self.projector)

    def loss(self, batch: Batch) -> Tensor:
        self.fresh, self.excluded = [], []
        loss = self.contrast(batch.first, batch.second, batch)
        if self.own.symmetric:
            loss = (loss + self.contrast(batch.second, batch.first, batch)) / 2
        return loss

    def contrast(self, views: Tensor, others: Tensor, batch: Batch) -> Tensor:
        """Queries from `views`, their positive keys from `others`, (B,C,H,W) each -> (). The masks act before mixing."""
        queries = normalize(self.projector(self.encoder(views)), dim=1)  # (B, d)
        keys = self.keys(others)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        exclude = left_out(batch.origin, self.queue.origin, self.own, batch.generator, self.own.mask_own)
        self.positive, self.negative = positive.detach(), without(negative, exclude).detach()
        self.fresh.append((keys.detach(), batch.origin))
        if self.mixing:
            assert self.negative is not None
            mixed = mix_hardest(
                queries, self.negative, self.queue.keys, self.own, batch.generator
            )  # (B, s+s', d)
            harder = torch.einsum("bd,bsd->bs", queries, mixed)  # (B, s+s')
            self.mixed = harder.detach()
            negative = torch.cat([negative, harder], dim=1)  # (B, K+s+s')
            if exclude is not None:
                bare = exclude.all(dim=1, keepdim=True).expand_as(harder)  # nothing was left to be mixed
                exclude = torch.cat([exclude, bare], dim=1)
        self.excluded += [] if exclude is None else [exclude]
        return info_nce(positive, negative, self.temperature, exclude)

    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows, from the key encoder, or from the query's own where there is none."""
        network = self.query_network if self.key_network is None else self.key_network
        return keys_of(views, network, self.own)

    def after_step(self, progress: float) -> None:
        if self.key_network is not None:
            follow(self.key_network, self.query_network, momentum_at(self.own, progress))
        self.progress.fill_(progress)
        for keys, origin in self.fresh:
            self.queue.push(keys, origin)

    def chance(self) -> float:
        """log(1+K), and log(1+K+s+s') once mixing has begun, less what is left out: all similarities equal."""
        mixed = self.own.pair_mixes + self.own.query_mixes if self.mixing else 0
        return chance(self.own.queue + mixed, torch.cat(self.excluded) if self.excluded else None)

    def diagnostics(self) -> dict[str, float]:
        values = {"queue filled": self.queue.filled}
        if self.positive is not None and self.negative is not None:
            values["proxy accuracy"] = float(
                proxy_accuracy(self.positive, self.negative)
            )  # on the queue alone
            if self.mixed is not None:
                hardest = self.negative.amax(dim=1)  # (B,)
                there = hardest.isfinite()  # (B,); elsewhere there was nothing to mix
                harder = self.mixed[there] > hardest[there].unsqueeze(1)
                values |= {"mixes harder than all": float(harder.float().mean())} if harder.numel() else {}
        return values

    def curves(self) -> Curves:
        if self.positive is None or self.negative is None:
            return {}
        return {"matching probability": matching_by_rank(self.positive, self.negative, self.temperature)}


@torch.no_grad()
def mix_hardest(
    queries: Tensor, similarity: Tensor, keys: Tensor, settings: Mochi, generator: Generator
) -> Tensor:
    """Each query's own N hardest negatives, mixed; no gradient reaches the mixed points.

    queries (B,d), keys (K,d): unit rows; similarity (B,K) = queries @ keys.T, with -inf for a key that is no negative: of
    fewer than N negatives all are the hardest. Returns (B, s+s', d), unit rows: s points alpha n_i + (1-alpha) n_j,
    alpha ~ U(0,1), then s' points beta q + (1-beta) n_j, beta ~ U(0, 1/2).
    """
    top = similarity.topk(settings.hardest, dim=1)  # (B, N)
    below = top.values.isfinite().sum(dim=1, keepdim=True).clamp_min(1)  # (B, 1), N or fewer
    size, s, s_prime = len(queries), settings.pair_mixes, settings.query_mixes

    def uniform(count: int) -> Tensor:
        return torch.rand(size, count, generator=generator, device=queries.device)

    first = (uniform(s) * below).long()  # (B, s)
    other = (
        first + 1 + (uniform(s) * (below - 1)).long()
    ) % below  # (B, s), never the same while there are two
    third = (uniform(s_prime) * below).long()  # (B, s')
    n_i, n_j, n = (keys[top.indices.gather(1, place)] for place in (first, other, third))  # (B, s or s', d)
    alpha, beta = uniform(s).unsqueeze(2), uniform(s_prime).unsqueeze(2) / 2
    pairs = alpha * n_i + (1 - alpha) * n_j
    with_query = beta * queries.to(keys.dtype).unsqueeze(1) + (1 - beta) * n
    return normalize(torch.cat([pairs, with_query], dim=1), dim=2)
