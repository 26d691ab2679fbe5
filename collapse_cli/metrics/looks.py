"""One look at one batch of embeddings while they train: what the alarm, the live curves and the records are made of.

`looked` computes on the device of the embeddings and waits for nothing; `UnreadLook.read` waits, and takes the eigenvalues.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_cli.metrics.ranks import entropy_rank

MOST = 512  # embeddings of a batch that are looked at: more would cost more and tell little more
NONE = math.nan  # of what the batch is too small for


@dataclass(frozen=True)
class Look:
    """What one look at one batch came to. nan: the batch is too small for it, or holds what is not finite.

    step: of the training, from 1; samples: embeddings looked at, B; dimensions: d; finite: all of them, and the loss.
    scale: total variance of z, tr S, divided by B - 1; 0 is collapse of scale.
    variance: total variance of the unit embeddings of z - m0, m0 the mean of the first batch; = 1 - their mean cosine over pairs.
    top_share: the largest eigenvalue's share of tr S; nan in one dimension.
    mean_cosine: over pairs of z; line_cosine: its root mean square, 1 where all z lie on one line through 0.
    effective_rank: exp of the entropy of the eigenvalues of the covariance of those unit embeddings, in [1, min(B - 1, d)].
    alignment: mean squared distance of those unit embeddings and of their other view's, in [0, 4]; None without z2.
    rank_h: effective rank of the unit embeddings of h; None without h. loss: as it was given; None without.
    """

    step: int
    samples: int
    dimensions: int
    finite: bool
    scale: float
    variance: float
    top_share: float
    mean_cosine: float
    line_cosine: float
    effective_rank: float
    alignment: float | None = None
    rank_h: float | None = None
    loss: float | None = None


@dataclass(frozen=True)
class UnreadLook:
    """A look whose numbers are still on the device: products (k,k) of rows about their mean, k = min(B, d), and () each.

    largest: absolute value in z - m0, (); raw: products of (z - m0) / largest; within: of the unit embeddings of z - m0;
    within_h: of those of h. cosines (2,): over pairs of z, the mean cosine and the mean of its square.
    """

    samples: int
    dimensions: int
    finite: Tensor
    largest: Tensor
    raw: Tensor
    within: Tensor
    cosines: Tensor
    alignment: Tensor | None
    within_h: Tensor | None
    loss: Tensor | None

    def read(self, step: int) -> Look:
        """The numbers. Waits for the device; the eigenvalues are taken in float64 on the CPU."""
        loss = None if self.loss is None else float(self.loss)
        finite = bool(self.finite) and (loss is None or math.isfinite(loss))
        enough = finite and self.samples > 1
        h, alignment = self.within_h, self.alignment
        raw = _eigenvalues(self.raw) if enough else None
        within = _eigenvalues(self.within) if enough else None
        mean, square = self.cosines.tolist() if enough else (NONE, NONE)
        return Look(
            step,
            self.samples,
            self.dimensions,
            finite,
            scale=NONE if raw is None else float(raw.sum() * self.largest.double().cpu() ** 2) / (self.samples - 1),
            variance=NONE if within is None else float(within.sum()) / (self.samples - 1),
            top_share=_top_share(raw) if raw is not None and self.dimensions > 1 else NONE,
            mean_cosine=mean,
            line_cosine=math.sqrt(max(square, 0.0)) if enough else NONE,
            effective_rank=NONE if within is None else entropy_rank(within),
            alignment=None if alignment is None else float(alignment) if finite else NONE,
            rank_h=None if h is None else entropy_rank(_eigenvalues(h)) if enough else NONE,
            loss=loss,
        )  # fmt: skip


def looked(
    z: Tensor, origin: Tensor, z2: Tensor | None = None, h: Tensor | None = None, loss: Tensor | None = None
) -> UnreadLook:
    """A look at embeddings z (B,d), about `origin` (d,), of any floating type, B >= 1, d >= 1; at most 512, evenly spaced.

    z2 (B,d): the other views of the same images; h (B,D): the representations of the same; loss (). Of one embedding nothing is
    measured but whether it is finite and how near its other view is. Works in float32 whatever the type; no gradient; no waiting.
    """
    with torch.no_grad():
        rows = _spaced(z)  # (b, d)
        centred = rows - origin.float()  # (b, d)
        largest = _largest(centred)
        unit_rows = _unit(centred)  # (b, d)
        rows_h = None if h is None else _spaced(h)
        finite = rows.isfinite().all()
        if rows_h is not None:
            finite = finite & rows_h.isfinite().all()
        return UnreadLook(
            samples=len(rows),
            dimensions=z.shape[1],
            finite=finite,
            largest=largest,
            raw=_smaller_gram(_about_mean(centred / largest)),
            within=_smaller_gram(_about_mean(unit_rows)),
            cosines=_cosines(_unit(rows)),
            alignment=None if z2 is None else _apart(unit_rows, _unit(_spaced(z2) - origin.float())),
            within_h=None if rows_h is None else _smaller_gram(_about_mean(_unit(rows_h))),
            loss=None if loss is None else loss.detach().float(),
        )


def origin_of(z: Tensor) -> Tensor:
    """m0 (d,) float32: the mean of the first batch z (B,d), which later looks measure from, so that a constant offset is none."""
    return z.detach().float().mean(dim=0)


def _spaced(rows: Tensor) -> Tensor:
    """All rows (B,d), or 512 of them at equal distances, float32."""
    return rows.detach()[:: -(-len(rows) // MOST)].float()


def _largest(rows: Tensor) -> Tensor:
    """The largest absolute value (), 1 where all are 0: what rows are divided by so that no square overflows."""
    largest = rows.abs().amax()
    return torch.where(largest > 0, largest, 1.0)


def _unit(rows: Tensor) -> Tensor:
    """rows (b,d) of length 1, also where their squares would overflow; rows of zeros stay."""
    largest = rows.abs().amax(dim=1, keepdim=True)
    return torch.nn.functional.normalize(rows / torch.where(largest > 0, largest, 1.0), dim=1)


def _about_mean(rows: Tensor) -> Tensor:
    return rows - rows.mean(dim=0)


def _smaller_gram(rows: Tensor) -> Tensor:
    """rows (b,d) -> their products (b,b), or those of their columns (d,d), whichever is smaller: the same eigenvalues above 0."""
    return rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows


def _cosines(unit_rows: Tensor) -> Tensor:
    """(2,): the mean over pairs i != j of the cosine, and of its square, of unit rows (b,d); nan for one row."""
    count = len(unit_rows)
    sums = torch.stack([unit_rows.sum(dim=0).square().sum(), _smaller_gram(unit_rows).square().sum()])
    lengths = unit_rows.square().sum(dim=1)  # (b,), 1 or, of a row of zeros, 0
    itself = torch.stack([lengths.sum(), lengths.square().sum()])
    return (sums - itself) / (count * (count - 1)) if count > 1 else torch.full_like(sums, NONE)


def _apart(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().sum(dim=1).mean()


def _eigenvalues(gram: Tensor) -> Tensor:
    """(k,k) -> (k,) float64 >= 0, descending; what float32 leaves of a zero is 0."""
    lam = torch.linalg.eigvalsh(gram.double().cpu()).flip(0)
    return torch.where(lam > torch.finfo(torch.float32).eps * lam[0], lam, 0.0)


def _top_share(lam: Tensor) -> float:
    total = float(lam.sum())
    return float(lam[0]) / total if total > 0 else 1.0
