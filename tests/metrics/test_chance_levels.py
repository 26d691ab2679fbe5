"""The losses at which nothing is told apart."""

from __future__ import annotations

import math

import pytest
import torch

from collapse_cli.losses import info_nce
from collapse_cli.metrics.chance_levels import chance_levels, level_of


def test_by_name() -> None:
    """B = 256 in 4 processes, a queue of 65,536, 1,000 prototypes."""
    assert chance_levels(256, 4, 65536, 1000) == {
        "ln B": math.log(256),
        "ln(B·world)": math.log(1024),
        "ln(2B-1)": math.log(511),
        "ln(2B·world-1)": math.log(2047),
        "ln(K+1)": math.log(65537),
        "ln(prototypes)": math.log(1000),
    }
    assert list(chance_levels(256)) == ["ln B", "ln(2B-1)"]
    assert chance_levels(1) == {}


def test_equal_keys_are_at_a_level() -> None:
    """InfoNCE of equal similarities, of one positive and 255 negatives: ln 256, whatever the temperature."""
    loss = float(info_nce(torch.ones(8), torch.ones(8, 255), 0.07))
    assert level_of(loss, chance_levels(256)) == "ln B"
    assert level_of(loss, chance_levels(512, queue=255)) == "ln(K+1)"


@pytest.mark.parametrize(
    ("loss", "name"), [(5.5461, "ln B"), (5.5463, None), (6.2364, "ln(2B-1)"), (-1.0, None)]
)
def test_near_to_a_thousandth(loss: float, name: str | None) -> None:
    """ln 256 = 5.54518, ln 511 = 6.23637."""
    assert level_of(loss, chance_levels(256)) == name


def test_not_a_number_is_at_none() -> None:
    assert level_of(math.nan, chance_levels(256)) is None
