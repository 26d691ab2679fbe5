from __future__ import annotations

import pytest
import torch

from collapse_cli.data import statistics
from collapse_cli.data.statistics import normalisation
from collapse_cli.shapes import Images


def images(pixels: torch.Tensor) -> Images:
    return Images(pixels, None, (), "x")


def test_mean_and_deviation_of_a_known_image() -> None:
    """Channel 0 half 0 and half 255: mean 1/2, std 1/2. Channel 1 half 51 and half 153: 0.2 and 0.6, so 0.4 and 0.2."""
    pixels = torch.zeros(2, 2, 4, 4, dtype=torch.uint8)
    pixels[1, 0], pixels[0, 1], pixels[1, 1] = 255, 51, 153
    found = normalisation(images(pixels))
    assert found.mean == pytest.approx((0.5, 0.4), abs=1e-12)
    assert found.std == pytest.approx((0.5, 0.2), abs=1e-12)


def test_normalised_images_have_mean_0_and_deviation_1() -> None:
    """1,025 images: over two pieces of 512 and one left over."""
    pixels = torch.randint(256, (1025, 3, 2, 5), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    rows = normalisation(images(pixels))(pixels.double() / 255).transpose(0, 1).flatten(1)
    assert torch.allclose(rows.mean(1), torch.zeros(3, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(rows.std(1, unbiased=False), torch.ones(3, dtype=torch.float64), atol=1e-9)


@pytest.mark.parametrize("level", [0, 1, 37, 254, 255])
def test_a_constant_channel_has_deviation_1(level: int) -> None:
    found = normalisation(images(torch.full((600, 1, 8, 8), level, dtype=torch.uint8)))
    assert found.mean == pytest.approx((level / 255,))
    assert found.std == (1.0,)


def test_at_most_so_many_images_are_looked_at_from_first_to_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 of 5: images 0, 2 and 4, whose levels 0, 102 and 204 have the mean 0.4."""
    monkeypatch.setattr(statistics, "COUNTED", 3)
    pixels = torch.tensor([0, 255, 102, 255, 204], dtype=torch.uint8).view(5, 1, 1, 1)
    assert normalisation(images(pixels)).mean == pytest.approx((0.4,))
