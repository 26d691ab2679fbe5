"""Positions on a grid: which square they are of, and what stretching does to a plane, whose values are known everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from collapse_cli.models.positions import STRETCHES, grid, stretched


def plane(side: int) -> Tensor:
    """(1,side²,2): of each patch its row and its column, in patches."""
    rows, columns = torch.meshgrid(torch.arange(float(side)), torch.arange(float(side)), indexing="ij")
    return torch.stack([rows, columns], dim=-1).reshape(1, -1, 2)


def test_the_square_among_the_positions() -> None:
    """196 patches of 14 x 14, with no token before them, a class token, that and a distillation token, or four registers more."""
    assert grid(196) == (14, 0)
    assert grid(197) == (14, 1)
    assert grid(198, (0, 1, 2)) == (14, 2)
    assert grid(201, (0, 1, 5)) == (14, 5)
    for count in (0, 1 + 14 * 13, 199):
        with pytest.raises(ValueError, match=f"its {count} positions are of no square grid"):
            grid(count)


@pytest.mark.parametrize("way", STRETCHES)
def test_the_same_side_changes_nothing(way: str) -> None:
    positions = torch.randn(1, 25, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(stretched(positions, 5, 5, way), positions)


def test_where_the_patches_of_a_smaller_image_lie() -> None:
    """Patch i of n lies at (i + 1/2) s - 1/2 among g, where s = g / n, and by DINO's factor s = g / (n + 0.1).

    From 12 to 4 these are whole numbers for s = 3, at which bicubic interpolation picks; between them torch's kernel is off
    a plane by less than 0.06. An average is symmetric about the centre, 5.5.
    """
    rows = {way: stretched(plane(12), 4, 4, way).reshape(4, 4, 2)[:, 1, 0] for way in STRETCHES}
    torch.testing.assert_close(rows["plain"], torch.tensor([1.0, 4.0, 7.0, 10.0]))
    torch.testing.assert_close(rows["antialias"] + rows["antialias"].flip(0), torch.full((4,), 11.0))
    by_factor = (torch.arange(4.0) + 0.5) * 12 / 4.1 - 0.5  # 0.96, 3.89, 6.82, 9.74
    assert (rows["factor"] - by_factor).abs().max() < 0.06
    columns = stretched(plane(12), 4, 4, "plain").reshape(4, 4, 2)[1, :, 1]
    torch.testing.assert_close(columns, rows["plain"])


def test_antialiasing_averages_where_positions_become_fewer() -> None:
    """Positions that alternate along a row average to zero when 12 become 4; without antialiasing each is one of them."""
    waves = torch.tensor([1.0, -1.0]).repeat(6).repeat(12, 1).reshape(1, 144, 1)
    averaged, picked = (stretched(waves, 4, 4, way).abs().mean() for way in ("antialias", "plain"))
    assert averaged < 0.15
    assert picked > 0.9


def test_other_sides_need_not_be_equal() -> None:
    assert all(stretched(plane(4), 3, 7, way).shape == (1, 21, 2) for way in STRETCHES)
