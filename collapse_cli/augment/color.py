"""What colour each pixel has: jitter, grey, contrast, noise.

Brightness, contrast and saturation are one operation, a blend of the image with black, with its mean grey
or with its own grey; only hue is another. Images have three channels (red, green, blue) or one, for which
saturation, hue and grey change nothing.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from collapse_cli.augment.draws import choose, coin, each, uniform
from collapse_cli.constants import constant
from collapse_cli.errors import CollapseError

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
OPPOSITE = (-2.5, 1 / 3 - 2.5, 2 / 3 - 2.5)  # of red, green and blue, half a turn away and two turns back


def jitter(
    images: Tensor,
    strength: float,
    generator: Generator,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    probability: float = 0.8,
) -> Tensor:
    """Brightness, contrast, saturation and hue of images (B,C,H,W) changed, with this probability for each.

    torchvision's `ColorJitter`, called once per image: factors uniform in [max(0, 1 - amount), 1 + amount],
    hue uniform in ± hue turns, and the four in any of their 24 orders. The defaults are MoCo v2's
    (2003.04297). Strength scales the four amounts, as `s` does in SimCLR (2002.05709, App. A), hue to at
    most half a turn; the probability stays.
    """
    if strength == 0:
        return images
    count = len(images)
    spread = [strength * amount for amount in (brightness, contrast, saturation, 0)]  # hue's factor is unused
    factors = torch.stack([uniform(count, max(0, 1 - a), 1 + a, generator) for a in spread], dim=1)  # (B, 4)
    turns = uniform(count, -min(0.5, strength * hue), min(0.5, strength * hue), generator)  # (B,)
    order = torch.rand(count, 4, generator=generator, device=generator.device).argsort(1)  # (B, 4)
    return jittered(images, order, factors, turns, coin(count, probability, generator))


def jittered(images: Tensor, order: Tensor, factors: Tensor, turns: Tensor, chosen: Tensor) -> Tensor:
    """Chosen (B,) images (B,C,H,W) after the operations of order (B,4), with factors (B,4) by operation.

    The same bits both ways: on a CPU each image goes through its own operations alone, which takes half the time; elsewhere
    all go together, for only the CPU knows at no cost how many there are of a kind.
    """
    place = order.argsort(1)[:, HUE].masked_fill(~chosen, 4)  # (B,) of hue, 4 for those left alone
    blends = torch.stack((factors.gather(1, order), order == CONTRAST, order == SATURATION))  # (3, B, 4)
    return (in_groups if images.device.type == "cpu" else all_at_once)(images, blends, turns, place)


def all_at_once(images: Tensor, blends: Tensor, turns: Tensor, place: Tensor) -> Tensor:
    """Images (B,C,H,W) through blends (3,B,4) and turns (B,) of the hue, which comes at a place (B,); at 4 nothing comes.

    Three blends, the hue, three blends: those that come after an image's hue have a factor of 1 before it, and the others
    after it, which changes nothing.
    """
    changed = images.clone()
    for where in range(3):
        blend_(changed, *_only_others(blends[:, :, where], (place <= where) | (place == 4)))
    turned = turn_hue_(changed.clone(), turns)
    changed = choose(place < 4, turned, changed)
    for where in range(1, 4):
        blend_(changed, *_only_others(blends[:, :, where], place >= where))
    return changed


def _only_others(blends: Tensor, left_alone: Tensor) -> Tensor:
    """Blends (3,B) of which none has an effect on the images `left_alone` (B,) bool: a factor of 1, and shares of 0."""
    return torch.stack((blends[0].masked_fill(left_alone, 1), *blends[1:].masked_fill(left_alone, 0)))


def in_groups(images: Tensor, blends: Tensor, turns: Tensor, place: Tensor) -> Tensor:
    """The same as `all_at_once`; images whose hue comes at the same place go together, for the rest of it is blends."""
    rows, counts = place.argsort(stable=True), place.bincount(minlength=5).tolist()
    changed = images.index_select(0, rows)
    turns_of, blends_of = torch.split(turns[rows], counts), torch.split(blends[:, rows], counts, dim=1)
    for hue_place, part in enumerate(torch.split(changed, counts)[:4]):
        all_four_(part, blends_of[hue_place], turns_of[hue_place], hue_place)
    return changed.index_select(0, rows.argsort())


def all_four_(images: Tensor, blends: Tensor, turns: Tensor, hue_place: int) -> None:
    """Images (n,C,H,W) through four places: at hue_place a turn (n,), else a blend (3,n,4); in place."""
    for place in range(4):
        if place == hue_place:
            turn_hue_(images, turns)
        else:
            blend_(images, *blends[:, :, place])


def blend_(images: Tensor, factor: Tensor, mean_share: Tensor, grey_share: Tensor) -> Tensor:
    """factor parts of each image (n,C,H,W) and 1 - factor parts of another one, cut at 0 and 1; in place.

    The other is mean_share of the mean of the image's grey plus grey_share of that grey. The shares (n,)
    are 0 and 0 for torchvision's `adjust_brightness`, 1 and 0 for `adjust_contrast`, 0 and 1 for
    `adjust_saturation`.
    """
    grey = luma(images)  # (n, 1, H, W)
    mean = grey.mean((1, 2, 3), keepdim=True) * each(mean_share)
    other = (grey * each(grey_share)).add_(mean)  # (n, 1, H, W)
    return images.lerp_(other, each(1 - factor)).clamp_(0, 1)


def turn_hue_(images: Tensor, turns: Tensor) -> Tensor:
    """The hue of each image (n,3,H,W) turned by turns (n,) in [-.5, .5], value and saturation kept; in place.

    The same as torchvision's `adjust_hue`, without its six cases. With V and m the largest and smallest of
    r, g, b, a pixel lies (V - 2m + g + b - r)/(V - m) sixths of a turn away from red, towards green if
    g >= b, else towards blue. Conversely a channel is V within one sixth of its own hue (red 0, green 1/3,
    blue 2/3), m beyond two sixths, and linear between. A grey pixel has V = m, and stays.
    """
    if images.shape[1] == 1:
        return images
    red, green, blue = torch.split(images, 1, dim=1)  # (n, 1, H, W) each
    value = torch.maximum(torch.maximum(red, green), blue)
    least = torch.minimum(torch.minimum(red, green), blue)
    sixths = (value + green).add_(blue).sub_(red).sub_(least, alpha=2).copysign_(green - blue)
    hue = sixths.div_((value - least).mul_(6).clamp_min_(1e-12)).add_(each(turns))  # (n, 1, H, W) turns
    away = hue - constant(OPPOSITE, hue).view(3, 1, 1)  # (n, 3, H, W), above 0
    away = away.frac_().sub_(0.5).abs_()  # the shorter way round, at most half a turn
    return torch.lerp(value, least, away.mul_(6).sub_(1).clamp_(0, 1), out=images)


def luma(images: Tensor) -> Tensor:
    """(n,3,H,W) -> (n,1,H,W), .2989 red + .587 green + .114 blue as in torchvision; one channel as it is."""
    if images.shape[1] == 1:
        return images
    if images.shape[1] != 3:
        raise CollapseError(
            f"colour augmentation cannot be applied to images of {images.shape[1]} channels",
            hint="it needs 1 channel or 3; these recipes do without it: none, weak, digits",
        )
    red, green, blue = torch.split(images, 1, dim=1)
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def grey(images: Tensor, strength: float, generator: Generator, probability: float = 0.2) -> Tensor:
    """Each image (B,C,H,W) turned grey with this probability times strength, all channels the `luma`."""
    return choose(coin(len(images), probability * strength, generator), luma(images), images)


def contrast(images: Tensor, strength: float, generator: Generator, amount: float = 0.4) -> Tensor:
    """Each image (B,C,H,W) stretched about its own mean, by a factor uniform in 1 ± amount * strength.

    Factors are at least 0, and values cut at 0 and 1.
    """
    factor = uniform(len(images), max(0, 1 - amount * strength), 1 + amount * strength, generator)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, each(factor)).clamp_(0, 1)


def noise(images: Tensor, strength: float, generator: Generator, sd: float = 0.1) -> Tensor:
    """Normal noise of standard deviation sd * strength on each value of (B,C,H,W), the sum cut at 0 and 1."""
    draws = torch.randn(images.shape, generator=generator, device=generator.device)
    return draws.mul_(sd * strength).add_(images).clamp_(0, 1)
