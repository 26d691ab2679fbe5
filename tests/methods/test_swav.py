"""SwAV: the swapped prediction by hand, codes without gradient, and codes that are not balanced."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from collapse_cli.models.prototypes import sinkhorn
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


class InTurn(nn.Module):
    """Gives what it holds, whatever it is given."""

    def __init__(self, held: list[Tensor]) -> None:
        super().__init__()
        self.turns = iter(held)

    def forward(self, rows: Tensor) -> Tensor:
        return next(self.turns)


@pytest.mark.parametrize("balanced", [True, False])
def test_the_loss_is_the_slow_loop(balanced: bool, build: Make, batch: Batch) -> None:
    """Eq. 1 and 2: each view's softmax over prototypes against the other view's code, -sum_k q log p, half of both."""
    method = build(
        "swav", prototypes=5, softmax_temperature=0.2, epsilon=0.1, iterations=2, sinkhorn=balanced
    )
    with torch.no_grad():
        z = [method.projector(method.encoder(view)) for view in (batch.first, batch.second)]
        scores = [
            torch.stack([cosine_similarity(row[None], method.prototypes.weight) for row in rows])
            for rows in z
        ]
    codes = [sinkhorn(each, 0.1, 2) if balanced else (each / 0.1).softmax(dim=1) for each in scores]
    total = 0.0
    for row, code in ((scores[0], codes[1]), (scores[1], codes[0])):
        for s, q in zip(row.double().tolist(), code.double().tolist(), strict=True):
            below = sum(math.exp(each / 0.2) for each in s)
            total -= sum(q[k] * math.log(math.exp(s[k] / 0.2) / below) for k in range(5)) / 2
    assert float(method.loss(batch).detach()) == pytest.approx(total / len(batch.first), rel=1e-4)


def test_codes_take_no_gradient(build: Make, batch: Batch) -> None:
    """The gradient is that of the softmax alone, with the codes held fixed: (p - q) / (2 tau B) of each score."""
    method = build("swav", prototypes=5, softmax_temperature=0.2)
    generator = torch.Generator().manual_seed(2)
    scores = [torch.rand(len(batch.first), 5, generator=generator).requires_grad_() for _ in range(2)]
    method.prototypes = InTurn(scores)
    method.loss(batch).backward()
    codes = [method.codes(each) for each in scores]
    for own, other in zip(scores, codes[::-1], strict=True):
        expected = ((own / 0.2).softmax(dim=1) - other) / (0.2 * len(own) * 2)
        torch.testing.assert_close(own.grad, expected.detach())


def test_prototypes_in_use(build: Make, batch: Batch) -> None:
    """One without balance, where all embeddings and the first prototype agree; balanced codes of equal rows are uniform."""
    for balanced, entropy in ((False, 0.0), (True, 1.0)):
        method = build("swav", prototypes=5, sinkhorn=balanced, epsilon=0.02)
        with torch.no_grad():
            method.projector[-1].weight.zero_()
            method.projector[-1].bias.copy_(torch.eye(8)[0])
            method.prototypes.weight.copy_(torch.eye(8)[:5])
        method.loss(batch)
        found = method.diagnostics()
        assert found["H(Q) / log K"] == pytest.approx(entropy, abs=1e-5)
        if not balanced:
            assert found["prototypes used"] == 1
        assert method.repels is balanced
