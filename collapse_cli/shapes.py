"""Every tensor that travels between rooms, with its shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from collapse_cli.constants import constant
from collapse_cli.data_notes import DataNote
from collapse_cli.fingerprint import Contents

if TYPE_CHECKING:
    import torch
    from torch import Tensor


Curves = dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
"""Curves by name, x and y of the same length each."""

Sees = Literal["directions", "rows", "columns"]
"""What a loss knows of embeddings: their directions alone, the rows as they are, or columns standardised over the batch."""

Side = Literal["projection", "key", "prediction", "target", "neighbour", "slot", "class weight"]
"""What stands on one side of a pair in a loss: z of the network itself, z of the slow key encoder, what a predictor makes of z,
z of the slow target network, the nearest neighbour in a support set, the image's slot in a bank, the weight of its class."""

StemName = Literal[
    "imagenet",
    "imagenet-nopool",
    "imagenet-stride1",
    "imagenet-stride1-nopool",
    "cifar",
    "cifar-pad2",
    "cifar-pool",
    "cifar-stride2",
    "cifar-stride2-pool",
]
"""The first layers of a ResNet: `models.encoders.STEMS` says what each is."""

Resample = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]
"""Pillow's filters for images of another size."""

Unpacking = Literal["none", "bits", "scale"]
"""How rows of whole numbers are turned into what they stand for."""


class Pixels(Protocol):
    """Images that are read when they are asked for, with the face of a tensor of them."""

    @property
    def held(self) -> bool:
        """Whether they stay in memory once they were read, so that they are treated as a tensor is."""

    @property
    def shape(self) -> Sequence[int]:
        """(N, C, H, W)."""

    def __getitem__(self, index: Tensor) -> Tensor:
        """index (B,) int64 -> images (B, C, H, W) uint8."""

    def ahead(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Of each part (b,) int64 the images (b, C, H, W) uint8; of a stream they may be read before they are asked for."""


class Rows(Protocol):
    """What a tensor of rows and a folder of memory-mapped shards have in common: N rows of D numbers, of any float type."""

    @property
    def shape(self) -> Sequence[int]:
        """(N, D)."""

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """A slice start:stop, or an index (b,) int64 -> those rows (b, D)."""


@dataclass(frozen=True)
class Framing:
    """How an image of any size becomes a square of `side` pixels (0: its own, where all have one and it is square).

    resized 0: the middle square is cut out, and resized. Else the shorter side becomes `resized` pixels, or both sides where
    stretched (0: `side`), and the middle square of `side` pixels is cut out. resample: the filter, by Pillow's name. floored:
    where an odd number of pixels is cut off, the smaller half is cut off at the top and on the left; else an even number is.
    """

    side: int = 0
    resized: int = 0
    stretched: bool = False
    resample: Resample = "bicubic"
    floored: bool = False


@dataclass(frozen=True)
class DataShape:
    """What a method has to know of a data set to be built: image (C,H,W), images N, classes C (0: no labels)."""

    image: tuple[int, int, int]
    images: int
    classes: int


def class_count(labels: Tensor | None, classes: Sequence[str]) -> int:
    """Classes of labels (N,): those that are named, and the distinct labels without a name; 0 without labels."""
    if labels is None:
        return 0
    return len(classes) + len(set(labels[labels >= len(classes)].tolist()))


@dataclass(frozen=True)
class Images:
    """Images of one split of a data set, in memory (a tensor) or read when asked for (a stream).

    pixels (N,C,H,W) uint8; labels (N,) int64 or None; classes: C names, or none where classes are called by their numbers;
    name: where they came from, as `digits/train`. files: where each image lies, below the folder that was given, if it is a file.
    notes: what of the source is not used, or not used as it is. contents: of encoded images, by what they are known again.
    """

    pixels: Tensor | Pixels
    labels: Tensor | None
    classes: tuple[str, ...]
    name: str
    files: tuple[str, ...] = ()
    notes: tuple[DataNote, ...] = ()
    contents: Contents | None = None

    def __len__(self) -> int:
        return self.pixels.shape[0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def data_shape(self) -> DataShape:
        return DataShape(self.shape, len(self), class_count(self.labels, self.classes))

    @property
    def streamed(self) -> bool:
        """Whether they are read whenever they are asked for, and do not stay in memory."""
        from torch import Tensor

        return not isinstance(self.pixels, Tensor) and not self.pixels.held

    def to(self, device: torch.device | str) -> Images:
        """The same images, moved; those that are decoded when they are asked for are moved batch by batch."""
        from torch import Tensor

        labels = None if self.labels is None else self.labels.to(device)
        pixels = self.pixels.to(device) if isinstance(self.pixels, Tensor) else self.pixels
        return replace(self, pixels=pixels, labels=labels)


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, C values each, of images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """images (B,C,H,W) in [0, 1] -> the same with mean 0 and standard deviation 1 over the data set."""
        mean, std = (constant(values, images).view(-1, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std


@dataclass(frozen=True)
class Pair:
    """What a loss compares of two views of an image: the query is made of one, the positive of the other."""

    query: Side
    positive: Side

    @property
    def of_views(self) -> bool:
        """Two views through one network: nothing else than what alignment is measured on."""
        return self.query == self.positive == "projection"


VIEWS = Pair("projection", "projection")


@dataclass(frozen=True)
class Origin:
    """Which images rows came from: index (B,) int64 in the data set, labels (B,) int64 or None; -1: not known."""

    index: Tensor
    labels: Tensor | None

    def twice(self) -> Origin:
        """Of two views of the same images, one below the other: (2B,) each."""
        return Origin(self.index.repeat(2), None if self.labels is None else self.labels.repeat(2))


@dataclass(frozen=True)
class Batch:
    """Two views of the same B images: first, second (B,C,H,W) float32, normalised.

    index (B,) int64: which images of the data set these are; labels (B,) int64, or None;
    generator: the source of chance for what a method still draws; place: of the batch among those of its step, from 0 on,
    where the gradients of several are accumulated.
    """

    first: Tensor
    second: Tensor
    index: Tensor
    labels: Tensor | None
    generator: torch.Generator
    place: int = 0

    @property
    def origin(self) -> Origin:
        return Origin(self.index, self.labels)


@dataclass(frozen=True)
class Embeddings:
    """What an encoder makes of N images: representations h (N,D) and projections z (N,d), as the network gave them.

    Not L2-normalised: metrics that need unit embeddings normalise them. labels (N,) int64 or None; index (N,) int64:
    which images of the data set these are.
    """

    representations: Tensor
    projections: Tensor | None
    labels: Tensor | None
    index: Tensor
    classes: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return self.representations.shape[0]

    @property
    def spaces(self) -> dict[str, Tensor]:
        """The spaces that can be measured, by the papers' letters: `h`, and `z` where there are projections."""
        named = {"h": self.representations, "z": self.projections}
        return {name: rows for name, rows in named.items() if rows is not None}
