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
