"""What every recipe promises: identity at 0, range, seeds, images that do not know of one another."""

import math

import pytest
import torch
from torch import Generator

from collapse_cli.augment import RECIPES, augment, searched_with_labels
from collapse_cli.augment.color import jitter
from collapse_cli.augment.recipes import STEPS, blur_large, steps_of
from collapse_cli.errors import CollapseError

PAPERS = ["none", "weak", "digits", "moco_v1", "moco_v2", "simclr"]
POLICIES = ["autoaugment_imagenet", "autoaugment_cifar10", "autoaugment_svhn", "randaugment"]
CHANGING = [name for name in RECIPES if name != "none"]
SHAPES = [(7, 3, 32, 32), (7, 1, 8, 8), (1, 3, 16, 40), (5, 1, 33, 12), (2, 3, 96, 96)]


def seeded(seed=0):
    return Generator().manual_seed(seed)


def scenes(count, channels=3, size=16):
    """Smooth random images: 4 x 4 noise, enlarged."""
    coarse = torch.rand(count, channels, 4, 4, generator=seeded(5))
    return torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")


def test_the_names_are_these():
    assert list(RECIPES) == list(STEPS) == PAPERS + POLICIES


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("simclrr", "there is no augmentation named 'simclrr'", "did you mean 'simclr'?"),
        ("?", "there is no augmentation named '?'", "choose one of: none, weak"),
        (
            "weak+randaug+?",
            "there is no augmentation named 'randaug' in 'weak+randaug+?'",
            "did you mean 'randaugment'?",
        ),
        ("moco_v2+", "there is no augmentation named '' in 'moco_v2+'", "choose one of: none, weak"),
        (
            "weak+ digits",
            "there is no augmentation named ' digits' in 'weak+ digits'",
            "did you mean 'digits'?",
        ),
    ],
)
def test_an_unknown_recipe_or_part_names_the_nearest(name, message, hint):
    with pytest.raises(CollapseError) as refusal:
        augment(torch.zeros(1, 3, 8, 8), name, 1.0, seeded())
    assert refusal.value.message == message
    assert refusal.value.hint.startswith(hint)
    assert refusal.value.code == 2


@pytest.mark.parametrize("strength", [0, 0.6, 2])
@pytest.mark.parametrize("first", RECIPES)
@pytest.mark.parametrize("second", ["none", "weak", "moco_v2", "autoaugment_svhn"])
def test_a_sum_is_the_two_in_turn_from_one_generator(first, second, strength):
    images, generator = scenes(9), seeded(3)
    in_turn = augment(augment(images, first, strength, generator), second, strength, generator)
    assert torch.equal(augment(images, f"{first}+{second}", strength, seeded(3)), in_turn)


def test_parts_may_be_many_and_come_twice():
    assert steps_of("none") == steps_of("none+none") == ()
    assert steps_of("weak+moco_v2+weak") == STEPS["weak"] + STEPS["moco_v2"] + STEPS["weak"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_who_was_searched_with_labels_says_so_alone_and_in_a_sum(recipe):
    labelled = recipe in POLICIES
    assert ("searched with labels" in RECIPES[recipe]) == labelled
    for combined in (recipe, f"{recipe}+moco_v2", f"weak+{recipe}"):
        assert searched_with_labels(combined) == labelled


@pytest.mark.parametrize("strength", [-0.1, float("nan")])
def test_a_strength_below_nothing_is_refused(strength):
    with pytest.raises(CollapseError, match="strength"):
        augment(torch.zeros(1, 3, 8, 8), "weak", strength, seeded())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("recipe", RECIPES)
def test_strength_0_is_the_identity_bit_for_bit(recipe, shape):
    images = torch.rand(shape, generator=seeded())
    assert torch.equal(augment(images, recipe, 0, seeded()), images)
    for step in STEPS[recipe]:
        assert torch.equal(step(images, 0.0, seeded()), images)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("recipe", CHANGING)
def test_images_stay_images_up_to_strength_3(recipe, shape):
    images = torch.rand(shape, generator=seeded())
    before = images.clone()
    for strength in (0.1, 1, 2, 3):
        out = augment(images, recipe, strength, seeded())
        assert (out.shape, out.dtype) == (images.shape, torch.float32)
        assert ((out >= 0) & (out <= 1)).all()  # false for NaN, too
    assert not torch.equal(out, images)
    assert torch.equal(images, before)  # the input is left as it was


@pytest.mark.parametrize("recipe", CHANGING)
def test_bytes_and_floats_are_the_same_images(recipe):
    pixels = torch.randint(0, 256, (6, 3, 12, 12), dtype=torch.uint8, generator=seeded())
    assert torch.equal(augment(pixels, recipe, 1, seeded()), augment(pixels / 255, recipe, 1, seeded()))
    assert torch.equal(augment(pixels, "none", 1, seeded()), pixels / 255)


@pytest.mark.parametrize("recipe", CHANGING)
def test_the_generator_is_the_only_source_of_chance(recipe):
    images = scenes(16)
    state = torch.get_rng_state()
    first, again, other = (augment(images, recipe, 1.0, seeded(seed)) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    generator = seeded(3)
    assert not torch.equal(augment(images, recipe, 1.0, generator), augment(images, recipe, 1.0, generator))


@pytest.mark.parametrize("recipe", CHANGING)
def test_every_image_has_its_own_draws(recipe):
    """64 copies of one image come out different, but where outcomes are finite and meet again.

    `weak` has 25 shifts and a mirror: 50 outcomes, about 36 seen. 64 calls of torchvision's policies on this
    image gave, over 60 repetitions, 22.9 ± 2.3 outcomes (imagenet), 26.5 ± 3.2 (cifar10), 32.1 ± 3.1 (svhn)
    and 54.6 ± 2.6 (randaugment): 4 standard deviations below. One sub-policy for all would give 1.
    """
    fewer = {"weak": 28, **dict(zip(POLICIES, (14, 14, 20, 44), strict=True))}
    copies = scenes(1).expand(64, -1, -1, -1)
    outcomes = augment(copies, recipe, 1.0, seeded()).unique(dim=0)
    assert len(outcomes) >= fewer.get(recipe, 64)


@pytest.mark.parametrize("recipe", CHANGING)
def test_a_image_does_not_know_its_batch_mates(recipe):
    images, others = scenes(12), torch.rand(12, 3, 16, 16, generator=seeded(9))
    others[4] = images[4]
    alone, among = (augment(batch, recipe, 1.0, seeded())[4] for batch in (images, others))
    torch.testing.assert_close(alone, among, atol=1e-6, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("recipe", CHANGING)
def test_more_strength_moves_images_further(recipe, channels):
    """Mean squared distance from the image, the same draws at every strength."""
    images = scenes(400, channels)
    far = [(augment(images, recipe, s, seeded()) - images).square().mean().item() for s in (0.25, 0.5, 1, 2)]
    assert far == sorted(far)
    assert far[-1] >= 2 * far[0]


@pytest.mark.parametrize(
    ("recipe", "untouched"), [("moco_v1", 0.0), ("moco_v2", 0.2 * 0.8), ("simclr", 0.2 * 0.8)]
)
def test_a_flat_colour_shows_who_is_jittered_and_greyed(recipe, untouched):
    """Crop, flip and blur leave a flat image: what stays was neither jittered (1 in 5, never in v1) nor grey."""
    flat = torch.tensor([0.3, 0.5, 0.4]).view(1, 3, 1, 1).expand(3_000, -1, 4, 4)
    same = ((augment(flat, recipe, 1.0, seeded()) - flat).abs() <= 1e-5).flatten(1).all(1).float().mean()
    assert abs(same - untouched) <= max(4 * math.sqrt(untouched * (1 - untouched) / 3_000), 0.002)


@pytest.mark.parametrize(("recipe", "low"), [("moco_v1", 0.2), ("moco_v2", 0.2), ("simclr", 0.08)])
def test_the_papers_crop_comes_first_with_its_smallest_share_and_a_mirror(recipe, low):
    """Ramps along columns and rows of 64 pixels: their spans are the box's sides, a falling one is a mirror.

    Of 4 000 uniform shares the smallest lies within .005 of low but for e^-20; a box's sides are rounded.
    """
    ramp = torch.arange(64) / 63
    images = torch.stack((ramp.expand(64, 64), ramp.expand(64, 64).T)).expand(4_000, -1, -1, -1)
    cropped = STEPS[recipe][0](images, 1.0, seeded())
    wide, tall = (cropped.amax((2, 3)) - cropped.amin((2, 3))).mul(63).add(1).T
    assert abs((wide * tall / 64**2).min() - low) <= 0.02
    mirrored = cropped[:, 0, 0, -1] < cropped[:, 0, 0, 0]
    assert abs(mirrored.float().mean() - 0.5) <= 4 * math.sqrt(0.25 / 4_000)
    assert (cropped[:, 1, -1, 0] > cropped[:, 1, 0, 0]).all()


def test_weak_mirrors_colour_only():
    """8 pixels at strength .4 shift by round(.4) = 0, so that only a mirror can change the image: .5 * .4 do."""
    for channels, share in ((1, 0.0), (3, 0.2)):
        images = torch.rand(2_000, channels, 8, 8, generator=seeded())
        out = augment(images, "weak", 0.4, seeded())
        changed = ((out - images).abs() >= 1e-5).flatten(1).any(1).float().mean()
        assert abs(changed - share) <= 4 * math.sqrt(share * (1 - share) / 2_000)


def test_digits_are_never_mirrored():
    """An image that is white on its left stays heavier on its left, turned by 15 degrees and shifted by 15 %."""
    left = torch.zeros(500, 1, 8, 8)
    left[..., :4] = 1
    columns = augment(left, "digits", 1.0, seeded()).mean((1, 2))  # (500, 8)
    assert (columns[:, :4].sum(1) >= columns[:, 4:].sum(1)).all()


def test_simclr_blurs_from_96_pixels_on():
    checks = torch.rand(30, 1, 96, 96, generator=seeded())
    assert torch.equal(blur_large(checks[..., :95], 1.0, seeded()), checks[..., :95])
    changed = (blur_large(checks, 1.0, seeded()) != checks).flatten(1).any(1).sum()
    assert 7 <= changed <= 23  # 15 expected, 3 standard deviations of 2.7


def test_simclr_jitters_twice_as_strongly_as_moco_v2():
    """Amounts .8, .8, .8, .2 are twice .4, .4, .4, .1: the recipe's step is `jitter` at strength 2."""
    images = scenes(20)
    step = STEPS["simclr"][1]
    torch.testing.assert_close(step(images, 1.0, seeded()), jitter(images, 2.0, seeded()), atol=1e-6, rtol=0)
