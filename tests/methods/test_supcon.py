"""SupCon: the loss of losses.py on this method's own rows and the batch's labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from collapse_cli.losses import nt_xent, supcon
from collapse_cli.shapes import Batch

Make = Callable[..., Any]


def test_the_loss_is_of_unit_rows_and_labels(build: Make, embed: Make, batch: Batch) -> None:
    """And with 16 different labels it is NT-Xent."""
    method = build("supcon", temperature=0.3)
    rows = [embed(method.encoder, method.projector, view) for view in (batch.first, batch.second)]
    torch.testing.assert_close(method.loss(batch), supcon(*rows, batch.labels, 0.3))
    apart = replace(batch, labels=torch.arange(16))
    torch.testing.assert_close(method.loss(apart), nt_xent(*rows, 0.3))
    assert method.chance() == pytest.approx(math.log(31))
