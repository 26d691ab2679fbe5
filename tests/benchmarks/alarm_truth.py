"""Whether a training has collapsed, decided without the alarm's rule: in eval mode, on clean held-out images.

No training-mode z, no origin m0, no trace over steps is used. A training of the kinds "complete" and "scale" has collapsed when

    complete: the mean cosine of z over pairs is at least .95 and was below .8 when the change was made
              (of a collapse from step 0: at least .95, whatever it was at initialisation),
    scale:    the total variance of z is at most 1 % of the largest evaluation before,
    rank:     the effective rank of z about its mean, unit embeddings, is at most half of that when the change was made,
    nan:      it is not finite.

It is healthy when none of these holds at the end (after a planted change, at any evaluation; rank only there), the mean cosine
at the end is below .95 (after a planted change, at most .3 above that before it), and the 10-NN accuracy of h is then at most 5
points below that at the change, or below .9, whichever is lower. All else is unclear, and reported apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from collapse_cli.embedding import embed
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.shapes import Embeddings, Images, Normalisation

COSINE, BEFORE, SCALE, RANK, LOST, PARTLY = 0.95, 0.8, 0.01, 0.5, 0.05, 0.3


@dataclass(frozen=True)
class Evaluation:
    """Of z of 450 held-out images, in eval mode."""

    step: int
    finite: bool
    cosine: float
    scale: float
    rank: float
    accuracy: float
    accuracy_h: float


@torch.no_grad()
def evaluate(
    method: Any, images: Images, held_out: Images, normalisation: Normalisation, step: int, vote: bool = True
) -> Evaluation:
    """vote: whether the accuracies are measured, which take most of the time; nan otherwise."""
    test = embed(method, held_out, normalisation, torch.arange(len(held_out)))
    z = test.representations if test.projections is None else test.projections
    if not bool(z.isfinite().all()):
        return Evaluation(step, False, *[float("nan")] * 5)
    u = normalize(z, dim=1)
    count = len(u)
    cosine = (float(u.sum(dim=0).square().sum()) - count) / (count * (count - 1))
    return Evaluation(
        step, True, cosine, float(z.var(dim=0).sum()), effective_rank(normalize(z - z.mean(dim=0), dim=1)),
        *(accuracies(method, images, normalisation, z, test) if vote else (float("nan"),) * 2),
    )  # fmt: skip


def accuracies(
    method: Any, images: Images, normalisation: Normalisation, z: Tensor, test: Embeddings
) -> tuple[float, float]:
    """Of z and of h."""
    train = embed(method, images, normalisation, torch.arange(len(images)))
    from_z = train.representations if train.projections is None else train.projections
    return (
        accuracy(from_z, train.labels, z, test.labels),
        accuracy(train.representations, train.labels, test.representations, test.labels),
    )


def accuracy(voters: Tensor, labels: Tensor | None, queries: Tensor, truth: Tensor | None) -> float:
    """Of a majority of the 10 nearest by cosine about the voters' mean."""
    assert labels is not None
    assert truth is not None
    centre = voters.mean(dim=0)
    cosines = normalize(queries - centre, dim=1) @ normalize(voters - centre, dim=1).T
    votes = labels[cosines.topk(10, dim=1).indices]  # (M, 10)
    counts = torch.nn.functional.one_hot(votes, 10).sum(dim=1)
    return float((counts.argmax(dim=1) == truth).float().mean())


def collapsed(evaluations: Sequence[Evaluation], switch: int, by: int) -> str:
    """The kind of collapse at the last evaluation at or before step `by`, or ""."""
    before = [each for each in evaluations if each.step <= switch]
    after = [each for each in evaluations if switch < each.step <= by]
    if any(not each.finite for each in after):
        return "nan"
    if not after or not before[-1].finite:
        return ""
    last, at = after[-1], before[-1]
    if last.scale <= SCALE * max(each.scale for each in before):
        return "scale"
    if last.cosine >= COSINE and (at.cosine < BEFORE or switch == 0):
        return "complete"
    return "rank" if switch and last.rank <= RANK * at.rank else ""


def healthy(evaluations: Sequence[Evaluation], switch: int, planted: bool) -> bool:
    """planted: a change that could collapse it was made, so that a rank that has halved is no health."""
    last = evaluations[-1]
    at = [each for each in evaluations if each.step <= switch][-1]
    if not last.finite or last.cosine >= COSINE:
        return False
    after = [each.step for each in evaluations if each.step > switch]
    kinds = {collapsed(evaluations, switch, step) for step in (after if planted else after[-1:])}
    if planted and switch and last.cosine > at.cosine + PARTLY:
        return False
    gone = kinds & (
        {"nan", "complete", "scale", "rank"} if planted and switch else {"nan", "complete", "scale"}
    )
    return not gone and last.accuracy_h >= min(at.accuracy_h, 0.9) - LOST
