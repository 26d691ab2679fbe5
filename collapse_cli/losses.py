"""Losses: functions of tensors. `first` and `second` are two views' rows (B,d), row by row of the same images."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from collapse_cli.settings import Masks
from collapse_cli.shapes import Origin

KNOTS, REACH = 17, 5.0  # of SIGReg's integral: knots in [-REACH, REACH] (LeJEPA, Algorithm 1)


def info_nce(positive: Tensor, negative: Tensor, temperature: float, exclude: Tensor | None = None) -> Tensor:
    """InfoNCE: cross-entropy of picking the positive among 1+K candidates (MoCo, arXiv:1911.05722, eq. 1).

    positive (B,), negative (B,K): cosine similarities, in [-1, 1]; temperature > 0; exclude (B,K) bool: negatives
    left out of the denominator. Returns () in nats, >= 0; log(1+K) where all similarities are equal.
    """
    logits = torch.cat([positive.unsqueeze(1), negative], dim=1) / temperature  # (B, 1+K)
    if exclude is not None:
        logits[:, 1:] = logits[:, 1:].masked_fill(exclude, -torch.inf)
    return functional.cross_entropy(logits, logits.new_zeros(len(logits), dtype=torch.long))


def chance(candidates: int, exclude: Tensor | None = None) -> float:
    """InfoNCE where all similarities are equal: mean over rows of log(1 + negatives not in exclude (B,K)), in nats."""
    if exclude is None:
        return math.log(1 + candidates)
    return float((1 + (~exclude).sum(dim=1)).cpu().double().log().mean())


def without(similarity: Tensor, exclude: Tensor | None) -> Tensor:
    """Similarities (B,K), -inf for those in exclude (B,K) bool."""
    return similarity if exclude is None else similarity.masked_fill(exclude, -torch.inf)


def proxy_accuracy(positive: Tensor, negative: Tensor, dim: int) -> Tensor:
    """Share of queries closer to their positive (B,) than to all negatives (B,K), cosines in R^dim; () in [0, 1]. No gradient."""
    return won(positive, negative, dim).float().mean().detach()


def won(positive: Tensor, negative: Tensor, dim: int) -> Tensor:
    """(B,) bool: whose positive (B,) is more similar than every negative (B,K), by more than cosines in R^dim are rounded by.

    Equal similarities are not won: where all embeddings are one point no positive is picked out, and the share is 0. A win with
    probability 1 / (ties + 1) would make a number of it that depends on K and looks like little learning.
    """
    margin = positive.float() - negative.amax(dim=1).float()  # (B,), inf where there is no negative
    return margin > rounding(dim, positive.dtype, negative.dtype)


def rounding(dim: int, *kinds: torch.dtype) -> float:
    """By how much two equal cosines of unit rows in R^dim may differ as they are computed: 8 sqrt(d) u, u = 2^-24 of float32.

    A sum of d terms is off by d u at most, and by about sqrt(d) u where its roundings have random signs (Higham & Mary 2019,
    SIAM J. Sci. Comput. 41(5)). Twice that for two cosines, and four times that for the largest of many. Half precision rounds
    the rows and the cosine itself, by less than its eps together.
    """
    coarsest = max(torch.finfo(kind).eps for kind in kinds)
    single = torch.finfo(torch.float32).eps  # 2 u
    return 4 * math.sqrt(dim) * single + (coarsest if coarsest > single else 0.0)


def left_out(
    queries: Origin, keys: Origin, masks: Masks, generator: Generator, own: bool = True
) -> Tensor | None:
    """(B,K) bool: the keys that are no negatives of each query; None where all of them are.

    own: keys of the query's own image; `mask_false_negatives`: keys of its class (MoCHi's class oracle,
    arXiv:2010.01028, sec. 3.2); `mask_random`: any key, with this probability. What is not known, -1, is nobody's own.
    """
    shape = len(queries.index), len(keys.index)
    masked = []
    if own:
        masked.append(same(queries.index, keys.index))
    if masks.mask_false_negatives and queries.labels is not None and keys.labels is not None:
        masked.append(same(queries.labels, keys.labels))
    if masks.mask_random:
        drawn = torch.rand(shape, generator=generator, device=generator.device)
        masked.append((drawn < masks.mask_random).to(queries.index.device))
    return torch.stack(masked).any(dim=0) if masked else None


def own_image(queries: Origin, keys: Origin, generator: Generator) -> Tensor:
    """(B,K) bool: keys of the query's own image, which most losses leave out of their negatives."""
    return same(queries.index, keys.index)


def same(queries: Tensor, keys: Tensor) -> Tensor:
    """(B,K) bool: whose numbers (B,), (K,) are equal and known; -1 is not known."""
    return (queries.unsqueeze(1) == keys) & (keys >= 0)


def nt_xent(first: Tensor, second: Tensor, temperature: float, exclude: Tensor | None = None) -> Tensor:
    """NT-Xent: each of 2B unit rows picks its partner among the 2B-1 others (SimCLR, arXiv:2002.05709, eq. 1).

    exclude (2B,2B) bool: what is left out besides each row and its partner. Returns () in nats, log(2B-1) where
    all rows are equal.
    """
    both = torch.cat([first, second])  # (2B, d)
    paired = same_image(len(first), both.device)
    exclude = paired if exclude is None else exclude | paired
    positive = (first * second).sum(dim=1).repeat(2)  # (2B,)
    return info_nce(positive, both @ both.T, temperature, exclude)


def same_image(size: int, device: torch.device) -> Tensor:
    """(2B,2B) bool: each of 2B rows and its partner."""
    return torch.eye(size, dtype=torch.bool, device=device).repeat(2, 2)


def debiased_nce(
    first: Tensor, second: Tensor, temperature: float, class_prior: float, hardness: float = 0.0
) -> Tensor:
    """NT-Xent whose N = 2B-2 negatives are reweighted and debiased; -log p / (p + g), p = exp(s+/t). In nats.

    g = max((R - tau+ N p) / (1 - tau+), N exp(-1/t)), R = sum_j w_j exp(s_j/t), weights w_j = exp(beta s_j/t) over their
    mean: beta = `hardness` = 0 is DCL (Chuang et al. 2020, arXiv:2007.00224), else HCL (Robinson et al. 2021,
    arXiv:2010.04592). Everything is divided by exp(1/t), which cancels. log(2B-1) where all rows are equal.
    """
    both = torch.cat([first, second])  # (2B, d)
    count = len(both) - 2  # N
    similarity = (both @ both.T).float()  # (2B, 2B)
    similarity = similarity.masked_fill(same_image(len(first), both.device), -torch.inf)
    positive = ((first * second).sum(dim=1).repeat(2).float() - 1).div(temperature).exp()  # (2B,) p
    weighted = torch.logsumexp((1 + hardness) * similarity / temperature, dim=1)  # (2B,)
    weights = torch.logsumexp(hardness * similarity / temperature, dim=1) if hardness else math.log(count)
    reweighted = count * (weighted - weights - 1 / temperature).exp()  # (2B,) R
    debiased = (reweighted - class_prior * count * positive) / (1 - class_prior)
    negative = debiased.clamp_min(count * math.exp(-2 / temperature))  # (2B,) g
    return (positive + negative).log().sub(positive.log()).mean()


def supcon(first: Tensor, second: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss L_out (Khosla et al. 2020, arXiv:2004.11362, eq. 2), unit rows; () in nats.

    Each of 2B views against the 2B-1 others: the mean over the other views of its class, labels (B,), of -log softmax.
    log(2B-1) where all rows are equal.
    """
    both, classes = torch.cat([first, second]), labels.repeat(2)  # (2B, d), (2B,)
    itself = torch.eye(len(both), dtype=torch.bool, device=both.device)
    logits = (
        (both @ both.T / temperature).float().masked_fill(itself, torch.finfo(torch.float32).min)
    )  # (2B, 2B)
    alike = (classes.unsqueeze(1) == classes) & ~itself  # (2B, 2B); a view's partner at least
    return functional.cross_entropy(logits, functional.normalize(alike.float(), p=1))


def bank_nce(
    positive: Tensor, negative: Tensor, temperature: float, constant: Tensor, slots: int, exclude: Tensor
) -> Tensor:
    """Noise-contrastive estimation of the softmax over a bank of n slots (Wu et al. 2018, arXiv:1805.01978); () in nats.

    positive (B,), negative (B,m): similarities with the own slot and with m drawn ones; P = exp(s/tau) / Z with
    `constant` Z (); h = P / (P + m/n). -log h of the own minus the sum of log(1 - h) over those not in exclude (B,m).
    """
    noise = math.log(negative.shape[1] / slots)  # log(m Pn), Pn = 1/n

    def odds(similarity: Tensor) -> Tensor:
        return similarity.float() / temperature - constant.log() - noise  # log(h / (1 - h))

    wrong = functional.logsigmoid(-odds(negative)).masked_fill(exclude, 0).sum(dim=1)  # (B,)
    return -(functional.logsigmoid(odds(positive)) + wrong).mean()


def attraction(first: Tensor, second: Tensor) -> Tensor:
    """Mean ||u - u'||^2 of unit rows first, second (B,d): the alignment loss (Wang & Isola 2020, alpha = 2). () in [0, 4]."""
    return (first - second).square().sum(dim=1).mean()


def repulsion(rows: Tensor, t: float) -> Tensor:
    """log mean_{i<j} exp(-t ||u_i - u_j||^2) of unit rows (B,d), B >= 2: the uniformity loss (Wang & Isola 2020, sec. 4.1.2)."""
    squared = torch.pdist(rows.float()).square()  # (B (B-1) / 2,)
    return torch.logsumexp(-t * squared, dim=0) - math.log(len(squared))


def invariance(first: Tensor, second: Tensor) -> Tensor:
    """Mean over rows and dimensions of (z - z')^2: VICReg's s as its authors train it (arXiv:2105.04906). ()"""
    return functional.mse_loss(first, second)


def variance_hinge(rows: Tensor, eps: float = 1e-4) -> Tensor:
    """Mean over dimensions of max(0, 1 - sqrt(var + eps)) of rows (B,d) (VICReg); () in [0, 1 - sqrt(eps)]."""
    return functional.relu(1 - (rows.var(dim=0) + eps).sqrt()).mean()


def covariance_penalty(rows: Tensor) -> Tensor:
    """Sum of squared off-diagonal covariances (N - 1) of rows (B,d), over d (VICReg); () >= 0."""
    centred = rows - rows.mean(dim=0)
    covariance = centred.T @ centred / (len(rows) - 1)  # (d, d)
    return off_diagonal(covariance).square().sum() / rows.shape[1]


def barlow_twins(first: Tensor, second: Tensor, redundancy: float, eps: float = 1e-5) -> Tensor:
    """sum_i (1 - C_ii)^2 + lambda sum_{i != j} C_ij^2 (Zbontar et al. 2021, arXiv:2103.03230, eq. 1-2); () >= 0.

    C (d,d): correlations over the batch of the dimensions of two views (B,d). d where all rows are equal.
    """
    correlation = standardised(first, eps).T @ standardised(second, eps) / len(first)  # (d, d)
    diagonal = (1 - correlation.diagonal()).square().sum()
    return diagonal + redundancy * off_diagonal(correlation).square().sum()


def standardised(rows: Tensor, eps: float) -> Tensor:
    """rows (B,d) with mean 0 and variance 1 (divided by B, eps added) in every column, as batch norm without affine."""
    centred = rows - rows.mean(dim=0)
    return centred / (centred.square().mean(dim=0) + eps).sqrt()


def off_diagonal(square: Tensor) -> Tensor:
    """(d,d) with zeros on its diagonal."""
    return square - square.diagonal().diag()


def sigreg(rows: Tensor, directions: Tensor) -> Tensor:
    """SIGReg: the Epps-Pulley statistic of rows (B,d) along unit directions (d,M), their mean (arXiv:2511.08544, Algorithm 1).

    B times the integral of |mean exp(itx) - exp(-t^2/2)|^2 exp(-t^2/2) by the trapezoidal rule, whose integrand is even in t.
    Returns () >= 0: 1.06 is expected of rows of N(0, I); one point costs .41 B at least, at the origin.
    """
    gap = 2 * REACH / (KNOTS - 1)
    t = gap * torch.arange(KNOTS // 2 + 1, dtype=rows.dtype, device=rows.device)  # (T,), from 0 on
    gaussian = (-t.square() / 2).exp()
    angles = (rows @ directions).to(rows.dtype).unsqueeze(2) * t  # (B, M, T)
    apart = (angles.cos().mean(dim=0) - gaussian).square() + angles.sin().mean(dim=0).square()  # (M, T)
    return 2 * len(rows) * torch.trapezoid(apart * gaussian, dx=gap, dim=1).mean()


def assignment_entropy(assignments: Tensor) -> Tensor:
    """H(Y) = -sum_i P_i log P_i of the mean assignment P_i over rows (B,M) that sum to 1 (Contrastive Clustering). () nats."""
    terms: Tensor = torch.special.entr(assignments.float().mean(dim=0))
    return terms.sum()
