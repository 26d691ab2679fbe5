"""What is said of linear networks: sentences, curves for a few of many directions, layers that meet at every index."""

from __future__ import annotations

import math

import pytest
import torch

from collapse_cli.labs.linear_dynamics import FOLLOWED, _entries, _over_time, _overlap
from collapse_cli.labs.linear_results import Dynamics, extremes, verdict
from collapse_cli.metrics.layer_alignment import pair


def found(alive: float, negative: float | None) -> Dynamics:
    return Dynamics(alive=alive, dead=16 - alive, negative=negative, gap=0, participation_ratio=0, loss=0)


@pytest.mark.parametrize(
    ("alive", "negative", "layers", "status", "reasons"),
    [
        (16, 0, 1, "healthy", 0),
        (15.5, 0.5, 1, "healthy", 0),
        (8, 8, 1, "dimensional collapse", 1),
        (5, 8, 3, "dimensional collapse", 2),
        (8, 8, 3, "dimensional collapse", 1),
        (0, None, 2, "complete collapse", 0),
    ],
)
def test_verdicts(alive: float, negative: float | None, layers: int, status: str, reasons: int) -> None:
    """Dead by augmentation is said where any is dead; by depth where a layer more is and X does not account for all of them."""
    said = verdict(found(alive, negative), 16, layers)
    assert (said.status, len(said.reasons)) == (status, reasons)
    assert said.sentence == f"{alive:g} of 16 dimensions survive training"


def test_what_depth_took_is_the_rest() -> None:
    """Of 11 dead X was negative along 8: 3 are left for three layers."""
    said = verdict(found(5, 8), 16, 3)
    assert said.reasons[1] == "3 more are lost through the depth of 3 layers"


def test_the_extremes_of_a_phase_diagram() -> None:
    said = extremes({"a": 16.0, "b": 4.5, "c": 9.0}, 16)
    assert said.status == "dimensional collapse"
    assert said.sentence == "from 16 of 16 dimensions (a) down to 4.5 (b)"


@pytest.mark.parametrize("width", [2, FOLLOWED, FOLLOWED + 1, 128])
def test_of_many_directions_some_are_followed_from_first_to_last(width: int) -> None:
    family = _over_time(torch.arange(3 * width).view(3, width).double(), [0, 1, 5])
    names = list(family)
    assert len(names) == min(width, FOLLOWED)
    assert (names[0], names[-1]) == ("σ1", f"σ{width}")
    assert tuple(family[f"σ{width}"]) == (width - 1, 2 * width - 1, 3 * width - 1)


def test_layers_that_meet_do_so_at_every_index() -> None:
    """The same diagonal layer twice: A = 1, so each block and each |A_kk| is 1. Its last two σ are equal: only a block aligns."""
    layer = torch.diag(torch.tensor([4.0, 3.0, 1.0, 1.0], dtype=torch.float64))
    pairs = [pair(layer, layer)] * 2
    overlap, entries = _overlap(pairs), _entries(pairs)
    assert tuple(overlap)[:2] == pytest.approx((1, 1))
    assert overlap[3] == pytest.approx(1)
    assert overlap.null == (0.25, 0.5, 0.75, 1)
    assert entries is not None
    assert [math.isfinite(one) for one in entries][2:] == [False, False]
    assert entries[0] == pytest.approx(1)
    assert entries.null == pytest.approx([math.sqrt(2 / (4 * math.pi))] * 4)
