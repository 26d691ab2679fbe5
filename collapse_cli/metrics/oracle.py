"""False negatives: keys of the query's own class that a contrastive loss pushes away (MoCHi's class oracle, arXiv:2010.01028)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.layout import Table
from collapse_cli.losses import same, without, won
from collapse_cli.metrics.oracle_ranks import POINTS, ByRank, cut
from collapse_cli.results import curve, number
from collapse_cli.shapes import Origin
from collapse_cli.values import Curve, Measured

LeftOut = Callable[[Origin, Origin], Tensor | None]
"""Of queries (b,) and keys (K,): the keys (b,K) bool that a loss does not take for negatives; None where it takes all."""

BLOCK = 512  # queries compared with all keys at once, at most
CELLS = 1 << 20  # similarities of these; of more the memory would be fetched anew for each of a dozen steps


@dataclass(frozen=True)
class Oracle:
    """False negatives by similarity.

    None of these is better high or low: a better space brings a class together, and so its false negatives to the front.
    """

    TABLE: ClassVar = Table(json_only=("queries", "keys"))  # which the settings say

    queries: int = number("queries")
    keys: int = number("keys in the queue, K")
    same_image: float = number(
        "stale keys of the query's own image, counted apart from false negatives",
        unit="keys per query", convention="of a run's own queue: as its last epoch left it", low=0,
    )  # fmt: skip
    share: float = number(
        "share of false negatives among all keys",
        label="false negatives",
        unit="share",
        default=0.0,
        low=0,
        high=1,
    )
    rank_1: float = number(
        "share of false negatives among the hardest key of each query", label="false negatives at rank 1",
        unit="share", null="all keys", headline=True, default=0.0, low=0, high=1,
    )  # fmt: skip
    top_8: float | None = number(
        "share of false negatives among the 8 hardest keys",
        label="false negatives, top 8",
        unit="share",
        null="all keys",
        default=None,
        low=0,
        high=1,
    )
    top_64: float | None = number(
        "share of false negatives among the 64 hardest keys",
        label="false negatives, top 64",
        unit="share",
        null="all keys",
        headline=True,
        default=None,
        low=0,
        high=1,
    )
    top_tenth: float = number(
        "share of false negatives among the hardest tenth of the keys",
        label="false negatives, top 10 %",
        unit="share",
        null="all keys",
        default=0.0,
        low=0,
        high=1,
    )
    bottom_half: float = number(
        "share of false negatives among the easier half of the keys",
        label="false negatives, easier half",
        unit="share",
        null="all keys",
        default=0.0,
        low=0,
        high=1,
    )
    mass: float = number(
        "share of the negatives' softmax mass on false negatives: the part of the repulsion that is wrong",
        label="mass on false negatives", unit="share", null="all keys", headline=True, default=0.0, low=0, high=1,
    )  # fmt: skip
    top_tenth_mass: float = number(
        "share of the negatives' softmax mass on the hardest tenth of the keys",
        label="mass on the top 10 %", unit="share", null="uniform", default=0.0, low=0, high=1,
    )  # fmt: skip
    half_mass: float = number(
        "number of hardest keys that together hold half of the mean mass", label="keys with half the mass",
        unit="keys", null="uniform", default=0.0, low=0,
    )  # fmt: skip
    proxy_accuracy: float | None = number(
        "share of queries whose positive is more similar than every key that the loss takes for a negative; equal is not more",
        unit="share", null="1/(K+1)", default=None, low=0, high=1,
    )  # fmt: skip
    stale_key: float | None = number(
        "probability that the run's queue contains a key of the query's own image from an earlier epoch",
        label="stale key", unit="share", convention="mean over the steps of an epoch", default=None, low=0, high=1,
    )  # fmt: skip
    false_by_rank: Curve = curve(
        "share of false negatives among the keys of each similarity rank",
        label="false negatives by rank", x="similarity rank of the key", y="share of false negatives",
        log="x", null="all keys", sketch=True, low=0, high=1, default=Curve(()),
    )  # fmt: skip
    matching_by_rank: Curve = curve(
        "mean matching probability exp(q·n/T) / sum of the negative at each rank (MoCHi, sec. "
        "3), with the positive in the sum",
        label="matching probability by rank", x="similarity rank of the key", y="probability p",
        log="xy", null="uniform", low=0, high=1, default=Curve(()),
    )  # fmt: skip


def oracle(
    queries: Tensor,
    keys: Tensor,
    query_labels: Tensor,
    key_labels: Tensor,
    query_index: Tensor,
    key_index: Tensor,
    temperature: float,
    positives: Tensor | None = None,
    left_out: LeftOut | None = None,
) -> Oracle:
    """Queries (Q,d) against keys (K,d), unit rows, with labels and image indices (Q,), (K,); -1: not known.

    Keys of the query's own image are counted and then taken out of its ranking. positives (Q,d): each query's own, for the
    proxy accuracy and the denominator of p, which are of the keys that a loss takes for negatives: all but `left_out`, or
    without it all but those of the query's own image. temperature T > 0.
    """
    _refuse_none(len(queries), len(keys))
    by_rank, device = ByRank(len(keys), keys.device), keys.device
    sums = torch.zeros(4, len(keys), dtype=torch.float64, device=device)  # read at the end, as the totals
    totals = torch.zeros(3, dtype=torch.float64, device=device)
    for part in _blocks(len(queries), keys):
        stale = same(query_index[part], key_index)  # (b, K)
        false = same(query_labels[part], key_labels) & ~stale  # (b, K)
        similarity = queries[part] @ keys.T  # (b, K)
        ranked, order = without(similarity, stale).sort(dim=1, descending=True)
        false = false.gather(1, order)
        there = ranked.isfinite()
        mass = (ranked / temperature).double().softmax(dim=1).nan_to_num()  # (b, K), 0 without negatives
        negative = ranked
        if left_out is not None:
            origins = Origin(query_index[part], query_labels[part]), Origin(key_index, key_labels)
            negative = without(similarity, left_out(*origins)).sort(dim=1, descending=True).values
        positive = None if positives is None else (queries[part] * positives[part]).sum(dim=1)  # (b,)
        p = mass if positive is None else _of_ranked(positive, negative, temperature)
        sums += torch.stack([values.sum(dim=0, dtype=torch.float64) for values in (false, there, p, mass)])
        by_rank.add(false, there)
        right = false[:0] if positive is None else won(positive, negative, queries.shape[1])
        totals += torch.stack([each.sum(dtype=torch.float64) for each in (stale, mass * false, right)])
    return _summary(sums.cpu(), totals.tolist(), by_rank, positives is not None)


def _blocks(queries: int, keys: Tensor) -> Iterator[slice]:
    """Queries that are compared with keys (K,d) at once."""
    size = BLOCK if keys.is_cuda else min(BLOCK, max(CELLS // len(keys), 1))
    return (slice(start, start + size) for start in range(0, queries, size))


def _refuse_none(queries: int, keys: int) -> None:
    if not queries or not keys:
        raise CollapseError(
            f"there are {queries} queries and {keys} keys",
            "give a data set with more images, so that there are both",
            code=3,
        )


def probabilities(positive: Tensor, negative: Tensor, temperature: float) -> Tensor:
    """Matching probability p (b,K) of the negatives by rank, the most similar first (MoCHi, sec. 3); the positive is in the sum.

    positive (b,), negative (b,K): similarities, -inf for what is no negative.
    """
    return _of_ranked(positive, negative.sort(dim=1, descending=True).values, temperature)


def _of_ranked(positive: Tensor, ranked: Tensor, temperature: float) -> Tensor:
    """`probabilities` of negatives that are sorted already."""
    logits = torch.cat([positive.float().unsqueeze(1), ranked.float()], dim=1).double() / temperature
    return logits.softmax(dim=1)[:, 1:]


def pooled(p: Tensor, points: int = POINTS) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Values by rank (K,) -> ranks and means there, at most `points`: ever more ranks are pooled."""
    ranks = cut(len(p), points)
    return tuple((a + 1 + b) / 2 for a, b in ranks), tuple(float(p[a:b].mean()) for a, b in ranks)


def matching_by_rank(
    positive: Tensor, negative: Tensor, temperature: float, points: int = POINTS
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Ranks and the mean matching probability of the negatives there: `probabilities` of similarities (B,), (B,K), pooled."""
    return pooled(probabilities(positive, negative, temperature).mean(dim=0), points)


def _summary(sums: Tensor, totals: list[float], by_rank: ByRank, positives: bool) -> Oracle:
    """sums (4,K) by rank: false negatives, keys that are there, p, softmax mass; totals: stale keys, false mass, wins."""
    false, there, matching, mass_at = sums
    size, queries, (same_image, wrong_mass, wins) = len(false), by_rank.queries, totals
    share = float(false.sum() / there.sum().clamp_min(1))

    def among(start: int, stop: int) -> Measured:
        return Measured(float(false[start:stop].sum() / there[start:stop].sum().clamp_min(1)), null=share)

    tenth = max(size // 10, 1)
    mass = (mass_at / queries).cumsum(0)  # (K,)
    middles, p = pooled(matching / queries)
    return Oracle(
        queries=queries,
        keys=size,
        same_image=same_image / queries,
        share=share,
        rank_1=among(0, 1),
        top_8=among(0, 8) if size >= 8 else None,
        top_64=among(0, 64) if size >= 64 else None,
        top_tenth=among(0, tenth),
        bottom_half=among(size // 2, size),
        mass=Measured(wrong_mass / queries, null=share),
        top_tenth_mass=Measured(float(mass[tenth - 1]), null=tenth / size),
        half_mass=Measured(float((mass < 0.5).sum() + 1), null=float(math.ceil(size / 2))),
        proxy_accuracy=Measured(wins / queries, null=1 / (size + 1)) if positives else None,
        false_by_rank=by_rank.curve(null=share),
        matching_by_rank=Curve(p, x=middles, null=[1 / (size + 1)] * len(p)),
    )
