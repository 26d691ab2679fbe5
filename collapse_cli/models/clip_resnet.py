"""CLIP's image encoder with convolutions (Radford et al. 2021, arXiv:2103.00020, sec. 2.4): a ResNet that pools by attention."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

Weights = Mapping[str, Tensor]

NAMES: dict[tuple[int, ...], str] = {
    (3, 4, 6, 3, 64): "clip_rn50",
    (3, 4, 23, 3, 64): "clip_rn101",
    (4, 6, 10, 6, 80): "clip_rn50x4",
    (6, 8, 18, 8, 96): "clip_rn50x16",
    (3, 15, 36, 10, 128): "clip_rn50x64",
}
"""Blocks of the four stages and width -> the name of a published one."""

HEAD = 64  # the width of an attention head, in all of them
SHRUNK = 32  # pixels along a side of the image for one place of the last feature map


class Block(nn.Module):
    """A bottleneck whose convolutions never stride: an average pool comes before the last one, and before the shortcut's."""

    def __init__(self, inward: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1 or inward != 4 * planes:
            shortcut = [
                ("-1", nn.AvgPool2d(stride)),
                ("0", nn.Conv2d(inward, 4 * planes, 1, bias=False)),
                ("1", nn.BatchNorm2d(4 * planes)),
            ]
            self.downsample = nn.Sequential(OrderedDict(shortcut))

    def forward(self, features: Tensor) -> Tensor:
        """(B,C,H,W) -> (B,4·planes,H/stride,W/stride)."""
        inner = functional.relu(self.bn1(self.conv1(features)))
        inner = self.pool(functional.relu(self.bn2(self.conv2(inner))))
        added: Tensor = self.bn3(self.conv3(inner)) + self.downsample(features)
        return functional.relu(added)


class AttentionPool(nn.Module):
    """Features (B,C,n,n) -> (B,D): their mean attends to them and to itself, each with its position."""

    def __init__(self, places: int, width: int, out: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.positional_embedding = nn.Parameter(torch.empty(places, width))
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.c_proj = nn.Linear(width, out)

    def forward(self, features: Tensor) -> Tensor:
        tokens = features.flatten(2).transpose(1, 2)  # (B,n²,C)
        tokens = torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1) + self.positional_embedding
        queries, keys, values = (
            layer(part).unflatten(-1, (self.heads, HEAD)).transpose(1, 2)  # (B,heads,1 or n²+1,64)
            for layer, part in ((self.q_proj, tokens[:, :1]), (self.k_proj, tokens), (self.v_proj, tokens))
        )
        attended = functional.scaled_dot_product_attention(queries, keys, values)  # (B,heads,1,64)
        pooled: Tensor = self.c_proj(attended.transpose(1, 2).flatten(1))
        return pooled


class ClipResNet(nn.Module):
    """Images (B,3,H,W), of the side that the positions were learned for -> the embedding (B,D) that is compared with texts."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        narrow, channels = weights["conv1.weight"].shape[:2]
        width = weights["conv3.weight"].shape[0]
        self.conv1 = nn.Conv2d(channels, narrow, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3 = nn.Conv2d(narrow, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(2)
        inward = width
        for stage, count in enumerate(blocks(weights)):
            planes, stride = width << stage, 1 if stage == 0 else 2
            first, inward = Block(inward, planes, stride), 4 * planes
            rest = [Block(inward, planes, 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(first, *rest))
        places, out = (
            weights["attnpool.positional_embedding"].shape[0],
            weights["attnpool.c_proj.weight"].shape[0],
        )
        self.attnpool = AttentionPool(places, inward, out)

    def forward(self, images: Tensor) -> Tensor:
        features = images
        for conv, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            features = functional.relu(norm(conv(features)))
        features = self.pool(features)
        for stage in (1, 2, 3, 4):
            features = self.get_submodule(f"layer{stage}")(features)
        pooled: Tensor = self.attnpool(features)
        return pooled


def blocks(weights: Weights) -> tuple[int, ...]:
    """Blocks of the four stages."""
    names = [name.split(".") for name in weights]
    return tuple(len({name[1] for name in names if name[0] == f"layer{stage}"}) for stage in (1, 2, 3, 4))


def clip_resnet(weights: Weights) -> tuple[str, nn.Module]:
    """The network of these shapes, without weights, and its name. Raises KeyError where a part of one is missing altogether."""
    width, counts = weights["conv3.weight"].shape[0], blocks(weights)
    with torch.device("meta"):
        network = ClipResNet(weights)
    return NAMES.get((*counts, width), f"clip_resnet{3 * sum(counts) + 2}w{width / 64:g}"), network


def image_side(weights: Weights) -> int:
    """H = W of the images that the positions were learned for. The first position is that of the mean."""
    return math.isqrt(weights["attnpool.positional_embedding"].shape[0] - 1) * SHRUNK
