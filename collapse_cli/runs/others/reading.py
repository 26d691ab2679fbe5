"""One reading of weights: the network that they are of, and the images that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.framings import NOTHING, StatedFraming
from collapse_cli.runs.others.layouts import BESIDE, NONE, Branch, Choices, Layout
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.shapes import Normalisation


@dataclass(frozen=True)
class Question:
    """What a family of networks is asked: are these weights its own? tensors: those of one branch, without its prefix."""

    held: FileTensors
    layout: Layout
    branch: Branch
    tensors: Mapping[str, Tensor]
    choices: Choices


@dataclass(frozen=True)
class ImageForm:
    """The images that a network was trained on, as far as it tells: channels, side (H = W) in pixels, normalisation.

    multiple: what the side of any image must be divisible by; fixed: whether no other side will do. framed: how images become
    squares for networks of this kind.
    """

    channels: int
    side: int
    normalisation: Normalisation
    multiple: int = 1
    fixed: bool = False
    framed: StatedFraming = NOTHING


@dataclass(frozen=True)
class Reading:
    """A network (B,C,H,W) -> h (B,D), on the meta device or without its weights, and those of the file by the network's names.

    Every weight of the file is there, also what the network does not use. assumed: what the weights leave open, how it was
    taken, and which option says otherwise.
    beside: beginnings of names, by the network's, of what lies beside it: heads, a decoder.
    width: D, where the family knows it; else it is found.
    uses: the names of the file's weights that it uses, where its own names do not tell.
    refusal: why these weights, which are of this family, are not read all the same; then the network is none.
    """

    arch: str
    network: nn.Module
    weights: Mapping[str, Tensor]
    images: ImageForm
    assumed: tuple[str, ...] = ()
    stem: str = ""
    beside: tuple[str, ...] = BESIDE
    refusal: CollapseError | None = None
    width: int = 0
    uses: frozenset[str] | None = None


def refused(error: CollapseError) -> Reading:
    """No network: of weights of a family that it does not read, or that leave its function open."""
    return Reading("", nn.Identity(), {}, ImageForm(3, 1, NONE), refusal=error)
