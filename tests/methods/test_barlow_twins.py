"""Barlow Twins: correlations across the views of raw z."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_numpys_correlations(build: Make, batch: Batch) -> None:
    """Pearson's correlation of each dimension of one view with each of the other; z scaled up, so eps = 1e-5 is nothing."""
    method = build("barlow-twins", redundancy=0.3)
    with torch.no_grad():
        method.projector[-1].weight.mul_(100)
    z = [method.projector(method.encoder(view)).detach().numpy() for view in (batch.first, batch.second)]
    c = np.corrcoef(z[0].T, z[1].T)[:8, 8:]
    off = (c**2).sum() - (np.diag(c) ** 2).sum()
    expected = ((1 - np.diag(c)) ** 2).sum() + 0.3 * off
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("layers", "dimensions"), [(2, 8), (0, 128)])
def test_chance_is_the_width_of_z(layers: int, dimensions: int, build: Make) -> None:
    assert build("barlow-twins", head_layers=layers).chance() == dimensions
