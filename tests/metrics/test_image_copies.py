"""Copies among images: equal pixels by their hash, near ones by thumbnails, and never two that differ."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor

from collapse_cli import data
from collapse_cli.metrics.image_copies import digests, looks, owners, thumbnails
from collapse_cli.metrics.image_set import image_set


def natural(count: int, side: int = 32) -> Tensor:
    """(count,3,side,side) uint8: noise whose amplitude falls as 1/f, as that of photographs does; mean 128, deviation 50."""
    chance = torch.Generator().manual_seed(3)
    frequency = torch.fft.fftfreq(side)[:, None].square() + torch.fft.rfftfreq(side).square()
    spectrum = torch.randn(count, 3, side, side // 2 + 1, dtype=torch.complex64, generator=chance)
    waves = torch.fft.irfft2(spectrum / frequency.sqrt().clamp_min(1 / side), s=(side, side))
    waves = waves + 2 * waves.mean(dim=1, keepdim=True)  # colours go together
    return (128 + 50 * waves / waves.std(dim=(1, 2, 3), keepdim=True)).clamp(0, 255).byte()


def saved_again(images: Tensor, quality: int) -> Tensor:
    """Each image as JPEG makes it."""
    result = []
    for image in images:
        content = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(content, "JPEG", quality=quality)
        result.append(torch.from_numpy(numpy.array(Image.open(content))).permute(2, 0, 1))
    return torch.stack(result)


def groups(images: Tensor) -> Tensor:
    thumbs, colours = thumbnails(images)
    return looks(thumbs, colours, torch.zeros(len(images), dtype=torch.bool))


def test_copies_are_those_of_the_first_with_the_same_pixels() -> None:
    """a b a b c, of which c differs from a in the lowest bit of a single pixel."""
    a, b = natural(2)
    c = a.clone()
    c[2, 31, 31] ^= 1
    assert owners(digests(torch.stack([a, b, a, b, c]))).tolist() == [0, 1, 0, 1, 4]


def test_hashes_differ_wherever_a_byte_does() -> None:
    """3,072 images, each of which differs from a blank one in one byte, the 3,072 bytes in turn."""
    assert len(set(digests(torch.eye(3072).byte().view(-1, 3, 32, 32)).tolist())) == 3072


@pytest.mark.parametrize(
    "change",
    [
        lambda images: saved_again(images, 95),
        lambda images: saved_again(images, 85),
        lambda images: images.float().mul(0.9).byte(),
        lambda images: images.float().add(10).clamp(0, 255).byte(),
        lambda images: images.roll(0),
    ],
    ids=["JPEG 95", "JPEG 85", "a tenth darker", "10 levels brighter", "equal"],
)
def test_near_copies_are_found(change: Callable[[Tensor], Tensor]) -> None:
    """Each of 200 images and its changed copy are one of 200 groups."""
    images = natural(200)
    owner = groups(torch.cat([images, change(images)]))
    assert torch.equal(owner[:200], owner[200:])
    assert len(owner.unique()) == 200


def test_larger_images_may_be_saved_as_poorly_as_anyone_does() -> None:
    """At 64 x 64 a pixel of the thumbnail is 16 pixels: JPEG of quality 50 moves it by .05 of the contrast."""
    images = natural(100, 64)
    owner = groups(torch.cat([images, saved_again(images, 50)]))
    assert torch.equal(owner[:100], owner[100:])


@pytest.mark.parametrize("upscaled", [8, 28])
def test_different_digits_are_no_near_copies(upscaled: int) -> None:
    """1,797 scans, as they are and with sharp strokes at 28 x 28: the nearest two differ by .09 of their contrast."""
    pixels = data.load("digits", "all").pixels
    assert isinstance(pixels, Tensor)
    if upscaled > 8:
        large = torch.nn.functional.interpolate(pixels.float(), upscaled, mode="bicubic")
        pixels = ((large - 100) * 2.5).clamp(0, 255).byte()
    assert image_set(pixels).near_copies == 0


def test_different_images_are_no_near_copies() -> None:
    assert image_set(natural(3000)).near_copies == 0


def test_dots_at_different_places_are_different() -> None:
    """Nearly blank images: a faint dot of 4 x 4 pixels at 49 places differs by a few levels, and by all of its contrast."""
    images = torch.zeros(49, 1, 28, 28, dtype=torch.uint8)
    for place in range(49):
        row, column = 4 * (place // 7), 4 * (place % 7)
        images[place, 0, row : row + 4, column : column + 4] = 40
    assert image_set(images).looks == 49


def test_a_shape_in_other_colours_is_another_image() -> None:
    """Red, green and blue squares whose luma is equal."""
    images = torch.zeros(3, 3, 32, 32, dtype=torch.uint8)
    for channel, level in enumerate((98, 50, 255)):
        images[channel, channel, 8:24, 8:24] = level
    assert image_set(images).looks == 3


def test_a_chain_is_not_one_image() -> None:
    """100 frames of a slow fade from one image to another: each is near the next, the ends are not."""
    first, last = natural(2).double()
    frames = torch.stack([(first + (last - first) * step / 99).round().byte() for step in range(100)])
    result = image_set(frames)
    assert 8 <= result.looks <= 60


def test_the_order_of_images_changes_no_group() -> None:
    images = torch.cat([natural(300), saved_again(natural(300)[:150], 90)])
    order = torch.randperm(450, generator=torch.Generator().manual_seed(0))
    assert image_set(images).looks == image_set(images[order]).looks == 300


def test_many_images_are_hashed_in_a_second() -> None:
    """50,000 of 3 x 32 x 32; measured by the processor's clock, for others may be at work."""
    images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8)
    start = time.process_time()
    assert len(owners(digests(images)).unique()) == 50_000
    assert time.process_time() - start < 2  # 0.5 s, with room for slow processors


def shades(*levels: int) -> Tensor:
    """(n,1,16,16): a chequered image of contrast 40 about each of these levels, and so of one thumbnail."""
    board = (torch.arange(16)[:, None] // 4 + torch.arange(16) // 4) % 2
    return torch.stack([(level - 20 + 40 * board).byte() for level in levels])[:, None]


@pytest.mark.parametrize(("apart", "looks_"), [(24, 1), (25, 2)])
def test_brightness_may_differ_by_24_levels(apart: int, looks_: int) -> None:
    assert image_set(shades(100, 100 + apart)).looks == looks_


@pytest.mark.parametrize(("contrast", "same"), [(49, True), (50, False), (33, True), (32, False)])
def test_contrast_may_differ_by_less_than_a_quarter(contrast: int, same: bool) -> None:
    """Of 40: 49 and 33 are 1.225 and 1 / 1.21 times, 50 and 32 are 5/4 and 4/5."""
    other = (shades(100).float() - 100) / 20 * contrast / 2 + 100
    images = torch.cat([shades(100).float(), other])
    thumbs, colours = images.flatten(1), images.mean(dim=(2, 3))
    assert (len(looks(thumbs, colours, torch.zeros(2, dtype=torch.bool)).unique()) == 1) is same


@pytest.mark.parametrize(("distance", "same"), [(0.069, True), (0.071, False)])
@pytest.mark.parametrize("side", [16, 9])
def test_thumbnails_may_be_seven_hundredths_apart(distance: float, same: bool, side: int) -> None:
    """Two unit thumbnails at an angle of which the chord is known: 2 sin(angle/2). The step is coarse, so that blocks see it."""
    waves = torch.arange(side) * 2 * torch.pi / side
    first = (waves.cos()[:, None] + torch.zeros(side)).flatten()
    other = (torch.zeros(side, 1) + waves.cos()).flatten()
    angle = 2 * numpy.arcsin(distance / 2)
    thumbs = 100 + 40 * torch.stack([first, numpy.cos(angle) * first + numpy.sin(angle) * other])
    owner = looks(thumbs, thumbs.mean(dim=1, keepdim=True), torch.zeros(2, dtype=torch.bool))
    assert (owner[0] == owner[1]) == same


def test_thumbnails_are_luma_of_sixteen_by_sixteen() -> None:
    """Red of 100 levels is 29.9, green 58.7, blue 11.4; two channels count alike; what is smaller stays as it is."""
    colours = torch.diag(torch.tensor([100, 100, 100])).byte()[:, :, None, None].expand(3, 3, 40, 8)
    luma, means = thumbnails(colours)
    assert luma.shape == (3, 16 * 8)
    assert [float(row.mean()) for row in luma] == pytest.approx([29.9, 58.7, 11.4], abs=1e-4)
    assert means.tolist() == torch.diag(torch.tensor([100.0, 100, 100])).tolist()
    two, _ = thumbnails(torch.tensor([30, 50]).byte()[None, :, None, None].expand(1, 2, 4, 4))
    assert two.unique().tolist() == [40]


def test_a_leader_is_met_in_a_later_block() -> None:
    """600 images of ever more brightness in steps of a level, more than are compared at once: the first of each 25 leads."""
    images = shades(*range(20, 236))[torch.arange(216).repeat_interleave(3)]
    owner = looks(
        images.float().flatten(1), images.float().mean(dim=(2, 3)), torch.zeros(648, dtype=torch.bool)
    )
    assert owner.unique().tolist() == [3 * 25 * k for k in range(9)]
