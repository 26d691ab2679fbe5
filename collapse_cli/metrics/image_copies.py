"""Which images are copies of others: the same pixels, told by a hash, or nearly the same, told by small thumbnails.

Nearly the same: thumbnails of the luma, 16x16, less their mean and at length 1, are nearer than NEAR to each other, their
contrasts differ by less than a quarter, and the mean of each colour by less than BRIGHT levels. Centring and length forgive a
change of brightness; 16x16 forgives what JPEG does to fine detail. Measured distances: copies saved as JPEG of quality 75 or
better .00 to .03, a tenth brighter .00 to .10 where white clips; the two nearest of 1,797 digits .108, of the same at 28x28 with
sharp strokes .090, of 20,000 of CIFAR-10 .134.

A copy is a copy of the first image of its group: a chain of images, each near the next, does not become one image.
"""

from __future__ import annotations

import hashlib

import numpy
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

NEAR = 0.07  # distance of two thumbnails of length 1
BRIGHT = 24.0  # levels of 255 by which the means of a colour may differ
CONTRAST = 1.25  # ratio of two contrasts
SIDE = 16  # of a thumbnail
COLOUR = 4.0  # levels within which two images of one colour have the same one
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
BLOCK = 512


def digests(pixels: Tensor) -> numpy.ndarray:
    """pixels (b,C,H,W) uint8 -> (b,) uint64: 64 bits of BLAKE2b of each image, equal for the same pixels.

    Two different images of a million have the same with a probability of 3e-8.
    """
    rows = numpy.ascontiguousarray(pixels.cpu().numpy()).reshape(len(pixels), -1)
    joined = b"".join([hashlib.blake2b(row, digest_size=8).digest() for row in rows])
    return numpy.frombuffer(joined, dtype=numpy.uint64)


def owners(keys: numpy.ndarray) -> Tensor:
    """keys (N,) -> (N,) int64: the place of the first item with the same key."""
    _, first, number = numpy.unique(keys, return_index=True, return_inverse=True)
    return torch.from_numpy(first[number])


def thumbnails(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """pixels (b,C,H,W) uint8 -> luma (b, h*w) with h, w <= SIDE, and the mean of each colour (b,C), both in levels."""
    channels, height, width = pixels.shape[1:]
    small = adaptive_avg_pool2d(pixels.cpu().float(), (min(height, SIDE), min(width, SIDE)))  # (b, C, h, w)
    weights = small.new_tensor(LUMA if channels == len(LUMA) else [1 / channels] * channels)
    luma = (small * weights[:, None, None]).sum(dim=1)
    return luma.flatten(1), small.mean(dim=(2, 3))


def looks(thumbs: Tensor, colours: Tensor, plain: Tensor) -> Tensor:
    """(n,) int64: the place of the image that each is a near copy of, its own where it is none.

    thumbs (n,t), colours (n,C); plain (n,) bool: images of one colour, which are compared by that alone.
    """
    owner = torch.arange(len(thumbs))
    for some, of in ((plain, _of_plain), (~plain, _of_pictured)):
        places = some.nonzero()[:, 0]
        if len(places):
            owner[places] = places[of(thumbs[places], colours[places])]
    return owner


def _of_plain(thumbs: Tensor, colours: Tensor) -> Tensor:
    levels = (colours / COLOUR).round().long()  # (n, C), up to 64
    _, number = levels.unique(dim=0, return_inverse=True)
    return owners(number.numpy())


def _of_pictured(thumbs: Tensor, colours: Tensor) -> Tensor:
    """Leaders in the order of brightness: each image joins the nearest leader before it, or becomes one."""
    order = thumbs.mean(dim=1).argsort(stable=True)
    comparing = _Comparing(thumbs[order], colours[order])
    owner = torch.arange(len(order))
    leaders = owner[:0]
    for block in torch.split(torch.arange(len(order)), BLOCK):
        block = comparing.join(block, leaders, owner)
        leaders = torch.cat([leaders, comparing.lead(block, owner)])
    result = torch.empty_like(owner)
    result[order] = order[owner]
    return result


class _Comparing:
    """Images in the order of their brightness (n,): unit thumbnails, and an orthonormal part of them that bounds distances."""

    def __init__(self, thumbs: Tensor, colours: Tensor) -> None:
        self.brightness, self.colours = thumbs.mean(dim=1), colours
        centred = thumbs - self.brightness[:, None]
        self.contrast = centred.norm(dim=1)
        self.unit = centred / self.contrast.clamp_min(1e-6)[:, None]
        coarse = self.unit
        if self.unit.shape[1] == SIDE**2:  # means of 2x2 blocks, times 2
            coarse = self.unit.view(-1, SIDE // 2, 2, SIDE // 2, 2).sum(dim=(2, 4)).flatten(1) / 2
        self.coarse, self.squares = coarse, coarse.square().sum(dim=1)

    def join(self, block: Tensor, leaders: Tensor, owner: Tensor) -> Tensor:
        """Those of a block that are near no leader; of the others the owner is set."""
        darkest = self.brightness[block[0]] - BRIGHT
        reached = leaders[int(torch.searchsorted(self.brightness[leaders].contiguous(), darkest)) :]
        if not len(reached):
            return block
        best = reached[
            (self.squares[reached] - 2 * self.coarse[block] @ self.coarse[reached].T).argmin(dim=1)
        ]
        joins = self.near(block, best)
        owner[block[joins]] = best[joins]
        return block[~joins]

    def lead(self, block: Tensor, owner: Tensor) -> Tensor:
        """The leaders among the images of a block; of the others the owner is set."""
        squares = self.squares[block]
        apart = squares[:, None] + squares - 2 * self.coarse[block] @ self.coarse[block].T  # (b, b)
        close = (apart <= NEAR**2 + 1e-5).triu(diagonal=1)
        leads = torch.ones(len(block), dtype=torch.bool)
        for place in close.any(dim=1).nonzero()[:, 0].tolist():
            if leads[place]:
                later = (close[place] & leads).nonzero()[:, 0]
                later = later[self.near(block[later], block[place])]
                owner[block[later]] = block[place]
                leads[later] = False
        return block[leads]

    def near(self, some: Tensor, others: Tensor) -> Tensor:
        """Whether images are nearly the same as those of other places, or of one."""
        ratio = self.contrast[some] / self.contrast[others]
        alike = (ratio < CONTRAST) & (ratio > 1 / CONTRAST)
        bright = (self.colours[some] - self.colours[others]).abs().amax(dim=-1) <= BRIGHT
        return ((self.unit[some] - self.unit[others]).norm(dim=-1) <= NEAR) & alike & bright
