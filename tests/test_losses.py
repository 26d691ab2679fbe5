"""Losses against slow loops and closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from collapse_cli.losses import attraction, info_nce


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
