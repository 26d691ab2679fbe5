"""Encoders f: pictures (B,C,H,W) float32 -> representations h (B,D)."""

from __future__ import annotations

from torch import nn

from collapse_cli.errors import CollapseError, nearest

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
)


def encoder(name: str, shape: tuple[int, int, int], stem: str = "cifar") -> tuple[nn.Module, int]:
    """The encoder of that name for pictures of shape (C,H,W), and the width D of its representation h."""
    if name == "convnet":
        return convnet(shape[0]), 128
    if name == "mlp":
        return mlp(shape), 128
    if name in RESNETS:
        return resnet(name, shape[0], stem)
    raise CollapseError(f"no encoder named '{name}'", nearest(name, ["convnet", "mlp", *RESNETS]))


def convnet(channels: int) -> nn.Module:
    """Three 3x3 convolutions (16, 32 with stride 2, 64), pooled to 2x2, one linear layer; all with batch norm. D = 128.

    For pictures from 8x8 on; 57k parameters for one channel.
    """
    return nn.Sequential(
        *_convolution(channels, 16, stride=1),
        *_convolution(16, 32, stride=2),
        *_convolution(32, 64, stride=1),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
    )


def _convolution(inward: int, outward: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(outward), nn.ReLU()]


def mlp(shape: tuple[int, int, int]) -> nn.Module:
    """Pixels-256-256-128 with batch norm and ReLU after each layer. D = 128."""
    layers: list[nn.Module] = [nn.Flatten()]
    width = shape[0] * shape[1] * shape[2]
    for wider in (256, 256, 128):
        layers += [nn.Linear(width, wider), nn.BatchNorm1d(wider), nn.ReLU()]
        width = wider
    return nn.Sequential(*layers)


def resnet(name: str, channels: int, stem: str) -> tuple[nn.Module, int]:
    """A torchvision ResNet without its classifier, with the stem named; D = 512 or 2048."""
    from torchvision import models

    network = models.get_model(name, weights=None)
    width = network.fc.in_features
    network.fc = nn.Identity()
    if stem == "imagenet":
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    else:
        padding = 2 if stem == "cifar-pad2" else 1
        network.conv1 = nn.Conv2d(channels, 64, 3, stride=1, padding=padding, bias=False)
        network.maxpool = nn.Identity()
    return network, width
