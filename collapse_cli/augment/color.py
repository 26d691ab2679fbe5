"""What colour each pixel has: jitter, grey, contrast, noise.

Brightness, contrast and saturation are one operation, a blend of the picture with black, with its mean grey
or with its own grey; only hue is another. Pictures have three channels (red, green, blue) or one, for which
saturation, hue and grey change nothing.
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from collapse_cli.augment.draws import choose, coin, each, uniform
from collapse_cli.errors import CollapseError

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


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
    """Brightness, contrast, saturation and hue of pictures (B,C,H,W) changed, with this probability for each.

    torchvision's `ColorJitter`, called once per picture: factors uniform in [max(0, 1 - amount), 1 + amount],
    hue uniform in ± hue turns, and the four in any of their 24 orders. The defaults are MoCo v2's
    (2003.04297). Strength scales the four amounts, as `s` does in SimCLR (2002.05709, App. A), hue to at
    most half a turn; the probability stays.

    Pictures whose hue comes at the same place of their order go together: the rest of it is blends.
    """
    if strength == 0:
        return images
    count, channels = images.shape[:2]
    spread = [strength * amount for amount in (brightness, contrast, saturation if channels == 3 else 0, 0)]
    factors = torch.stack([uniform(count, max(0, 1 - a), 1 + a, generator) for a in spread], dim=1)  # (B, 4)
    turns = uniform(count, -min(0.5, strength * hue), min(0.5, strength * hue), generator)  # (B,)
    order = torch.rand(count, 4, generator=generator, device=generator.device).argsort(1)  # (B, 4)
    plan = torch.stack((factors.gather(1, order), order == CONTRAST, order == SATURATION))  # (3, B, 4)
    hue_place = order.argsort(1)[:, HUE].masked_fill(~coin(count, probability, generator), 4)  # 4: left alone
    groups = rows_by_value(hue_place, 5)
    parts = [images.index_select(0, rows) for rows in groups]
    for place, rows in enumerate(groups[:4]):
        parts[place] = jittered(parts[place], turns[rows], plan[:, rows], place)
    return torch.cat(parts).index_select(0, torch.cat(groups).argsort())


def rows_by_value(values: Tensor, kinds: int) -> tuple[Tensor, ...]:
    """For each value 0 … kinds-1, the indices at which values (B,) has it."""
    return values.argsort(stable=True).split(values.bincount(minlength=kinds).tolist())


def jittered(images: Tensor, turns: Tensor, plan: Tensor, hue_place: int) -> Tensor:
    """Pictures (n,C,H,W) after all four: at hue_place the turns (n,), else the blends of the plan (3,n,4)."""
    for place in range(4):
        images = turn_hue(images, turns) if place == hue_place else blend(images, *plan[:, :, place])
    return images


def blend(images: Tensor, factor: Tensor, mean_share: Tensor, grey_share: Tensor) -> Tensor:
    """factor parts of each picture (n,C,H,W) and 1 - factor parts of another one, cut at 0 and 1.

    The other is mean_share of the mean of the picture's grey plus grey_share of that grey. The shares (n,) are
    0 and 0 for torchvision's `adjust_brightness`, 1 and 0 for `adjust_contrast`, 0 and 1 for `adjust_saturation`.
    """
    grey = luma(images)  # (n, 1, H, W)
    mean = grey.mean((1, 2, 3), keepdim=True) * each(mean_share)
    other = (grey * each(grey_share)).add_(mean)  # (n, 1, H, W)
    return torch.lerp(other, images, each(factor)).clamp_(0, 1)


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """The hue of each picture (n,3,H,W) turned by turns (n,) in [-.5, .5], value and saturation kept.

    The same as torchvision's `adjust_hue`, without its six cases. With V and m the largest and smallest of
    r, g, b, a pixel lies (V - 2m + g + b - r)/(V - m) sixths of a turn away from red, towards green if
    g >= b, else towards blue. Conversely a channel is V within one sixth of its own hue (red 0, green 1/3,
    blue 2/3), m beyond two sixths, and linear between. A grey pixel has V = m, and stays.
    """
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, dim=1)  # (n, 1, H, W) each
    value = torch.maximum(torch.maximum(red, green), blue)
    least = torch.minimum(torch.minimum(red, green), blue)
    chroma = value - least
    from_red = (value + green).add_(blue).sub_(red).sub_(least, alpha=2).copysign_(green - blue)
    hue = from_red.div_((6 * chroma).clamp_min_(1e-12)).add_(each(turns))  # (n, 1, H, W) turns
    own = hue.new_tensor([0, 1 / 3, 2 / 3]).view(3, 1, 1)
    away = torch.frac(hue - own + 2.5).sub_(0.5).abs_()  # (n, 3, H, W) turns, at most 1/2
    return torch.lerp(value, least, away.mul_(6).sub_(1).clamp_(0, 1))


def luma(images: Tensor) -> Tensor:
    """(n,3,H,W) -> (n,1,H,W), .2989 red + .587 green + .114 blue as in torchvision; one channel as it is."""
    if images.shape[1] == 1:
        return images
    if images.shape[1] != 3:
        raise CollapseError(
            f"colours of pictures with {images.shape[1]} channels",
            hint="colour augmentation needs 1 channel or 3; recipes without it: none, weak, digits",
        )
    red, green, blue = images.split(1, dim=1)
    return (0.2989 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)


def grey(images: Tensor, strength: float, generator: Generator, probability: float = 0.2) -> Tensor:
    """Each picture (B,C,H,W) turned grey with this probability times strength, all channels the `luma`."""
    return choose(coin(len(images), probability * strength, generator), luma(images), images)


def contrast(images: Tensor, strength: float, generator: Generator, amount: float = 0.4) -> Tensor:
    """Each picture (B,C,H,W) stretched about its own mean, by a factor uniform in 1 ± amount * strength.

    Factors are at least 0, and values cut at 0 and 1.
    """
    factor = uniform(len(images), max(0, 1 - amount * strength), 1 + amount * strength, generator)
    return torch.lerp(images.mean((1, 2, 3), keepdim=True), images, each(factor)).clamp_(0, 1)


def noise(images: Tensor, strength: float, generator: Generator, sd: float = 0.1) -> Tensor:
    """Normal noise of standard deviation sd * strength on each value of (B,C,H,W), the sum cut at 0 and 1."""
    draws = torch.randn(images.shape, generator=generator, device=generator.device)
    return draws.mul_(sd * strength).add_(images).clamp_(0, 1)
