"""VICReg: three terms, their weights, and where z is all one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_three_terms_of_raw_z(build: Make, batch: Batch) -> None:
    """lambda mse + mu (hinge + hinge')/2 + nu (cov + cov'), by numpy, of z as the projector gives it, not normalised."""
    method = build("vicreg", invariance=3.0, variance=5.0, covariance=7.0)
    z = [
        method.projector(method.encoder(view)).detach().double().numpy()
        for view in (batch.first, batch.second)
    ]
    mse = ((z[0] - z[1]) ** 2).mean()
    hinge = [np.maximum(0, 1 - np.sqrt(rows.var(axis=0, ddof=1) + 1e-4)).mean() for rows in z]
    penalty = [(np.cov(rows.T) ** 2).sum() / 8 - (np.diag(np.cov(rows.T)) ** 2).sum() / 8 for rows in z]
    terms = {"invariance": mse, "variance hinge": sum(hinge) / 2, "covariance": sum(penalty)}
    expected = 3 * terms["invariance"] + 5 * terms["variance hinge"] + 7 * terms["covariance"]
    assert float(method.loss(batch).detach()) == pytest.approx(expected, rel=1e-4)
    assert method.diagnostics() == pytest.approx(terms, rel=1e-4)


@pytest.mark.parametrize("weight", [25.0, 4.0, 0.0])
def test_collapsed_z_costs_the_hinge(weight: float, build: Make, batch: Batch) -> None:
    method = build("vicreg", variance=weight)
    with torch.no_grad():
        method.projector[-1].weight.zero_()
    assert float(method.loss(batch).detach()) == pytest.approx(0.99 * weight, abs=1e-5)
    assert method.chance() == pytest.approx(0.99 * weight)
