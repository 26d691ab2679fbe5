"""Is it the network, or the data set? Ratios by closed form, and each ruling on rows whose truth is planted."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.metrics.contrast import Sides, contrast


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


WIDE, OTHER = normal(400, 16), normal(400, 16, 1)
SAME = Sides(OTHER, WIDE)
FEW = OTHER * torch.tensor([1.0] * 2 + [1e-4] * 14)


def narrowed(factor: float) -> Sides:
    """A set whose deviations are so much smaller than the reference's, about another place."""
    return Sides(5 + factor * OTHER, WIDE)


def test_ratios() -> None:
    """Deviations times 3: the traces of the covariances are as 9 to 1, up to the two samples; ranks are the same."""
    sides = Sides(7 + 3 * WIDE, WIDE)
    assert float(sides.variance_ratio()) == pytest.approx(9)
    low, high = sides.variance_ratio().interval or (0.0, 0.0)
    assert low < 9 < high < 11
    assert Sides(WIDE, WIDE).rank_ratio() == pytest.approx(1)
    assert Sides(FEW, WIDE).rank_ratio() == pytest.approx(2 / 15.6, abs=0.02)  # of unit rows: less than 16


def test_equal_rows_have_none_of_the_variance() -> None:
    result = contrast(Sides(torch.ones(50, 4), WIDE[:, :4]), [SAME], SAME, one_way=True)
    assert (float(result.variance_ratio), result.ruling) == (0.0, "one point")


@pytest.mark.parametrize(
    ("network", "untrained", "inputs", "ruling"),
    [
        (narrowed(0.05), SAME, SAME, "one point"),  # .0025 of the variance of inputs that differ as much
        (narrowed(0.05), narrowed(0.05), SAME, "narrow"),  # no network tells these apart: textures
        (narrowed(0.05), SAME, narrowed(0.05), "narrow"),  # near copies, which batch norm blew up
        (
            narrowed(0.005),
            narrowed(0.1),
            narrowed(0.1),
            "one point",
        ),  # narrow, and far narrower in the network
        (narrowed(0.8), SAME, SAME, "offset"),  # as spread as the inputs
        (narrowed(0.4), SAME, SAME, "not told"),  # .16: less, but not ten times less
    ],
)
def test_where_all_point_one_way(network: Sides, untrained: Sides, inputs: Sides, ruling: str) -> None:
    assert contrast(network, [SAME, untrained], inputs, one_way=True).ruling == ruling


@pytest.mark.parametrize(
    ("network", "untrained", "inputs", "ruling"),
    [
        (Sides(FEW, WIDE), SAME, SAME, "few dimensions"),
        (Sides(FEW, WIDE), Sides(FEW, WIDE), SAME, "simple"),
        (Sides(FEW, WIDE), SAME, Sides(FEW, WIDE), "simple"),
        (SAME, SAME, SAME, "not told"),
    ],
)
def test_where_few_dimensions_are_active(
    network: Sides, untrained: Sides, inputs: Sides, ruling: str
) -> None:
    assert contrast(network, [untrained], inputs, one_way=False).ruling == ruling


def test_embeddings_alone_tell_less() -> None:
    """Nothing is known of the inputs: nearly one point, as spread, or in between."""
    rulings = [contrast(narrowed(f), [], None, one_way=True).ruling for f in (0.05, 0.4, 1.0)]
    assert rulings == ["one point", "not told", "offset"]
    assert contrast(Sides(FEW, WIDE), [], None, one_way=False).ruling == "not told"


def test_scales_and_order_change_nothing() -> None:
    before = contrast(narrowed(0.2), [SAME], SAME, one_way=True)
    scaled = Sides(1e6 * (5 + 0.2 * OTHER.flip(0)), 1e6 * WIDE)
    after = contrast(scaled, [SAME], SAME, one_way=True)
    assert float(after.variance_ratio) == pytest.approx(float(before.variance_ratio))
    assert after.ruling == before.ruling
