"""Learned policies: torchvision's own on each image, as often as the strength says, and nobody's seed but ours."""

import math
import random

import pytest
import torch
from scipy.stats import binomtest
from torch import Generator
from torchvision.transforms import AutoAugment, AutoAugmentPolicy, RandAugment

from collapse_cli.augment import augment
from collapse_cli.augment.policies import SEEDS, applied, autoaugment, randaugment
from collapse_cli.errors import CollapseError

RARE = 1e-4  # a right share fails one such test in 10 000 seeds; the seeds here are fixed
THEIRS = {
    "autoaugment_imagenet": AutoAugment(AutoAugmentPolicy.IMAGENET),
    "autoaugment_cifar10": AutoAugment(AutoAugmentPolicy.CIFAR10),
    "autoaugment_svhn": AutoAugment(AutoAugmentPolicy.SVHN),
    "randaugment": RandAugment(),
}
ALONE = {"autoaugment_imagenet": 0.16, "autoaugment_cifar10": 0.2484, "autoaugment_svhn": 0.0944}


def seeded(seed=0):
    return Generator().manual_seed(seed)


def noise(count, channels=3, size=(24, 24), seed=0):
    """Bytes in [30, 230]: neither black nor white, so that every operation changes such an image."""
    return torch.randint(30, 231, (count, channels, *size), dtype=torch.uint8, generator=seeded(seed))


def untouched(out, images):
    return (out == images).flatten(1).all(1)  # (B,)


def share_is(hits, expected):
    return binomtest(int(hits.sum()), len(hits), expected).pvalue >= RARE


@pytest.mark.parametrize("strength", [1, 2])
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (3, 17, 40)])
@pytest.mark.parametrize("recipe", THEIRS)
def test_each_image_is_torchvisions_called_on_it_under_its_own_seed(recipe, shape, strength):
    """The generator gives B coins, which a whole strength does not need, and then B seeds."""
    pixels = noise(40, shape[0], shape[1:])
    generator = seeded(7)
    torch.rand(40, generator=generator)
    seeds = torch.randint(SEEDS, (40,), generator=generator).tolist()
    expected = []
    with torch.random.fork_rng():
        for image, seed in zip(pixels, seeds, strict=True):
            torch.manual_seed(seed)
            for _ in range(strength):
                image = THEIRS[recipe](image)
            expected.append(image / 255)
    assert torch.equal(augment(pixels, recipe, strength, seeded(7)), torch.stack(expected))


@pytest.mark.parametrize(
    ("strength", "fewest", "share"), [(0.25, 0, 0.25), (1, 1, 0), (2.4, 2, 0.4), (3, 3, 0)]
)
def test_strength_is_the_mean_number_of_times(strength, fewest, share):
    """A transform that adds one level counts its calls: floor(s), and once more with probability s - floor(s)."""
    counted = applied(torch.zeros(5_000, 1, 1, 1), strength, seeded(), lambda image: image + 1)
    times = counted.flatten() * 255 - fewest
    assert share_is(times.round() == 1, share)
    torch.testing.assert_close(times, times.round().clamp(0, 1), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("strength", "inverted"), [(0.5, 0.15), (1, 0.3), (1.5, 0.36), (2, 0.42), (3, 0.468)]
)
def test_coins_of_the_transform_fall_anew_for_each_image_and_each_time(strength, inverted):
    """Inverted with probability p = .3: p/2, p, then 2 p (1 - p) = .42 for twice, and their mean at 1.5.

    After n times (1 - (1 - 2 p)^n) / 2, which is .468 for three.
    """

    def invert(image):
        return 255 - image if torch.rand(()) < 0.3 else image

    black = torch.zeros(6_000, 1, 1, 1)
    assert share_is(applied(black, strength, seeded(), invert).flatten() == 1, inverted)


@pytest.mark.parametrize("recipe", ALONE)
def test_the_share_that_a_policy_leaves_alone(recipe):
    """The mean over its 25 pairs of (1 - p) (1 - p'), with p = 0 for magnitude 0 (`Color` by a factor of 1).

    Once that is q = .16, .2484, .0944; half the time (1 + q) / 2; twice q^2, for two calls hardly ever undo one
    another: they must invert twice and do nothing else, in cifar10 at most (.008)^2.
    """
    pairs = THEIRS[recipe].policies
    idle = [math.prod(1 - (p if magnitude != 0 else 0) for _, p, magnitude in pair) for pair in pairs]
    q = sum(idle) / len(pairs)
    assert q == pytest.approx(ALONE[recipe])
    images = noise(1_000) / 255
    assert share_is(untouched(augment(images, recipe, 0.5, seeded()), images), (1 + q) / 2)
    assert share_is(untouched(augment(images, recipe, 1, seeded()), images), q)
    if recipe == "autoaugment_cifar10":
        assert share_is(untouched(augment(images, recipe, 2, seeded()), images), q**2)


def test_randaugment_leaves_a_grey_image_alone_where_it_draws_identity_or_colour_twice():
    """(2/14)^2 = 1/49 once; half the time 1/2 of all, and 1/98."""
    images = noise(2_000, 1) / 255
    assert share_is(untouched(augment(images, "randaugment", 1, seeded()), images), 1 / 49)
    assert share_is(untouched(augment(images, "randaugment", 0.5, seeded()), images), 0.5 + 1 / 98)


@pytest.mark.parametrize("recipe", THEIRS)
def test_a_higher_strength_goes_on_from_what_a_lower_one_gave(recipe):
    """At 1.4 each image is that of strength 1 or that of strength 2, bit for bit; at .4 itself or that of 1."""
    images = noise(200) / 255
    none, less, once, more, twice = (augment(images, recipe, s, seeded(5)) for s in (0, 0.4, 1, 1.4, 2))
    for low, between, high in ((none, less, once), (once, more, twice)):
        stayed, went = untouched(between, low), untouched(between, high)
        assert (stayed | went).all()
        assert share_is(went[~untouched(low, high)], 0.4)


@pytest.mark.parametrize("recipe", THEIRS)
def test_every_global_generator_is_left_as_it_was_and_has_no_say(recipe):
    images = noise(30) / 255
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(11)
        before = torch.get_rng_state(), random.getstate()
        first = augment(images, recipe, 1, seeded())
        assert torch.equal(torch.get_rng_state(), before[0])
        assert random.getstate() == before[1]
        torch.default_generator.manual_seed(12)
        assert torch.equal(augment(images, recipe, 1, seeded()), first)


def test_the_global_generator_is_given_back_after_an_error():
    def broken(image):
        torch.rand(1)
        raise ValueError

    state = torch.get_rng_state()
    with pytest.raises(ValueError):  # noqa: PT011
        applied(torch.zeros(2, 1, 4, 4), 1, seeded(), broken)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("recipe", THEIRS)
def test_a_grey_image_of_three_channels_stays_grey(recipe):
    """All operations treat channels alike, and `Color` blends with a grey that all of them share."""
    grey = noise(150, 1).expand(-1, 3, -1, -1)
    out = augment(grey, recipe, 2, seeded())
    assert torch.equal(out, out[:, :1].expand_as(out))


@pytest.mark.parametrize(("side", "share"), [(15, 0.0), (17, 0.8)])
def test_images_of_fewer_than_256_pixels_are_never_equalized(side, share):
    """A level stands for (pixels below the brightest) // 255 pixels: none of 225, one of 289.

    The policy of one pair (Equalize with .8, Equalize with 0) on images of two levels, 100 and 200.
    """
    policy = AutoAugment()
    policy.policies = [(("Equalize", 0.8, None), ("Equalize", 0.0, None))]
    images = torch.full((400, 1, side, side), 100 / 255)
    images[:, :, 0, 0] = 200 / 255
    assert share_is(~untouched(applied(images, 1, seeded(), policy), images), share)


def test_who_is_touched_is_rounded_to_bytes_and_who_is_not_keeps_its_bits():
    """Rounded, not cut: at most half a level from the image where the transform changes nothing."""
    images = torch.rand(300, 3, 6, 6, generator=seeded())
    out = applied(images, 0.5, seeded(1), lambda image: image)
    kept = untouched(out, images)
    assert share_is(kept, 0.5)
    assert torch.equal(out[~kept], images[~kept].mul(255).round() / 255)
    after = augment(images, "moco_v2+randaugment", 1, seeded()) * 255
    torch.testing.assert_close(after, after.round(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("channels", [2, 4])
def test_other_than_one_or_three_channels_are_refused_with_the_remedy(channels):
    images = torch.rand(2, channels, 8, 8)
    for step in (randaugment, lambda *given: autoaugment(*given, policy="svhn")):
        assert torch.equal(step(images, 0, seeded()), images)
        with pytest.raises(CollapseError) as refusal:
            step(images, 0.1, seeded())
        assert f"{channels} channels" in refusal.value.message
        assert "digits" in refusal.value.hint
        assert refusal.value.code == 2
