"""Encoders f: images (B,C,H,W) float32 -> representations h (B,D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from collapse_cli.errors import CollapseError, nearest
from collapse_cli.shapes import StemName

if TYPE_CHECKING:
    from torchvision.models.resnet import ResNet

RESNETS = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
)


@dataclass(frozen=True)
class Stem:
    """First layers of a ResNet: a square convolution, batch norm and ReLU; pool: whether a 3x3 max-pool of stride 2 follows."""

    kernel: int
    stride: int
    padding: int
    pool: bool

    @property
    def words(self) -> str:
        """As in "conv1 3x3 with stride 1, padding 1 and no pooling"."""
        pooling = "pooling" if self.pool else "no pooling"
        return f"conv1 {self.kernel}x{self.kernel} with stride {self.stride}, padding {self.padding} and {pooling}"


STEMS: dict[StemName, Stem] = {
    "imagenet": Stem(7, 2, 3, True),
    "imagenet-nopool": Stem(7, 2, 3, False),
    "imagenet-stride1": Stem(7, 1, 3, True),
    "imagenet-stride1-nopool": Stem(7, 1, 3, False),
    "cifar": Stem(3, 1, 1, False),
    "cifar-pad2": Stem(3, 1, 2, False),
    "cifar-pool": Stem(3, 1, 1, True),
    "cifar-stride2": Stem(3, 2, 1, False),
    "cifar-stride2-pool": Stem(3, 2, 1, True),
}
"""Every stem that --stem names. Of one kernel's, the weights do not tell which it is; the first is the usual one."""

SMALL_RESNETS = {"resnet8": 1, "resnet20": 3}  # blocks in each of the three stages, n


def encoder(name: str, shape: tuple[int, int, int], stem: str = "cifar") -> tuple[nn.Module, int]:
    """The encoder of that name for images of shape (C,H,W), and the width D of its representation h."""
    if name == "convnet":
        return convnet(shape[0]), 128
    if name == "mlp":
        return mlp(shape), 128
    if name in SMALL_RESNETS:
        return small_resnet(shape[0], SMALL_RESNETS[name]), 64
    if name in RESNETS:
        return resnet(name, shape[0], stem)
    raise CollapseError(
        f"there is no encoder named '{name}'", nearest(name, ["convnet", "mlp", *SMALL_RESNETS, *RESNETS])
    )


def convnet(channels: int) -> nn.Module:
    """Three 3x3 convolutions (16, 32 with stride 2, 64), pooled to 2x2, one linear layer; all with batch norm. D = 128.

    For images from 8x8 on; 57k parameters for one channel.
    """
    return nn.Sequential(
        *_convolution(channels, 16, stride=1),
        *_convolution(16, 32, stride=2),
        *_convolution(32, 64, stride=1),
        Quarters(2),
        nn.Flatten(),
        nn.Linear(256, 128),
        nn.BatchNorm1d(128),
        nn.ReLU(),
    )


class Quarters(nn.AdaptiveAvgPool2d):
    """The mean of each quarter of a map: (B,C,H,W) -> (B,C,2,2).

    Off the CPU by plain pooling where the sides are even, for the gradient of adaptive pooling has no fixed order of its sums
    on a GPU, which `--deterministic` refuses. On a CPU as ever, bit for bit.
    """

    def forward(self, maps: Tensor) -> Tensor:
        height, width = maps.shape[2:]
        if maps.device.type == "cpu" or height % 2 or width % 2:
            pooled: Tensor = super().forward(maps)
            return pooled
        return avg_pool2d(maps, (height // 2, width // 2))


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


def small_resnet(channels: int, blocks: int) -> nn.Module:
    """The ResNet of 6n + 2 layers for small images (He et al. 2016, arXiv:1512.03385, sec. 4.2), averaged; D = 64.

    Three stages of n blocks, 16, 32, 64 wide, the last two halving the side; for images from 8x8 on.
    """
    from torchvision.models.resnet import BasicBlock

    def stage(inward: int, outward: int, stride: int) -> list[nn.Module]:
        shortcut = None
        if inward != outward:
            across = nn.Conv2d(inward, outward, 1, stride=stride, bias=False)
            shortcut = nn.Sequential(across, nn.BatchNorm2d(outward))
        first = BasicBlock(inward, outward, stride, shortcut)
        return [first, *(BasicBlock(outward, outward) for _ in range(blocks - 1))]

    stem = _convolution(channels, 16, stride=1)
    stages = [*stage(16, 16, 1), *stage(16, 32, 2), *stage(32, 64, 2)]
    return nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def resnet(name: str, channels: int, stem: str) -> tuple[nn.Module, int]:
    """A torchvision ResNet without its classifier, with the stem named; D = 512 or 2048."""
    from torchvision import models

    network = models.get_model(name, weights=None)
    width = network.fc.in_features
    network.fc = nn.Identity()
    return with_stem(network, channels, stem), width


def with_stem(network: ResNet, channels: int, stem: str) -> nn.Module:
    """The ResNet with another stem of its own width, fresh: `stem` is a name of STEMS."""
    form = next(form for name, form in STEMS.items() if name == stem)
    width = network.bn1.num_features
    network.conv1 = nn.Conv2d(channels, width, form.kernel, form.stride, form.padding, bias=False)
    if not form.pool:
        network.maxpool = nn.Identity()
    stemmed: nn.Module = network
    return stemmed
