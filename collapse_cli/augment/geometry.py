"""Where each pixel is read from: crop, flip, shift, affine map; and cutout, the pixels that are not read.

Crop and shift move rows and columns separately, so they are told by two coordinate vectors per image,
and one `grid_sample` reads all images at once.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from collapse_cli.augment.draws import choose, coin, uniform
from collapse_cli.constants import constant

SMALLEST_CROP = 0.02  # share of the image's area; below it a crop of 32 x 32 is a few pixels
TRIES = 10


def random_resized_crop(
    images: Tensor, strength: float, generator: Generator, low: float = 0.08, mirrored: float = 0.0
) -> Tensor:
    """A random box of each image (B,C,H,W), stretched to the image's own size.

    At strength 1 the box is that of torchvision's `RandomResizedCrop(scale=(low, 1))`, see `crop_boxes`.
    Strength moves the smallest share of the area to low**strength (never below .02) and the widest log-ratio
    to strength times log 4/3; below 1 the ratio is centred between the image's own and 1, so that the crop
    of an image that is not square tends to the whole of it. `mirrored` is the probability of a `flip`, which
    costs nothing where pixels are read anyway.

    Bilinear; pixels outside the box are not read. The box is never larger than the output: there is nothing
    to antialias, and torchvision's `antialias=True` and `False` both agree with this.
    """
    if strength == 0:
        return images
    count, _, height, width = images.shape
    log_ratio = math.log(width / height) * max(0.0, 1 - strength)
    reach = math.log(4 / 3) * strength
    smallest = max(low**strength, SMALLEST_CROP)
    ratios = (math.exp(log_ratio - reach), math.exp(log_ratio + reach))
    top, left, tall, wide = crop_boxes(count, (height, width), smallest, ratios, generator)
    rows, columns = stretched(top, tall, height), stretched(left, wide, width)
    turned = coin(count, mirrored * min(strength, 1.0), generator).unsqueeze(1)
    return read(images, rows, torch.where(turned, columns.flip(1), columns))


def crop_boxes(
    count: int, size: tuple[int, int], low: float, ratios: tuple[float, float], generator: Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """top, left, height, width of one integer box per image, each (count,) float32.

    torchvision's `RandomResizedCrop.get_params`: area share uniform in (low, 1), width/height log-uniform
    between the ratios, both sides rounded; the first of 10 tries that fits, at a uniform place; where none
    fits, the largest central box whose ratio is legal.
    """
    height, width = size
    tries = torch.rand(2, count, TRIES, generator=generator, device=generator.device)
    area = height * width * (low + (1 - low) * tries[0])  # (B, 10)
    ratio = torch.exp(math.log(ratios[0]) + math.log(ratios[1] / ratios[0]) * tries[1])  # (B, 10)
    sides = torch.stack(((area / ratio).sqrt().round(), (area * ratio).sqrt().round()))  # (2, B, 10)
    room = constant(size, sides)  # (2,)
    fits = ((sides > 0) & (sides <= room.view(2, 1, 1))).all(0)  # (B, 10)
    first = fits.byte().argmax(1).expand(2, count).unsqueeze(2)  # (2, B, 1)
    fitted, central = fits.any(1), constant(central_box(size, ratios), sides).view(2, 1)
    box = torch.where(fitted, sides.gather(2, first).squeeze(2), central)  # (2, B)
    places = torch.rand(2, count, generator=generator, device=generator.device)
    free = room.view(2, 1) - box
    corner = torch.where(fitted, (places * (free + 1)).floor(), (free / 2).floor())  # (2, B)
    return corner[0], corner[1], box[0], box[1]


def central_box(size: tuple[int, int], ratios: tuple[float, float]) -> tuple[int, int]:
    """Height and width of the largest box in the image whose width/height lies between the ratios."""
    height, width = size
    ratio = min(max(width / height, ratios[0]), ratios[1])
    return min(height, round(width / ratio)), min(width, round(height * ratio))


def stretched(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Coordinates (B, size) that spread length (B,) pixels from start (B,) on over size, none outside."""
    target = torch.arange(size, device=start.device) + 0.5
    inside = target * (length / size).unsqueeze(1) - 0.5  # (B, size)
    return start.unsqueeze(1) + inside.clamp_min(0).minimum(length.unsqueeze(1) - 1)


def read(images: Tensor, rows: Tensor, columns: Tensor, mode: str = "bilinear") -> Tensor:
    """Images (B,C,H,W) read at rows (B,H) and columns (B,W), in pixels: 0 is the first pixel's centre."""
    height, width = images.shape[2:]
    across = ((2 * columns + 1) / width - 1).unsqueeze(1).expand(-1, height, -1)  # (B, H, W)
    down = ((2 * rows + 1) / height - 1).unsqueeze(2).expand(-1, -1, width)
    grid = torch.view_as_real(torch.complex(across, down))  # (B, H, W, 2): `stack`, at half the cost
    return F.grid_sample(images, grid, mode, padding_mode="border", align_corners=False).clamp_(0, 1)


def flip(images: Tensor, strength: float, generator: Generator, probability: float = 0.5) -> Tensor:
    """Each image (B,C,H,W) mirrored left to right with this probability.

    Strength below 1 scales the probability; above 1 it changes nothing, for a mirror that is always there
    tells two views of an image no more apart than none.
    """
    chosen = coin(len(images), probability * min(strength, 1.0), generator)
    return choose(chosen, images.flip(-1), images)


def shift(images: Tensor, strength: float, generator: Generator, reach: float = 0.125) -> Tensor:
    """Each image (B,C,H,W) moved by whole pixels, the border reflected: FixMatch's weak shift (2001.07685).

    Rows and columns move by integers uniform in ± reach * strength of the side, rounded; at most half of it.
    """
    count, _, height, width = images.shape
    most = min(reach * strength, 0.5)
    rows, columns = (moved(count, side, round(most * side), generator) for side in (height, width))
    return read(images, rows, columns, "nearest")


def moved(count: int, size: int, reach: int, generator: Generator) -> Tensor:
    """Coordinates (count, size) moved by an integer uniform in [-reach, reach], reflected at both ends."""
    device = generator.device
    steps = torch.randint(-reach, reach + 1, (count, 1), generator=generator, device=device)
    far = torch.arange(size, device=device) + steps
    return (size - 1 - (size - 1 - far.abs()).abs()).float()


def affine(
    images: Tensor,
    strength: float,
    generator: Generator,
    degrees: float = 15.0,
    log_scale: float = 0.2,
    reach: float = 0.15,
    shear: float = 0.1,
) -> Tensor:
    """Each image (B,C,H,W) turned, zoomed, sheared and shifted about its centre in one bilinear reading.

    All four are uniform and symmetric about nothing: ± degrees, zoom exp(± log_scale), columns shifted by
    ± shear per row, shift ± reach of each side. Strength scales every bound. What comes in from outside is 0,
    the paper on which digits are written. Amounts: our digits experiments, `s`.
    """
    if strength == 0:
        return images
    amounts = (math.radians(degrees), log_scale, shear, 2 * reach, 2 * reach)
    bounds = [strength * amount for amount in amounts]
    angle, zoom, lean, right, down = (uniform(len(images), -bound, bound, generator) for bound in bounds)
    matrix = sampling_matrix(angle, zoom, lean, right, down, images.shape[3] / images.shape[2])
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="zeros", align_corners=False).clamp_(0, 1)


def sampling_matrix(
    angle: Tensor, log_zoom: Tensor, shear: Tensor, right: Tensor, down: Tensor, aspect: float
) -> Tensor:
    """(B,2,3): where the output reads the input, both in [-1,1] per side, so that circles stay circles.

    The five draws (B,) are radians, log of the magnification, columns per row, and shifts in half sides;
    aspect is width/height.
    """
    cos, sin = angle.cos() / log_zoom.exp(), angle.sin() / log_zoom.exp()
    across = torch.stack((cos, (shear * cos - sin) / aspect, right), dim=1)
    along = torch.stack((sin * aspect, shear * sin + cos, down), dim=1)
    return torch.stack((across, along), dim=1)


def cutout(images: Tensor, strength: float, generator: Generator, share: float = 0.3) -> Tensor:
    """A square of zeros in each image (B,C,H,W), wholly inside, at a uniform place (after 1708.04552).

    Its side is share * strength of the image's shorter side, rounded, and at most half of that side.
    """
    count, _, height, width = images.shape
    side = round(min(share * strength, 0.5) * min(height, width))
    rows, columns = (within(count, size, side, generator) for size in (height, width))
    hole = rows.unsqueeze(2) & columns.unsqueeze(1)  # (B, H, W)
    return images.masked_fill(hole.unsqueeze(1), 0)


def within(count: int, size: int, length: int, generator: Generator) -> Tensor:
    """(count, size) bool: true on `length` neighbours, which start anywhere that they fit."""
    device = generator.device
    start = torch.randint(0, size - length + 1, (count, 1), generator=generator, device=device)
    place = torch.arange(size, device=device) - start
    return (place >= 0) & (place < length)
