"""MoCHi: MoCo whose hardest negatives are mixed into harder ones (Kalantidis et al. 2020, arXiv:2010.01028, sec. 4)."""

from __future__ import annotations

import struct

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import normalize

from collapse_cli.errors import CollapseError
from collapse_cli.losses import chance, info_nce, left_out, proxy_accuracy, rounding, without
from collapse_cli.metrics.oracle import matching_by_rank
from collapse_cli.models.batch_norm import split_batch_norm
from collapse_cli.models.key_encoder import KeyQueue, follow, joined, key_copies, keys_of, momentum_at
from collapse_cli.models.networks import networks
from collapse_cli.settings import Mochi, Model
from collapse_cli.shapes import Batch, Curves, DataShape, Origin, Pair, Sees


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
        self.reached = 0.0  # the same: who reads it waits for no device
        self.register_load_state_dict_post_hook(_reached_by_file)  # type: ignore[no-untyped-call]
        self.fresh: list[tuple[Tensor, Origin]] = []  # keys of this step's batches
        self.similarities: list[tuple[Tensor, Tensor]] = []  # (B,) of queries and keys, (B, K) and queue
        self.excluded: list[Tensor] = []  # (B, K) or (B, K+s+s') each, what was left out for this batch
        self.mixed: list[Tensor] = []  # (B, s+s') each, theirs with the mixed negatives

    @property
    def mixing(self) -> bool:
        """The warm-up is over."""
        return self.reached >= _single(self.own.mix_after)

    @property
    def negatives(self) -> KeyQueue:
        return self.queue

    @property
    def key_network(self) -> nn.Module | None:
        return joined(self.key_encoder, self.key_projector)

    @property
    def query_network(self) -> nn.Module:
        return nn.Sequential(self.encoder, self.projector)

    @property
    def compares(self) -> Pair:
        return Pair("projection", "projection" if self.key_network is None else "key")

    def loss(self, batch: Batch) -> Tensor:
        self.fresh = self.fresh if batch.place else []
        self.excluded, self.similarities, self.mixed = [], [], []
        loss = self.contrast(batch.first, batch.second, batch)
        if self.own.symmetric:
            loss = (loss + self.contrast(batch.second, batch.first, batch)) / 2
        return loss

    def contrast(self, views: Tensor, others: Tensor, batch: Batch) -> Tensor:
        """Queries from `views`, their positive keys from `others`, (B,C,H,W) each -> (). The masks act before mixing."""
        queries = self.queries(views)  # (B, d)
        keys = self.positives(others, batch.origin)  # (B, d)
        positive = (queries * keys).sum(dim=1)  # (B,)
        negative = queries @ self.queue.keys.T  # (B, K)
        exclude = self.left_out(batch.origin, self.queue.origin, batch.generator)
        there = without(negative, exclude).detach()  # (B, K)
        self.similarities.append((positive.detach(), there))
        self.fresh.append((keys.detach(), batch.origin))
        if self.mixing:
            mixed = mix_hardest(queries, there, self.queue.keys, self.own, batch.generator)  # (B, s+s', d)
            harder = torch.einsum("bd,bsd->bs", queries, mixed)  # (B, s+s')
            self.mixed.append(harder.detach())
            negative = torch.cat([negative, harder], dim=1)  # (B, K+s+s')
            if exclude is not None:
                bare = exclude.all(dim=1, keepdim=True).expand_as(harder)  # nothing was left to be mixed
                exclude = torch.cat([exclude, bare], dim=1)
        self.excluded += [] if exclude is None else [exclude]
        return info_nce(positive, negative, self.temperature, exclude)

    def queries(self, views: Tensor) -> Tensor:
        return normalize(self.query_network(views), dim=1)  # (B, d)

    def positives(self, views: Tensor, origin: Origin) -> Tensor:
        """The keys of the other views."""
        return self.keys(views)

    def left_out(self, queries: Origin, keys: Origin, generator: Generator) -> Tensor | None:
        return left_out(queries, keys, self.own, generator, self.own.mask_own)

    def keys(self, views: Tensor) -> Tensor:
        """views (B,C,H,W) -> k (B,d), unit rows, from the key encoder, or from the query's own where there is none."""
        network = self.query_network if self.key_network is None else self.key_network
        return keys_of(views, network, self.own)

    def after_step(self, progress: float) -> None:
        if self.key_network is not None:
            follow(self.key_network, self.query_network, momentum_at(self.own, progress))
        self.progress.fill_(progress)
        self.reached = _single(progress)
        for keys, origin in self.fresh:
            self.queue.push(keys, origin)

    def chance(self) -> float:
        """log(1+K), and log(1+K+s+s') once mixing has begun, less what is left out: all similarities equal."""
        mixed = self.own.pair_mixes + self.own.query_mixes if self.mixing else 0
        return chance(self.own.queue + mixed, torch.cat(self.excluded) if self.excluded else None)

    @property
    def contrasted(self) -> tuple[Tensor, Tensor]:
        """Similarities of all queries of the last batch, each view's where both are queries: positive (B,), negative (B,K)."""
        positive, negative = (torch.cat(parts) for parts in zip(*self.similarities, strict=True))
        return positive, negative

    def diagnostics(self) -> dict[str, float]:
        values = {"queue filled": self.queue.filled}
        if not self.similarities:
            return values
        positive, negative = self.contrasted
        dim = self.queue.keys.shape[1]
        values["proxy accuracy"] = float(proxy_accuracy(positive, negative, dim))  # on the queue alone
        if self.mixed:
            mixed, hardest = torch.cat(self.mixed), negative.amax(dim=1)  # (B, s+s'), (B,)
            there = hardest.isfinite()  # (B,); elsewhere there was nothing to mix
            margin = mixed[there].float() - hardest[there].float().unsqueeze(1)
            harder = margin > rounding(dim, mixed.dtype, negative.dtype)
            values |= {"mixes harder than all": float(harder.float().mean())} if harder.numel() else {}
        return values

    def curves(self) -> Curves:
        if not self.similarities:
            return {}
        return {"matching probability": matching_by_rank(*self.contrasted, self.temperature)}


def _reached_by_file(method: nn.Module, keys: object) -> None:
    """After weights were loaded, the method stands where the run stood that saved them."""
    assert isinstance(method, Method)
    method.reached = float(method.progress)


def _single(number: float) -> float:
    """Rounded to float32, as a tensor of it is."""
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


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
