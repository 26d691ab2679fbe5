"""Losses against slow loops and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from collapse_cli.losses import (
    assignment_entropy,
    attraction,
    bank_nce,
    barlow_twins,
    chance,
    covariance_penalty,
    debiased_nce,
    info_nce,
    invariance,
    left_out,
    nt_xent,
    own_image,
    proxy_accuracy,
    repulsion,
    rounding,
    same,
    sigreg,
    standardised,
    supcon,
    variance_hinge,
    without,
    won,
)
from collapse_cli.settings import Masks
from collapse_cli.shapes import Origin


def slow_info_nce(
    positive: torch.Tensor, negative: torch.Tensor, temperature: float, exclude: torch.Tensor
) -> float:
    """MoCo, eq. 1, one term at a time."""
    losses = []
    for b in range(len(positive)):
        own = math.exp(float(positive[b]) / temperature)
        others = sum(
            math.exp(float(negative[b, k]) / temperature)
            for k in range(negative.shape[1])
            if not exclude[b, k]
        )
        losses.append(-math.log(own / (own + others)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("size", "keys"), [(1, 1), (3, 7), (8, 1), (5, 16)])
def test_info_nce_is_the_slow_loop(size: int, keys: int, generator: torch.Generator) -> None:
    positive, negative = torch.rand(size, generator=generator), torch.rand(size, keys, generator=generator)
    exclude = torch.rand(size, keys, generator=generator) < 0.3
    expected = slow_info_nce(positive, negative, 0.2, exclude)
    assert float(info_nce(positive, negative, 0.2, exclude)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("keys", [1, 15, 16, 17, 4096])
def test_equal_similarities_give_the_logarithm(keys: int) -> None:
    """p = 1/(1+K) for every candidate, so the loss is log(1+K) at any temperature."""
    loss = info_nce(torch.full((4,), 0.3), torch.full((4, keys), 0.3), 0.07)
    assert float(loss) == pytest.approx(math.log(1 + keys), abs=1e-5)


def test_nothing_to_tell_apart() -> None:
    assert float(info_nce(torch.zeros(3), torch.zeros(3, 5), 0.2, torch.ones(3, 5, dtype=torch.bool))) == 0


def test_in_batch_form_is_cross_entropy(generator: torch.Generator) -> None:
    """With the other rows' keys as negatives, it is the cross-entropy of the similarity matrix's rows."""
    q, k = (normalize(torch.randn(6, 4, generator=generator), dim=1) for _ in range(2))
    similarity = q @ k.T
    negative = similarity[~torch.eye(6, dtype=torch.bool)].view(6, 5)
    expected = cross_entropy(similarity / 0.1, torch.arange(6))
    assert float(info_nce(similarity.diagonal(), negative, 0.1)) == pytest.approx(float(expected), rel=1e-6)


def test_attraction_is_two_minus_two_cosines(generator: torch.Generator) -> None:
    first, second = (normalize(torch.randn(9, 5, generator=generator), dim=1) for _ in range(2))
    assert float(attraction(first, second)) == pytest.approx(
        2 - 2 * float((first * second).sum(1).mean()), rel=1e-5
    )
    assert float(attraction(first, -first)) == pytest.approx(4, rel=1e-6)


def test_excluding_is_dropping_the_columns(generator: torch.Generator) -> None:
    """The same column masked for every query equals a queue without it, and the inputs are left as they were."""
    positive, negative = torch.rand(5, generator=generator), torch.rand(5, 9, generator=generator)
    before = negative.clone()
    out = torch.zeros(5, 9, dtype=torch.bool)
    out[:, [0, 4, 8]] = True
    kept = negative[:, [1, 2, 3, 5, 6, 7]]
    assert float(info_nce(positive, negative, 0.1, out)) == pytest.approx(
        float(info_nce(positive, kept, 0.1)), rel=1e-6
    )
    assert torch.equal(negative, before)


def test_excluded_negatives_get_no_gradient(generator: torch.Generator) -> None:
    negative = torch.rand(2, 3, generator=generator).requires_grad_()
    out = torch.tensor([[True, False, False], [False, False, True]])
    info_nce(torch.rand(2, generator=generator), negative, 0.2, out).backward()
    assert torch.equal(negative.grad == 0, out)


def test_gradient_of_each_negative_is_its_matching_probability(generator: torch.Generator) -> None:
    """dL/ds_k = p_k / T / B (MoCHi, eq. 2), and of the positive -(1 - p) / T / B."""
    positive = torch.rand(4, generator=generator).requires_grad_()
    negative = torch.rand(4, 6, generator=generator).requires_grad_()
    info_nce(positive, negative, 0.5).backward()
    p = (torch.cat([positive[:, None], negative], 1) / 0.5).softmax(1).detach()
    torch.testing.assert_close(negative.grad, p[:, 1:] / 0.5 / 4)
    torch.testing.assert_close(positive.grad, -(1 - p[:, 0]) / 0.5 / 4)


def test_the_smallest_temperature_overflows_nothing() -> None:
    """T = 1e-4: logits of +-10,000; the loss is the margin (0.5 - -0.5) / T."""
    loss = info_nce(torch.tensor([-0.5]), torch.tensor([[0.5]]), 1e-4)
    assert float(loss) == pytest.approx(10_000)


def test_attraction_of_equal_rows_is_nothing(generator: torch.Generator) -> None:
    rows = normalize(torch.randn(9, 5, generator=generator), dim=1)
    assert float(attraction(rows, rows)) == 0
    assert float(attraction(rows[:1], rows[:1].roll(1))) == float((rows[0] - rows[0].roll(1)).square().sum())


def unit(rows: int, dim: int, generator: torch.Generator) -> torch.Tensor:
    return normalize(torch.randn(rows, dim, generator=generator), dim=1)


def pair(generator: torch.Generator, size: int = 5, dim: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    return unit(size, dim, generator), unit(size, dim, generator)


def cosines(first: torch.Tensor, second: torch.Tensor) -> list[list[float]]:
    """(2B,2B) of the views one below the other."""
    both = torch.cat([first, second]).double()
    return (both @ both.T).tolist()


def slow_nt_xent(first: torch.Tensor, second: torch.Tensor, t: float, exclude: Any = None) -> float:
    """SimCLR, eq. 1: l(i,j) = -log exp(s_ij/t) / sum_{k != i} exp(s_ik/t), the mean over both orders of B pairs."""
    s, size = cosines(first, second), len(first)
    total = 0.0
    for i in range(2 * size):
        j = (i + size) % (2 * size)
        others = [k for k in range(2 * size) if k != i and (k == j or exclude is None or not exclude[i][k])]
        total -= math.log(math.exp(s[i][j] / t) / sum(math.exp(s[i][k] / t) for k in others))
    return total / (2 * size)


def slow_debiased(
    first: torch.Tensor, second: torch.Tensor, t: float, prior: float, beta: float = 0.0
) -> float:
    """DCL (beta 0) and HCL: N = 2B-2 negatives e^(s/t), each times its importance, itself^beta, over the mean importance."""
    s, size = cosines(first, second), len(first)
    count, total = 2 * size - 2, 0.0
    for i in range(2 * size):
        j = (i + size) % (2 * size)
        positive = math.exp(s[i][j] / t)
        negatives = [math.exp(s[i][k] / t) for k in range(2 * size) if k not in (i, j)]
        importance = [negative**beta for negative in negatives]
        mean = sum(importance) / count
        reweighted = sum(w * negative / mean for w, negative in zip(importance, negatives, strict=True))
        g = max((reweighted - prior * count * positive) / (1 - prior), count * math.exp(-1 / t))
        total -= math.log(positive / (positive + g))
    return total / (2 * size)


def slow_supcon(first: torch.Tensor, second: torch.Tensor, labels: list[int], t: float) -> float:
    """Khosla et al., eq. 2: mean over i of -1/|P(i)| sum_{p in P(i)} log exp(s_ip/t) / sum_{a != i} exp(s_ia/t)."""
    s, classes = cosines(first, second), labels * 2
    total = 0.0
    for i in range(len(classes)):
        others = [a for a in range(len(classes)) if a != i]
        below = sum(math.exp(s[i][a] / t) for a in others)
        alike = [p for p in others if classes[p] == classes[i]]
        total -= sum(math.log(math.exp(s[i][p] / t) / below) for p in alike) / len(alike)
    return total / len(classes)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_nt_xent_is_the_slow_loop(size: int, temperature: float, generator: torch.Generator) -> None:
    first, second = pair(generator, size)
    found = float(nt_xent(first, second, temperature))
    assert found == pytest.approx(slow_nt_xent(first, second, temperature), rel=1e-5, abs=1e-6)


def test_nt_xent_leaves_out_what_it_is_told_but_never_the_partner(generator: torch.Generator) -> None:
    first, second = pair(generator)
    exclude = torch.rand(10, 10, generator=generator) < 0.4
    expected = slow_nt_xent(first, second, 0.2, exclude.tolist())
    assert float(nt_xent(first, second, 0.2, exclude)) == pytest.approx(expected, rel=1e-5)
    assert float(nt_xent(first, second, 0.2, torch.ones(10, 10, dtype=torch.bool))) == 0


def test_the_order_of_views_and_of_images_is_nothing_to_in_batch_losses(generator: torch.Generator) -> None:
    first, second = pair(generator)
    labels, order = torch.tensor([0, 1, 0, 2, 1]), torch.tensor([3, 0, 4, 2, 1])
    for loss in (
        lambda a, b, c: nt_xent(a, b, 0.2),
        lambda a, b, c: debiased_nce(a, b, 0.2, 0.1, 1.0),
        lambda a, b, c: supcon(a, b, c, 0.2),
    ):
        value = float(loss(first, second, labels))
        assert float(loss(second, first, labels)) == pytest.approx(value, rel=1e-5)
        assert float(loss(first[order], second[order], labels[order])) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("size", [1, 2, 17])
def test_equal_rows_are_chance_in_every_in_batch_loss(size: int) -> None:
    """2B-1 candidates with the same similarity 1: log(2B-1), whatever temperature, prior and hardness."""
    rows = torch.full((size, 4), 0.5)
    expected = pytest.approx(math.log(2 * size - 1), abs=1e-5)
    assert float(nt_xent(rows, rows, 0.1)) == expected
    assert float(supcon(rows, rows, torch.arange(size) % 2, 0.1)) == expected
    if size > 1:
        for prior, hardness in ((0.0, 0.0), (0.1, 0.0), (0.3, 2.0)):
            assert float(debiased_nce(rows, rows, 0.1, prior, hardness)) == expected


@pytest.mark.parametrize("hardness", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("prior", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("temperature", [0.2, 0.5])
def test_debiased_nce_is_the_slow_loop(
    hardness: float, prior: float, temperature: float, generator: torch.Generator
) -> None:
    first, second = pair(generator, 6)
    found = float(debiased_nce(first, second, temperature, prior, hardness))
    assert found == pytest.approx(slow_debiased(first, second, temperature, prior, hardness), rel=1e-4)


def test_without_prior_and_hardness_nothing_is_debiased(generator: torch.Generator) -> None:
    first, second = pair(generator, 8)
    expected = float(nt_xent(first, second, 0.3))
    assert float(debiased_nce(first, second, 0.3, 0.0, 0.0)) == pytest.approx(expected, rel=1e-6)


def test_the_negatives_estimate_is_clamped_from_below() -> None:
    """Rows e, -e, each its own partner: the 2 negatives are at -1, g = 2 e^(-1/t) at its floor, p = e^(1/t).

    Unclamped it would be 2 (e^(-1/t) - .1 e^(1/t)) / .9 < 0. Loss: log(1 + 2 e^(-2/t)); the floor passes no gradient, so
    only the positive pulls: against a row that turns, d loss / d s+ = -(1/t) g / (p + g).
    """
    rows = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    second = rows.clone().requires_grad_()
    loss = debiased_nce(rows, second, 0.5, 0.1)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(1 + 2 * math.exp(-4)), rel=1e-5)
    pull = -2 * 2 * math.exp(-4) / (1 + 2 * math.exp(-4)) / 2  # each pair counts twice of 4
    torch.testing.assert_close(second.grad, pull * rows)


def test_the_smallest_temperature_of_debiasing_stays_finite(generator: torch.Generator) -> None:
    """t = .05 and partners at -1: p = e^(-40) of the largest term, still a float32; -log p/(p + g) about 40 + log g."""
    first = unit(4, 3, generator).requires_grad_()
    loss = debiased_nce(first, -first.detach(), 0.05, 0.1, 1.0)
    loss.backward()
    expected = slow_debiased(first.detach(), -first.detach(), 0.05, 0.1, 1.0)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4)
    assert first.grad.isfinite().all()


def test_supcon_is_the_slow_loop(generator: torch.Generator) -> None:
    first, second = pair(generator, 6)
    labels = [0, 1, 0, 2, 1, 0]
    found = float(supcon(first, second, torch.tensor(labels), 0.2))
    assert found == pytest.approx(slow_supcon(first, second, labels, 0.2), rel=1e-5)


def test_supcon_of_classes_of_one_is_nt_xent(generator: torch.Generator) -> None:
    """The partner is the only other view of the class."""
    first, second = pair(generator)
    expected = float(nt_xent(first, second, 0.2))
    assert float(supcon(first, second, torch.arange(5), 0.2)) == pytest.approx(expected, rel=1e-6)


def test_supcon_of_one_class(generator: torch.Generator) -> None:
    """All the others are positives: mean_i (log sum_{a != i} e^(s_ia/t) - mean_{a != i} s_ia/t)."""
    first, second = pair(generator)
    s = torch.tensor(cosines(first, second))[~torch.eye(10, dtype=torch.bool)].view(10, 9) / 0.2
    expected = float((s.logsumexp(dim=1) - s.mean(dim=1)).mean())
    assert float(supcon(first, second, torch.zeros(5).long(), 0.2)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("slots", [7, 1000])
def test_bank_nce_is_the_slow_loop(slots: int, generator: torch.Generator) -> None:
    """Wu et al. 2018: h = P / (P + m/n), P = e^(s/tau) / Z; -log h(own) - sum log(1 - h(drawn)), what is left out not summed."""
    positive = torch.rand(3, generator=generator) * 2 - 1
    negative = torch.rand(3, 7, generator=generator) * 2 - 1
    exclude = torch.rand(3, 7, generator=generator) < 0.3
    total = 0.0
    for b in range(3):
        h = [math.exp(s / 0.1) / 50 for s in (float(positive[b]), *negative[b].tolist())]
        h = [p / (p + 7 / slots) for p in h]
        total -= math.log(h[0])
        total -= sum(math.log(1 - h[1 + k]) for k in range(7) if not exclude[b, k])
    found = bank_nce(positive, negative, 0.1, torch.tensor(50.0), slots, exclude)
    assert float(found) == pytest.approx(total / 3, rel=1e-5)


def test_bank_nce_where_nothing_can_be_told() -> None:
    """P = m/n for all of 1 + m: h = 1/2, so (1 + m) log 2. With K = n and Z = n e^(s/tau), P is 1/n and m/n is 1."""
    none = torch.zeros(4, 6, dtype=torch.bool)
    constant = torch.tensor(math.exp(0.3 / 0.1) * 9 / 6)
    found = bank_nce(torch.full((4,), 0.3), torch.full((4, 6), 0.3), 0.1, constant, 9, none)
    assert float(found) == pytest.approx(7 * math.log(2), rel=1e-5)


@pytest.mark.parametrize("t", [0.5, 2.0, 3.0])
def test_repulsion_is_the_slow_loop_and_the_published_line(t: float, generator: torch.Generator) -> None:
    """Wang & Isola, sec. 4.1.2; their line: torch.pdist(x).pow(2).mul(-t).exp().mean().log()."""
    rows = unit(9, 4, generator)
    kernel = [
        math.exp(-t * sum((a - b) ** 2 for a, b in zip(rows[i].tolist(), rows[j].tolist(), strict=True)))
        for i in range(9)
        for j in range(i + 1, 9)
    ]
    assert len(kernel) == 36
    found = float(repulsion(rows, t))
    assert found == pytest.approx(math.log(sum(kernel) / 36), rel=1e-5)
    assert found == pytest.approx(float(torch.pdist(rows).pow(2).mul(-t).exp().mean().log()), rel=1e-5)


def test_repulsion_of_known_scenes() -> None:
    """||u_i - u_j||^2 is 0 for equal, 2 for orthogonal, 4 for opposite rows; its gradient on equal rows is 0, not nan."""
    assert float(repulsion(torch.eye(5), 2.0)) == pytest.approx(-4)
    assert float(repulsion(torch.tensor([[1.0, 0], [-1, 0]]), 3.0)) == pytest.approx(-12)
    equal = torch.full((6, 4), 0.5, requires_grad=True)
    loss = repulsion(equal, 2.0)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-6)
    assert torch.equal(equal.grad, torch.zeros(6, 4))


def test_vicreg_terms_are_numpys(generator: torch.Generator) -> None:
    first, second = (torch.randn(7, 3, generator=generator).double() for _ in range(2))
    x, y = first.numpy(), second.numpy()
    slow = sum((x[i, j] - y[i, j]) ** 2 for i in range(7) for j in range(3)) / 21
    assert float(invariance(first, second)) == pytest.approx(slow)
    hinge = np.maximum(0, 1 - np.sqrt(x.var(axis=0, ddof=1) + 1e-4)).mean()
    assert float(variance_hinge(first)) == pytest.approx(hinge)
    covariance = np.cov(x.T)
    penalty = sum(covariance[i, j] ** 2 for i in range(3) for j in range(3) if i != j) / 3
    assert float(covariance_penalty(first)) == pytest.approx(penalty)


def test_vicreg_terms_of_known_scenes(generator: torch.Generator) -> None:
    """Equal rows: hinge 1 - sqrt(1e-4) = .99, covariance 0. Std 2: no hinge. Two equal columns of variance v: 2 v^2 / 2."""
    equal = torch.full((8, 3), 0.7)
    assert float(variance_hinge(equal)) == pytest.approx(0.99)
    assert float(covariance_penalty(equal)) == 0
    x = torch.randn(50, 1, generator=generator)
    x = (x - x.mean()) / x.std()
    assert float(variance_hinge(2 * x)) == 0
    assert float(covariance_penalty(torch.cat([2 * x, 2 * x], 1))) == pytest.approx(16, rel=1e-5)
    assert float(covariance_penalty(torch.cat([2 * x, -2 * x], 1))) == pytest.approx(16, rel=1e-5)


def test_barlow_twins_is_batch_norm_and_loops(generator: torch.Generator) -> None:
    """Both views through torch's own batch norm without affine, C = za^T zb / B, then one term at a time."""
    first, second = (torch.randn(9, 4, generator=generator) * 3 + 1 for _ in range(2))
    a, b = (nn.BatchNorm1d(4, affine=False)(rows) for rows in (first, second))
    total = 0.0
    for i in range(4):
        for j in range(4):
            c = sum(float(a[n, i]) * float(b[n, j]) for n in range(9)) / 9
            total += (1 - c) ** 2 if i == j else 0.1 * c**2
    assert float(barlow_twins(first, second, 0.1)) == pytest.approx(total, rel=1e-5)


def test_barlow_twins_of_known_scenes() -> None:
    """Uncorrelated columns seen twice: C = I, loss 0; seen with the other sign: C = -I, 4 d. Equal columns: all C_ij = 1,
    lambda d (d-1). Equal rows: C = 0, d."""
    columns = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert float(barlow_twins(columns, columns, 0.5)) == pytest.approx(0, abs=1e-8)
    assert float(barlow_twins(columns, -columns, 0.5)) == pytest.approx(12, rel=1e-4)
    alike = columns[:, :1].repeat(1, 3)
    assert float(barlow_twins(alike, alike, 0.5)) == pytest.approx(0.5 * 6, rel=1e-4)
    assert float(barlow_twins(torch.full((4, 3), 0.7), torch.full((4, 3), 0.7), 0.5)) == pytest.approx(3)


def test_assignment_entropy(generator: torch.Generator) -> None:
    """H of the mean assignment: log M when even, also if each row is sure; 0, not nan, when one cluster takes all."""
    rows = torch.rand(6, 4, generator=generator).softmax(dim=1)
    mean = [sum(float(rows[n, i]) for n in range(6)) / 6 for i in range(4)]
    assert float(assignment_entropy(rows)) == pytest.approx(-sum(p * math.log(p) for p in mean), rel=1e-5)
    assert float(assignment_entropy(torch.eye(4).repeat(3, 1))) == pytest.approx(math.log(4))
    assert float(assignment_entropy(torch.eye(4)[[2, 2, 2]])) == 0


def test_chance_is_the_loss_of_equal_similarities(generator: torch.Generator) -> None:
    """The mean over rows of log(1 + what is left), and log(1 + K) with nothing left out."""
    exclude = torch.rand(5, 9, generator=generator) < 0.5
    exclude[2] = True
    loss = info_nce(torch.full((5,), 0.4), torch.full((5, 9), 0.4), 0.1, exclude)
    assert chance(9, exclude) == pytest.approx(float(loss), rel=1e-5)
    assert chance(9) == pytest.approx(math.log(10))
    assert chance(9, torch.ones(5, 9, dtype=torch.bool)) == 0


QUERIES = Origin(torch.tensor([5, 6, -1, 8]), torch.tensor([0, 1, 2, -1]))
KEYS = Origin(torch.tensor([6, -1, 5, 9, 6]), torch.tensor([1, -1, 0, 2, 0]))
OWN = torch.tensor([[0, 0, 1, 0, 0], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]).bool()
ALIKE = torch.tensor([[0, 0, 1, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]).bool()


@pytest.mark.parametrize(("own", "alike"), [(True, False), (False, True), (True, True)])
def test_left_out_are_the_own_image_and_the_own_class(
    own: bool, alike: bool, generator: torch.Generator
) -> None:
    """By index and by label; -1 is unknown and matches nothing, not even another unknown. Nothing is drawn for it."""
    state = generator.get_state()
    found = left_out(QUERIES, KEYS, Masks(mask_false_negatives=alike), generator, own)
    expected = (OWN & own) | (ALIKE & alike)
    assert torch.equal(found, expected)
    assert torch.equal(state, generator.get_state())


def test_without_masks_and_without_labels_nothing_is_left_out(generator: torch.Generator) -> None:
    assert left_out(QUERIES, KEYS, Masks(), generator, own=False) is None
    bare = Origin(KEYS.index, None)
    assert left_out(QUERIES, bare, Masks(mask_false_negatives=True), generator, own=False) is None
    assert torch.equal(left_out(QUERIES, bare, Masks(mask_false_negatives=True), generator), OWN)


@pytest.mark.parametrize("share", [0.1, 0.7, 0.99])
def test_the_random_mask_is_drawn_from_the_generator(share: float, generator: torch.Generator) -> None:
    """Of 200 x 500 keys the share left out is within 4 sd, sqrt(p (1-p) / 100,000); the same seed, the same keys."""
    queries, keys = (Origin(torch.arange(n) + at, torch.arange(n) % 7) for n, at in ((200, 0), (500, 10_000)))
    found = left_out(queries, keys, Masks(mask_random=share), generator)
    again = left_out(queries, keys, Masks(mask_random=share), torch.Generator().manual_seed(0))
    assert float(found.float().mean()) == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / 1e5))
    assert torch.equal(found, again)
    assert not torch.equal(found, left_out(queries, keys, Masks(mask_random=share), generator))
    assert found.float().mean(dim=1).std() < 3 * math.sqrt(share * (1 - share) / 500), "each key alone"


def test_a_random_mask_adds_to_the_others(generator: torch.Generator) -> None:
    found = left_out(QUERIES, KEYS, Masks(mask_false_negatives=True, mask_random=0.5), generator)
    drawn = torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) < 0.5
    assert torch.equal(found, OWN | ALIKE | drawn)


def test_the_proxy_task_is_lost_on_a_tie() -> None:
    """Three queries with two negatives each: above both, equal to the larger, between them. One of three is won."""
    negative = torch.tensor([[0.1, 0.3]] * 3)
    positive = torch.tensor([0.4, 0.3, 0.2])
    assert float(proxy_accuracy(positive, negative, 64)) == pytest.approx(1 / 3)
    left = without(negative, torch.tensor([[False, True]] * 3))
    assert left.tolist() == [[pytest.approx(0.1), -math.inf]] * 3
    assert float(proxy_accuracy(positive, left, 64)) == 1
    assert without(negative, None) is negative


@pytest.mark.parametrize("dim", [2, 64, 2048])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_equal_similarities_are_not_won(dim: int, kind: torch.dtype) -> None:
    """One direction, of 200 lengths: all 4096 cosines are 1 but for rounding, whose largest of all is below the tolerance.

    Normalised in float32 the rows differ in their last digits. In half precision the rows and the cosines are rounded to it.
    """
    g = torch.Generator().manual_seed(0)
    direction = torch.randn(dim, generator=g)
    lengths = torch.rand(4096, 1, generator=g) * 10 + 0.1
    rows = normalize(direction * lengths, dim=1).to(kind)
    queries, keys = rows[:200], rows[200:]
    positive = (queries.float() * keys[:200].float()).sum(dim=1)
    negative = queries @ keys.T
    assert float(proxy_accuracy(positive, negative, dim)) == 0
    assert float(proxy_accuracy(negative.amax(dim=1), negative, dim)) == 0
    if kind == torch.float32:
        assert float((positive > negative.amin(dim=1)).float().mean()) > 0, "there is rounding to be seen"
        assert float(proxy_accuracy(negative.amax(dim=1) + 1e-4, negative, dim)) == 1


@pytest.mark.parametrize("dim", [1, 64, 2048, 16384])
def test_the_tolerance_is_some_roundings_of_a_dot_product(dim: int) -> None:
    """8 sqrt(d) u, u = 2^-24: above the error of a sum in float32 of d equal terms, taken one after another, and below 1e-4."""
    tolerance = rounding(dim, torch.float32)
    assert tolerance == pytest.approx(8 * math.sqrt(dim) * 2**-24)
    assert tolerance < 1e-4
    row = normalize(torch.rand(dim, generator=torch.Generator().manual_seed(1)), dim=0)
    total = torch.zeros(())
    for term in row * row:
        total = total + term
    assert abs(float(total) - float(row.double().square().sum())) < tolerance / 2
    assert rounding(dim, torch.float32, torch.bfloat16) == pytest.approx(tolerance + 2**-7)


def test_wins_are_by_more_than_rounding() -> None:
    """In 16 dimensions 8 x 4 x 2^-24 = 1.9e-6: ahead by 1.7e-6 is not won, by 2.4e-6 it is."""
    negative = torch.tensor([[0.0, -1.0]] * 3)
    assert won(torch.tensor([1.7e-6, 2.4e-6, 0.0]), negative, 16).tolist() == [False, True, False]
    nobody = torch.full((1, 2), -torch.inf)
    assert won(torch.tensor([-1.0]), nobody, 16).tolist() == [True]
    assert (
        rounding(16, torch.float32, torch.float64)
        == rounding(16, torch.float32)
        == pytest.approx(8 * 4 * 2**-24)
    )
    assert rounding(16, torch.float16) == pytest.approx(8 * 4 * 2**-24 + 2**-10)


def test_unknown_numbers_are_nobodys() -> None:
    """0 is known, -1 is not."""
    assert same(torch.tensor([0, -1, 2]), torch.tensor([0, -1])).tolist() == [
        [True, False],
        [False, False],
        [False, False],
    ]
    origin = Origin(torch.tensor([0, -1]), None)
    assert own_image(origin, origin, torch.Generator()).tolist() == [[True, False], [False, False]]


def test_small_constants_of_variances() -> None:
    """A column of variance 1 - 1e-4 is at the hinge, without eps below it. Standardised, 1e-5 is added to 9e-6."""
    column = torch.tensor([[1.0], [-1.0]]).double() * (0.5 * (1 - 1e-4)) ** 0.5
    assert float(variance_hinge(column)) == pytest.approx(0, abs=1e-12)
    assert float(variance_hinge(column, eps=0.0)) == pytest.approx(1 - (1 - 1e-4) ** 0.5)
    rows = torch.tensor([[0.003], [-0.003]]).double()  # variance 9e-6, divided by B
    assert standardised(rows, 1e-5).flatten().tolist() == pytest.approx([(9 / 19) ** 0.5, -((9 / 19) ** 0.5)])
    assert float(barlow_twins(rows, rows, 1.0)) == pytest.approx((10 / 19) ** 2)


def test_sigreg_has_a_closed_form(generator: torch.Generator) -> None:
    """Of numbers x along a direction: B (sqrt(2 pi) mean_ij exp(-(x_i - x_j)^2 / 2) - 2 sqrt(pi) mean_i exp(-x_i^2 / 4)
    + sqrt(2 pi / 3)), which is the integral itself. 17 knots in [-5, 5] come to it for numbers within 2.5 of 0.
    """
    rows = 4 * torch.rand(30, 3, generator=generator, dtype=torch.double) - 2
    rows[0] = 0.3
    x = rows @ (directions := torch.eye(3, dtype=torch.double))  # (30, 3)
    pairs = (-(x.unsqueeze(0) - x.unsqueeze(1)).square() / 2).exp().mean(dim=(0, 1))
    to_gaussian = (-x.square() / 4).exp().mean(dim=0)
    exact = 30 * (
        math.sqrt(2 * math.pi) * pairs - 2 * math.sqrt(math.pi) * to_gaussian + math.sqrt(2 * math.pi / 3)
    )
    for each, expected in zip(directions.T, exact, strict=True):
        assert float(sigreg(rows, each.unsqueeze(1))) == pytest.approx(float(expected), rel=1e-3)
    assert float(sigreg(rows, directions)) == pytest.approx(float(exact.mean()), rel=1e-3)


def test_sigreg_tells_a_gaussian_from_a_point(generator: torch.Generator) -> None:
    """N(0, I): sqrt(2 pi) - sqrt(2 pi / 3) = 1.06 is expected for any B. A point at 0: .409 B. A line lies between."""
    directions = normalize(torch.randn(16, 200, generator=generator), dim=0)
    gaussian = [float(sigreg(torch.randn(64, 16, generator=generator), directions)) for _ in range(60)]
    expected = math.sqrt(2 * math.pi) - math.sqrt(2 * math.pi / 3)
    assert sum(gaussian) / 60 == pytest.approx(expected, rel=0.05)
    point = float(sigreg(torch.zeros(64, 16), directions))
    assert point == pytest.approx(
        64 * (math.sqrt(2 * math.pi) - 2 * math.sqrt(math.pi) + math.sqrt(2 * math.pi / 3)), rel=1e-5
    )
    line = torch.randn(64, 1, generator=generator) * 4 * directions[:, :1].T  # of the same total variance, 16
    assert 5 < float(sigreg(line, directions)) < point
