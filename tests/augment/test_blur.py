"""Blur: torchvision's Gaussian on the same numbers, and who is blurred."""

import math

import pytest
import torch
import torchvision.transforms.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import Generator

from collapse_cli.augment import blur as module
from collapse_cli.augment.blur import blur, smooth


def seeded(seed=0):
    return Generator().manual_seed(seed)


@pytest.mark.parametrize(("shape", "radius"), [((4, 3, 32, 32), 1), ((3, 1, 8, 8), 1), ((3, 3, 24, 40), 4)])
def test_smooth_is_torchvisions_gaussian_blur(shape, radius):
    images = torch.rand(shape, generator=seeded())
    sigma = torch.tensor([0.1, 0.7, 2.0, 6.0])[: shape[0]]
    size = [2 * radius + 1] * 2
    theirs = [TF.gaussian_blur(i, size, [float(s)] * 2) for i, s in zip(images, sigma, strict=True)]
    torch.testing.assert_close(smooth(images, sigma, radius), torch.stack(theirs), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("size", "radius"), [((32, 32), 1), ((8, 8), 1), ((96, 120), 4), ((224, 224), 11)])
def test_half_the_images_are_blurred_with_simclrs_kernel(size, radius, monkeypatch):
    """2 * (side // 20) + 1 taps: 3 at 32, 9 at 96, 23 at 224; sigma uniform on [.1, 2] times strength."""
    seen = []
    monkeypatch.setattr(module, "smooth", lambda i, sigma, r: (seen.append((sigma, r)), i)[1])
    images = torch.zeros(2_000, 1, 1, 1).expand(-1, -1, *size) if size[0] < 90 else torch.zeros(40, 1, *size)
    blur(images, 1.0, seeded())
    blur(images, 2.0, seeded())
    (sigma, first), (doubled, second) = seen
    assert first == second == radius
    assert abs(len(sigma) / len(images) - 0.5) <= 4 * math.sqrt(0.25 / len(images))
    assert kstest(sigma, "uniform", (0.1, 1.9)).pvalue >= 1e-4
    torch.testing.assert_close(doubled, 2 * sigma)


def test_a_image_is_blurred_or_left_alone_bit_for_bit():
    images = torch.rand(400, 3, 8, 8, generator=seeded())
    blurred = blur(images, 1.0, seeded(1))
    same = (blurred == images).flatten(1).all(1)
    assert abs(same.float().mean() - 0.5) <= 0.1 + 0.05  # sigma below .25 rounds to no blur: 4 se, and some
    softer = blurred[~same].diff(dim=-1).abs().mean((1, 2, 3)) / images[~same].diff(dim=-1).abs().mean(
        (1, 2, 3)
    )
    assert softer.max() <= 1


@given(st.floats(0.05, 6), st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_blur_keeps_constants_and_commutes_with_mirror_and_transpose(sigma, radius, seed):
    images = torch.rand(2, 1, 9, 9, generator=seeded(seed))
    sigmas = torch.full((2,), sigma)
    soft = smooth(images, sigmas, radius)
    flat = images[:, :, :1, :1].expand_as(images)
    torch.testing.assert_close(smooth(flat, sigmas, radius), flat, atol=1e-6, rtol=0)
    torch.testing.assert_close(smooth(images.flip(-1), sigmas, radius), soft.flip(-1), atol=1e-6, rtol=0)
    torch.testing.assert_close(smooth(images.mT, sigmas, radius), soft.mT, atol=1e-6, rtol=0)


def test_a_single_pixel_is_its_own_blur() -> None:
    """Taps that sum to 1 leave it as it is; of a row of pixels the other axis alone is blurred."""
    images = torch.rand(8, 3, 1, 1)
    assert torch.equal(blur(images, 1.0, torch.Generator().manual_seed(0)), images)
    row = torch.rand(2, 1, 1, 5)
    sigma = torch.tensor([0.5, 1.0])
    tall = row.expand(2, 1, 5, 5)
    assert torch.allclose(smooth(row, sigma, 1), smooth(tall, sigma, 1)[:, :, :1])
