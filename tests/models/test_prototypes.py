"""Prototypes and balanced codes: cosines, marginals, and the published iteration."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from collapse_cli.models.prototypes import Prototypes, sinkhorn


def published(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """SwAV, appendix A: Q = exp(scores / epsilon) of sum 1; columns to 1/K, then rows to 1/B, in turn, rows at last to 1."""
    q = (scores.double() / epsilon).exp()
    q /= q.sum()
    for _ in range(iterations):
        for k in range(q.shape[1]):
            q[:, k] /= q[:, k].sum() * q.shape[1]
        for b in range(len(q)):
            q[b] /= q[b].sum() * len(q)
    return q * len(q)


def test_scores_are_cosines(generator: torch.Generator) -> None:
    """Of any length of z and of the prototypes, whose gradient is then orthogonal to them."""
    prototypes, z = Prototypes(5, 3), 7 * torch.randn(4, 3, generator=generator)
    with torch.no_grad():
        prototypes.weight.mul_(3)
    scores = prototypes(z)
    for b in range(4):
        torch.testing.assert_close(scores[b], cosine_similarity(z[b : b + 1], prototypes.weight))
    scores.square().sum().backward()
    assert prototypes.weight.grad is not None
    torch.testing.assert_close(
        (prototypes.weight * prototypes.weight.grad).sum(dim=1), torch.zeros(5), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(("epsilon", "iterations"), [(0.05, 1), (0.05, 3), (0.5, 7)])
def test_codes_are_those_of_the_published_loop(
    epsilon: float, iterations: int, generator: torch.Generator
) -> None:
    scores = 2 * torch.rand(12, 5, generator=generator) - 1
    found = sinkhorn(scores, epsilon, iterations)
    torch.testing.assert_close(found.double(), published(scores, epsilon, iterations), rtol=1e-4, atol=1e-6)


def test_marginals_are_even(generator: torch.Generator) -> None:
    """Rows sum to 1 after any number of iterations; columns come to B/K, though one prototype is the nearest of all rows."""
    scores = torch.rand(30, 6, generator=generator) / 4
    scores[:, 2] += 0.5
    for iterations in (1, 3, 300):
        torch.testing.assert_close(sinkhorn(scores, 0.05, iterations).sum(dim=1), torch.ones(30))
    torch.testing.assert_close(
        sinkhorn(scores, 0.05, 300).sum(dim=0), torch.full((6,), 5.0), rtol=1e-4, atol=0
    )
    assert (scores / 0.05).softmax(dim=1)[:, 2].sum() > 29, "without them it has nearly all"


def test_equal_scores_have_uniform_codes_and_none_overflows() -> None:
    torch.testing.assert_close(sinkhorn(torch.full((4, 8), 0.7), 0.05, 3), torch.full((4, 8), 1 / 8))
    sharp = sinkhorn(torch.eye(4), 1e-3, 3)
    torch.testing.assert_close(sharp, torch.eye(4))
    assert not sinkhorn(torch.eye(4).requires_grad_(), 0.05, 3).requires_grad
