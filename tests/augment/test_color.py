"""Jitter, grey, contrast and noise: torchvision's functions on the same numbers, and the numbers' distribution."""

import math
from itertools import permutations

import pytest
import torch
import torchvision.transforms.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest
from torch import Generator

from collapse_cli.augment import color
from collapse_cli.augment.color import (
    BRIGHTNESS,
    CONTRAST,
    HUE,
    SATURATION,
    blend_,
    contrast,
    grey,
    jitter,
    jittered,
    luma,
    noise,
    turn_hue_,
)
from collapse_cli.errors import CollapseError

RARE = 1e-4
THEIRS = {
    BRIGHTNESS: TF.adjust_brightness,
    CONTRAST: TF.adjust_contrast,
    SATURATION: TF.adjust_saturation,
    HUE: TF.adjust_hue,
}


def seeded(seed=0):
    return Generator().manual_seed(seed)


def photos(count=6, channels=3, size=(9, 13), seed=0):
    return torch.rand(count, channels, *size, generator=seeded(seed))


@pytest.mark.parametrize("operation", [BRIGHTNESS, CONTRAST, SATURATION])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.4, 3.4])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_blend_is_torchvisions_function_of_the_same_factor(operation, factor, channels):
    images = photos(channels=channels)
    shares = (
        torch.full((6,), factor),
        *(torch.full((6,), float(operation == o)) for o in (CONTRAST, SATURATION)),
    )
    expected = torch.stack([THEIRS[operation](image, factor) for image in images])
    torch.testing.assert_close(blend_(images.clone(), *shares), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("turn", [-0.5, -0.31, -0.1, 0.0, 1e-3, 0.2, 0.5])
def test_hue_is_torchvisions_on_random_colours_and_on_every_corner_of_the_cube(turn):
    """Corners, edges and the grey diagonal are where the six cases of the hexagon meet: levels 0, 1/2, 1."""
    levels = torch.tensor([0.0, 0.5, 1.0])
    cube = torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 9, 3)
    for images in (cube, photos(), (photos(seed=1) * 255).round() / 255):
        expected = torch.stack([TF.adjust_hue(image, turn) for image in images])
        ours = turn_hue_(images.clone(), torch.full((len(images),), turn))
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@given(st.floats(-0.5, 0.5), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_hue_there_and_back_keeps_the_image_and_a_third_turns_the_channels(turn, seed):
    """A turn by 1/3 makes red green, green blue and blue red; value and chroma stay at every turn."""
    images = photos(2, seed=seed)
    turns = torch.full((2,), turn)
    away = turn_hue_(images.clone(), turns)
    torch.testing.assert_close(away.amax(1), images.amax(1))
    torch.testing.assert_close(away.amin(1), images.amin(1))
    torch.testing.assert_close(turn_hue_(away, -turns), images, atol=2e-5, rtol=0)
    third = turn_hue_(images.clone(), torch.full((2,), 1 / 3))
    torch.testing.assert_close(third, images.roll(1, dims=1), atol=1e-5, rtol=0)


def test_every_order_of_the_four_is_torchvisions_one_after_the_other():
    """All 24 orders in one batch, each image with its own factors; every fifth image is left alone."""
    order = torch.tensor(list(permutations(range(4))) * 2)
    images = photos(48)
    factors = 0.5 + torch.rand(48, 4, generator=seeded(1))
    turns = torch.rand(48, generator=seeded(2)) - 0.5
    chosen = torch.arange(48) % 5 != 0
    expected = images.clone()
    for i in chosen.nonzero().flatten().tolist():
        for operation in order[i].tolist():
            amount = turns[i] if operation == HUE else factors[i, operation]
            expected[i] = THEIRS[operation](expected[i], float(amount))
    torch.testing.assert_close(jittered(images, order, factors, turns, chosen), expected, atol=3e-5, rtol=0)
    torch.testing.assert_close(images, photos(48), atol=0, rtol=0)  # the input is left as it was


@pytest.mark.parametrize(
    ("strength", "ranges"), [(1.0, (0.6, 1.4, 0.1)), (3.0, (0.0, 2.2, 0.3)), (9.0, (0.0, 4.6, 0.5))]
)
def test_jitter_draws_torchvisions_distributions(strength, ranges, monkeypatch):
    """Factors uniform on [max(0, 1 - .4 s), 1 + .4 s], hue on ± min(.1 s, 1/2), 24 orders alike, 4 in 5 chosen."""
    seen = []
    monkeypatch.setattr(color, "jittered", lambda *drawn: seen.append(drawn))
    jitter(torch.zeros(6_000, 3, 1, 1), strength, seeded())
    _, order, factors, turns, chosen = seen[0]
    low, high, hue = ranges
    for operation in (BRIGHTNESS, CONTRAST, SATURATION):
        assert kstest(factors[:, operation], "uniform", (low, high - low)).pvalue >= RARE
    assert kstest(turns, "uniform", (-hue, 2 * hue)).pvalue >= RARE
    _, frequency = order.unique(dim=0, return_counts=True)
    assert len(frequency) == 24
    assert chisquare(frequency).pvalue >= RARE
    assert abs(chosen.float().mean() - 0.8) <= 4 * math.sqrt(0.8 * 0.2 / 6_000)


def test_one_channel_has_brightness_and_contrast_but_neither_saturation_nor_hue():
    images = photos(20, channels=1)
    colours_only = jitter(
        images, 1.0, seeded(), brightness=0, contrast=0, saturation=0.9, hue=0.5, probability=1
    )
    assert torch.equal(colours_only, images)
    both = jitter(images, 1.0, seeded(), probability=1.0)
    assert (both != images).flatten(1).any(1).all()
    assert torch.equal(grey(images, 5.0, seeded()), images)


@pytest.mark.parametrize(("strength", "share"), [(0.5, 0.1), (1.0, 0.2), (3.0, 0.6), (7.0, 1.0)])
def test_grey_turns_its_share_of_images_into_torchvisions_grey(strength, share):
    images = photos(3_000, size=(2, 2))
    turned = grey(images, strength, seeded(1))
    changed = (turned != images).flatten(1).any(1)
    torch.testing.assert_close(turned[changed], TF.rgb_to_grayscale(images[changed], 3), atol=1e-6, rtol=0)
    assert abs(changed.float().mean() - share) <= 4 * math.sqrt(share * (1 - share) / 3_000)


def test_contrast_keeps_the_mean_and_scales_about_it_uniformly():
    """Values .4 and .6 about .5: at strength 1 the distance .1 becomes .1 f with f uniform on [.6, 1.4]."""
    images = torch.tensor([0.4, 0.6]).view(1, 1, 1, 2).expand(4_000, 1, 3, 2)
    stretched = contrast(images, 1.0, seeded())
    torch.testing.assert_close(stretched.mean((1, 2, 3)), torch.full((4_000,), 0.5))
    factors = (stretched[:, 0, 0, 1] - stretched[:, 0, 0, 0]) / 0.2
    assert kstest(factors, "uniform", (0.6, 0.8)).pvalue >= RARE
    least = contrast(images, 3.0, seeded())
    assert (least[..., 1] >= least[..., 0] - 1e-6).all()  # a factor below 0 would invert the image


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_noise_is_normal_and_its_own_on_every_value(strength):
    """Mid-grey is 5 standard deviations from being cut at strength 1; 48 000 values."""
    images = torch.full((1_000, 3, 4, 4), 0.5)
    added = noise(images, strength, seeded()) - images
    assert kstest(added.flatten() / (0.1 * strength), "norm").pvalue >= RARE
    between = torch.corrcoef(added.flatten(1).T) - torch.eye(48)
    assert between.abs().max() <= 5 / math.sqrt(1_000)


def test_luma_of_two_channels_is_refused_with_the_remedy():
    with pytest.raises(CollapseError) as refusal:
        luma(torch.zeros(1, 2, 4, 4))
    assert "2 channels" in refusal.value.message
    assert "digits" in refusal.value.hint
