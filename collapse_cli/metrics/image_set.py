"""What a set of images is worth before any encoder sees it: distinct images, nearly identical ones, constant ones, classes.

Pixels are read in chunks. Every image is hashed and looked at for being constant; thumbnails are compared of COMPARED distinct
images at most, and the variance is that of VARIED images at most, both evenly spaced over the set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy
import torch
from torch import Tensor

from collapse_cli.metrics.image_copies import digests, looks, owners, thumbnails
from collapse_cli.results import number
from collapse_cli.shapes import Pixels

COMPARED = 10_000  # images whose thumbnails are compared
VARIED = 10_000  # images that the variance is measured on
LEVELS = 2  # of 255: a constant image's pixels differ by no more
CHUNK_BYTES = 16 << 20  # of pixels that are looked at together


@dataclass(frozen=True)
class ImageSet:
    """The images themselves.

    owner (N,) int64: the place of the first image with the same pixels; look (N,): of one that is the same or nearly so.
    mean, std: of each channel of pixels / 255, over VARIED images at most.
    """

    images: int = number("images looked at, N")
    distinct: int = number("images with different pixels", unit="images", headline=True)
    looks: int = number(
        "images that differ by more than a near copy, of those compared", label="distinct, near copies counted once",
        unit="images", convention="thumbnails of 16 x 16, less their mean, at length 1, nearer than 0.07", headline=True,
    )  # fmt: skip
    compared: int = number("distinct images whose thumbnails were compared", unit="images")
    largest: int = number("images of the largest group of nearly identical ones", unit="images")
    constant: int = number("images of one colour, within 2 of 255 levels", unit="images")
    black: int = number("images that are all black, within 2 of 255 levels", unit="images")
    white: int = number("images that are all white, within 2 of 255 levels", unit="images")
    between: float | None = number(
        "share of the pixels' variance that is between images: 0 where all are the same, near 1 where they share nothing",
        label="variance between images", unit="share", low=0, high=1,
    )  # fmt: skip
    classes: int = number("classes that occur", unit="classes", default=0)
    largest_class: int | None = number("images of the largest class", unit="images", default=None)
    smallest_class: int | None = number("images of the smallest class", unit="images", default=None)
    contradicting: int | None = number(
        "images whose label differs from that of another image with the same pixels",
        unit="images",
        default=None,
    )
    owner: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    look: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @property
    def copies(self) -> int:
        """Images with the same pixels as another one before them."""
        return self.images - self.distinct

    @property
    def near_copies(self) -> int:
        """Images with pixels of their own that are nearly the same as another one, among those that were compared."""
        return max(self.compared - self.looks, 0)


class Counting:
    """Images that come in chunks. total: how many will come at most, N; compared: of how many thumbnails are kept at most;
    learned: how many will come that mean, deviation and variance are of; None: all."""

    def __init__(self, total: int, compared: int = COMPARED, learned: int | None = None) -> None:
        self.count, self.learned, self.compared = 0, 0, _spaced(total, compared)
        self.varied = _spaced(total if learned is None else learned, VARIED)
        self.hashes: list[numpy.ndarray] = []
        self.extremes: list[numpy.ndarray] = []  # lowest and highest level of each channel, (b,2,C) uint8
        self.thumbs: list[Tensor] = []
        self.colours: list[Tensor] = []
        self.places: list[Tensor] = []
        self.sum, self.squares, self.summed = torch.zeros(()), torch.zeros(()), 0

    def add(self, pixels: Tensor, learned: bool = True) -> None:
        """pixels (b,C,H,W) uint8, of the same C, H, W in every chunk. learned: mean, deviation and variance are of these, too."""
        if not len(pixels):
            return
        pixels = pixels.cpu().contiguous()
        flat = pixels.numpy().reshape(len(pixels), pixels.shape[1], -1)  # (b, C, H*W)
        self.hashes.append(digests(pixels))
        self.extremes.append(numpy.stack([flat.min(axis=2), flat.max(axis=2)], axis=1))
        if len(chosen := _of_chunk(self.compared, self.count, len(pixels))):
            thumbs, colours = thumbnails(pixels[chosen])
            self.thumbs.append(thumbs.half())
            self.colours.append(colours)
            self.places.append(chosen + self.count)
        if learned and len(chosen := _of_chunk(self.varied, self.learned, len(pixels))):
            values = pixels[chosen].float().flatten(2)  # (b, C, H*W)
            self.sum = self.sum + values.sum(dim=0).double()  # (C, H*W)
            self.squares = self.squares + values.square().sum(dim=2).double().sum(dim=0)  # (C,)
            self.summed += len(chosen)
        self.learned += len(pixels) * learned
        self.count += len(pixels)

    def result(self, labels: Tensor | None = None) -> ImageSet:
        """labels (N,) int64, or None."""
        hashes = numpy.concatenate(self.hashes)
        owner = owners(hashes)
        lowest, highest = numpy.concatenate(self.extremes).swapaxes(0, 1)  # (N, C) each
        plain = torch.from_numpy((highest.astype(int) - lowest <= LEVELS).all(axis=1))
        compared, leaders = self._compared(owner, plain)
        look = owner.clone()
        look[compared] = leaders
        look = look[owner]
        mean, std, between = self._variance()
        return ImageSet(
            self.count,
            distinct=len(torch.unique(owner)),
            looks=len(torch.unique(leaders)) if len(compared) else len(torch.unique(owner)),
            compared=len(compared),
            largest=int(torch.bincount(look).max()),
            constant=int(plain.sum()),
            black=int((highest <= LEVELS).all(axis=1).sum()),
            white=int((lowest >= 255 - LEVELS).all(axis=1).sum()),
            between=between,
            owner=owner, look=look, mean=mean, std=std,
            **_of_labels(labels, owner),
        )  # fmt: skip

    def _compared(self, owner: Tensor, plain: Tensor) -> tuple[Tensor, Tensor]:
        """The distinct images whose thumbnails were kept (n,), by the place of the first with their pixels, and of which of
        these places each is a near copy (n,)."""
        if not self.places:
            return owner[:0], owner[:0]
        firsts = owner[torch.cat(self.places)].numpy()
        places, rows = map(torch.from_numpy, numpy.unique(firsts, return_index=True))
        thumbs, colours = torch.cat(self.thumbs)[rows].float(), torch.cat(self.colours)[rows]
        return places, places[looks(thumbs, colours, plain[places])]

    def _variance(self) -> tuple[tuple[float, ...], tuple[float, ...], float | None]:
        """Mean and deviation of each channel, and the share of the variance that is between images; None without any.

        None of these where no image came that they are of.
        """
        if not self.summed:
            return (), (), None
        each = self.sum / self.summed  # (C, H*W)
        mean = each.mean(dim=1)  # (C,)
        variance = (self.squares / (self.summed * each.shape[1]) - mean.square()).clamp_min(0)  # (C,)
        within = (each - mean[:, None]).square().mean(dim=1)  # (C,), of the mean image
        total = float(variance.sum())
        share = None if total < 1e-9 else min(max(1 - float(within.sum()) / total, 0.0), 1.0)
        deviations = tuple(std if std > 1e-6 else 1.0 for std in (variance.sqrt() / 255).tolist())
        return tuple((mean / 255).tolist()), deviations, share


def image_set(
    pixels: Tensor | Pixels,
    labels: Tensor | None = None,
    index: Tensor | None = None,
    compared: int = COMPARED,
) -> ImageSet:
    """Facts of images (N,C,H,W) uint8 in memory or of a stream; index (n,) int64: of these alone. labels (N,) or None."""
    index = torch.arange(pixels.shape[0]) if index is None else index.cpu()
    counting = Counting(len(index), compared)
    size = max(CHUNK_BYTES // max(math.prod(pixels.shape[1:]), 1), 1)
    for chunk in torch.split(index, size):
        counting.add(pixels[chunk.to(pixels.device) if isinstance(pixels, Tensor) else chunk])
    return counting.result(None if labels is None else labels.cpu()[index])


def shared(group: Tensor, first: Tensor) -> int:
    """Images of a second part that are in the first, too. group (N,): which are the same; first (N,) bool: the first part."""
    return int(torch.isin(group[~first], group[first]).sum())


def _of_chunk(places: Tensor, start: int, size: int) -> Tensor:
    """Those of the sorted places that lie among `size` images from `start` on, counted from there."""
    low, high = (int(torch.searchsorted(places, end)) for end in (start, start + size))
    return places[low:high] - start


def _spaced(total: int, most: int) -> Tensor:
    return torch.linspace(0, total - 1, min(total, most), dtype=torch.float64).long()


def _of_labels(labels: Tensor | None, owner: Tensor) -> dict[str, int]:
    """Sizes of the classes that occur, and how many images are labelled in different ways."""
    if labels is None:
        return {}
    labels = labels.cpu()
    owner, labels = owner[labels >= 0], labels[labels >= 0]
    sizes = torch.unique(labels, return_counts=True)[1]
    pairs = torch.unique(torch.stack([owner, labels], dim=1), dim=0)
    ways = torch.bincount(pairs[:, 0])  # labels of each group of copies
    return {
        "classes": len(sizes),
        "largest_class": int(sizes.max()) if len(sizes) else 0,
        "smallest_class": int(sizes.min()) if len(sizes) else 0,
        "contradicting": int((ways[owner] > 1).sum()),
    }
