"""DCL: NT-Xent whose negatives are debiased by the prior."""

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
    method = build("dcl", temperature=0.3, class_prior=0.2)
    rows = [embed(method.encoder, method.projector, view) for view in (batch.first, batch.second)]
    torch.testing.assert_close(method.loss(batch), debiased_nce(*rows, 0.3, 0.2))
    assert method.chance() == pytest.approx(math.log(31))


def test_without_a_prior_it_is_end_to_end(build: Make, batch: Batch) -> None:
    """Both see the 2B-2 views of the other images."""
    biased, debiased = build("end-to-end", temperature=0.3), build("dcl", temperature=0.3, class_prior=0.0)
    torch.testing.assert_close(debiased.loss(batch), biased.loss(batch))
    assert debiased.chance() is not None
    assert build("dcl").chance() is None, "no batch yet"
