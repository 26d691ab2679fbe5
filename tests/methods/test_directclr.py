"""DirectCLR: the loss sees the first d0 dimensions of h, and only they get gradient from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_both_directions_over_the_other_view(
    build: Make, embed: Make, slow_info_nce: Make, batch: Batch
) -> None:
    """Half the sum of two cross-entropies, B-1 negatives each: the second views of the others, then the first views."""
    method = build("directclr", subvector=8, temperature=0.3)
    first, second = (embed(method.encoder, method.projector, view) for view in (batch.first, batch.second))
    there, back = (
        slow_info_nce(q, k, [[k[j] for j in range(16) if j != b] for b in range(16)], 0.3)
        for q, k in ((first, second), (second, first))
    )
    assert float(method.loss(batch).detach()) == pytest.approx((there + back) / 2, rel=1e-5)
    assert method.chance() == pytest.approx(math.log(16))


@pytest.mark.parametrize("width", [1, 8, 127, 128])
def test_the_other_dimensions_get_no_gradient(width: int, build: Make, batch: Batch) -> None:
    """d loss / d h is exactly 0 beyond d0 of the 128 dimensions, in both views; with d0 = 1, u = 1 and all of it is 0."""
    method, seen = build("directclr", subvector=width), []
    method.encoder.register_forward_hook(lambda _, __, h: (h.retain_grad(), seen.append(h))[1])
    method.loss(batch).backward()
    assert len(seen) == 2
    for h in seen:
        assert method.projector(h).shape == (16, width)
        assert torch.equal(method.projector(h), h[:, :width])
        assert torch.equal(h.grad[:, width:], torch.zeros(16, 128 - width))
        # h comes from a ReLU: a dimension that is 0 in all rows of both views may rest
        assert width == 1 or float((h.grad[:, :width].abs().amax(0) > 0).float().mean()) > 0.9
    assert list(method.projector.parameters()) == []


def test_what_cannot_be(build: Make) -> None:
    with pytest.raises(CollapseError, match="directclr has no projector") as raised:
        build("directclr", head_layers=2)
    assert raised.value.hint == "give --head-layers 0, its default"
    with pytest.raises(CollapseError, match="--subvector 129 is more than the 128 dimensions of mlp"):
        build("directclr", subvector=129)
    with pytest.raises(CollapseError, match="more than the 64 dimensions of resnet8"):
        build("directclr", subvector=65, encoder="resnet8")
