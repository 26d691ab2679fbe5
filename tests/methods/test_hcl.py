"""HCL: DCL whose negatives are weighted by how hard they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from collapse_cli.losses import debiased_nce
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_knobs_are_the_formulas(build: Make, embed: Make, batch: Batch) -> None:
    method = build("hcl", temperature=0.3, class_prior=0.2, hardness=0.7)
    rows = [embed(method.encoder, method.projector, view) for view in (batch.first, batch.second)]
    torch.testing.assert_close(method.loss(batch), debiased_nce(*rows, 0.3, 0.2, 0.7))
    assert method.chance() == pytest.approx(math.log(31))


def test_without_hardness_it_is_dcl_and_with_it_the_loss_is_higher(build: Make, batch: Batch) -> None:
    """Weights that rise with the similarity raise its weighted mean (Chebyshev's sum inequality), so g and the loss."""
    dcl = build("dcl").loss(batch)
    losses = [build("hcl", hardness=hardness).loss(batch).detach() for hardness in (0.0, 0.5, 1.0, 2.0)]
    torch.testing.assert_close(losses[0], dcl.detach())
    assert losses == sorted(losses)
    assert float(losses[3] - losses[0]) > 0.01
