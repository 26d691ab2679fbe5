"""The residual network of He et al. (2016, arXiv:1512.03385), by torchvision's names of weights, of any depth, width and stem.

torchvision has it too, but takes as long to load as torch itself; a checkpoint is to be read without that wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from collapse_cli.models.encoders import Stem


@dataclass(frozen=True)
class Shape:
    """What the weights of a ResNet tell.

    channels of the images; stem: width of the first convolution; planes: width of the first stage, doubled in each that
    follows; blocks of each stage; bottleneck: whether a block has three convolutions; groups and inner: of its 3x3, inner of
    the first stage.
    """

    channels: int
    stem: int
    planes: int
    blocks: Sequence[int]
    bottleneck: bool
    groups: int
    inner: int


class Basic(nn.Module):
    """Two 3x3 convolutions beside a shortcut: (B,C,H,W) -> (B,planes,H/stride,W/stride)."""

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, planes, 3, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = convolution(planes, planes, 3)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(channels, planes, stride)

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(maps)))
        change: Tensor = self.bn2(self.conv2(inner))
        beside = maps if self.downsample is None else self.downsample(maps)
        activated: Tensor = self.relu(change + beside)
        return activated


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 beside a shortcut: (B,C,H,W) -> (B,4 planes,H/stride,W/stride)."""

    def __init__(self, channels: int, planes: int, stride: int, groups: int, inner: int) -> None:
        super().__init__()
        self.conv1 = convolution(channels, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = convolution(inner, inner, 3, stride, groups)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = convolution(inner, 4 * planes, 1)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(channels, 4 * planes, stride)

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.relu(self.bn1(self.conv1(maps)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        change: Tensor = self.bn3(self.conv3(inner))
        beside = maps if self.downsample is None else self.downsample(maps)
        activated: Tensor = self.relu(change + beside)
        return activated


class ResNet(nn.Module):
    """Images (B,C,H,W) -> h (B,D), without classifier. The stem is what no weight tells."""

    def __init__(self, shape: Shape, stem: Stem) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(shape.channels, shape.stem, stem.kernel, stem.stride, stem.padding, bias=False)
        self.bn1 = nn.BatchNorm2d(shape.stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stem.pool else nn.Identity()
        self.stages = len(shape.blocks)
        width = shape.stem
        for stage, count in enumerate(shape.blocks):
            blocks: list[nn.Module] = []
            for place in range(count):
                blocks.append(_block(shape, width, stage, 2 if stage and not place else 1))
                width = (shape.planes << stage) * (4 if shape.bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(self.stages):
            maps = getattr(self, f"layer{stage + 1}")(maps)
        pooled: Tensor = self.avgpool(maps).flatten(1)
        return pooled


def _block(shape: Shape, width: int, stage: int, stride: int) -> nn.Module:
    planes = shape.planes << stage
    if not shape.bottleneck:
        return Basic(width, planes, stride)
    return Bottleneck(width, planes, stride, shape.groups, shape.inner << stage)


def convolution(inward: int, outward: int, side: int, stride: int = 1, groups: int = 1) -> nn.Module:
    """A convolution without bias that keeps the side, but for the stride."""
    return nn.Conv2d(inward, outward, side, stride, side // 2, groups=groups, bias=False)


def shortcut(channels: int, planes: int, stride: int) -> nn.Module | None:
    """1x1 and a norm where a block changes the width or the side, else nothing."""
    if stride == 1 and channels == planes:
        return None
    return nn.Sequential(convolution(channels, planes, 1, stride), nn.BatchNorm2d(planes))
