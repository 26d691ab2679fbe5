"""CLIP's ResNet against the paper's steps, written out slowly, and against open_clip's own."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from collapse_cli.models import clip_resnet, rebuilt

WIDTH, BLOCKS, SIDE, OUT = 8, (2, 1, 1, 2), 64, 12


def drawn(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random weights, and statistics of batch norm that are not its fresh ones."""
    generator = torch.Generator().manual_seed(4)
    return {
        name: 0.5 + torch.rand(shape, generator=generator)
        if len(shape) == 1 and ("bn" in name or "downsample" in name)
        else torch.randn(shape, generator=generator) / math.prod(shape[1:]) ** 0.5
        for name, shape in shapes.items()
    }


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (width,) for part in ("weight", "bias", "running_mean", "running_var")}


def shapes() -> dict[str, tuple[int, ...]]:
    """As open_clip names them, of a network an eighth as wide."""
    half, deep = WIDTH // 2, WIDTH * 32
    made: dict[str, tuple[int, ...]] = {
        "conv1.weight": (half, 3, 3, 3), "conv2.weight": (half, half, 3, 3), "conv3.weight": (WIDTH, half, 3, 3),
        **norm("bn1", half), **norm("bn2", half), **norm("bn3", WIDTH),
    }  # fmt: skip
    inward = WIDTH
    for stage, count in enumerate(BLOCKS):
        planes = WIDTH << stage
        for block in range(count):
            before = f"layer{stage + 1}.{block}"
            made |= {
                f"{before}.conv1.weight": (planes, inward, 1, 1),
                f"{before}.conv2.weight": (planes, planes, 3, 3),
            }
            made |= {f"{before}.conv3.weight": (4 * planes, planes, 1, 1)}
            made |= (
                norm(f"{before}.bn1", planes)
                | norm(f"{before}.bn2", planes)
                | norm(f"{before}.bn3", 4 * planes)
            )
            if block == 0:
                made |= {f"{before}.downsample.0.weight": (4 * planes, inward, 1, 1)}
                made |= norm(f"{before}.downsample.1", 4 * planes)
            inward = 4 * planes
    for letter in "qkv":
        made |= {f"attnpool.{letter}_proj.weight": (deep, deep), f"attnpool.{letter}_proj.bias": (deep,)}
    made |= {"attnpool.c_proj.weight": (OUT, deep), "attnpool.c_proj.bias": (OUT,)}
    return made | {"attnpool.positional_embedding": ((SIDE // 32) ** 2 + 1, deep)}


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return drawn(shapes())


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(9))


def slowly(weights: dict[str, Tensor], images: Tensor) -> Tensor:
    """Section 2.4 of the paper, step by step: the three changes to a ResNet, and one loop for each head of the pooling."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            weights[f"{name}.{part}"][None, :, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * scale + shift

    x = images
    for number, stride in ((1, 2), (2, 1), (3, 1)):
        x = functional.conv2d(x, weights[f"conv{number}.weight"], stride=stride, padding=1)
        x = normed(x, f"bn{number}").clamp(min=0)
    x = functional.avg_pool2d(x, 2)
    for stage, count in enumerate(BLOCKS):
        for block in range(count):
            before, shrinks = f"layer{stage + 1}.{block}", stage > 0 and block == 0
            inner = normed(functional.conv2d(x, weights[f"{before}.conv1.weight"]), f"{before}.bn1").clamp(
                min=0
            )
            inner = functional.conv2d(inner, weights[f"{before}.conv2.weight"], padding=1)
            inner = normed(inner, f"{before}.bn2").clamp(min=0)
            shortcut = functional.avg_pool2d(x, 2) if shrinks else x
            inner = functional.avg_pool2d(inner, 2) if shrinks else inner
            inner = normed(functional.conv2d(inner, weights[f"{before}.conv3.weight"]), f"{before}.bn3")
            if block == 0:
                shortcut = functional.conv2d(shortcut, weights[f"{before}.downsample.0.weight"])
                shortcut = normed(shortcut, f"{before}.downsample.1")
            x = (inner + shortcut).clamp(min=0)
    places = x.flatten(2).transpose(1, 2)
    tokens = torch.cat([places.mean(1, keepdim=True), places], 1) + weights["attnpool.positional_embedding"]
    q, k, v = (
        tokens @ weights[f"attnpool.{n}_proj.weight"].T + weights[f"attnpool.{n}_proj.bias"] for n in "qkv"
    )
    heads = []
    for head in range(q.shape[-1] // 64):
        part = slice(64 * head, 64 * head + 64)
        shares = (q[:, :1, part] @ k[:, :, part].transpose(1, 2) / 8).softmax(-1)
        heads.append((shares @ v[:, :, part])[:, 0])
    return torch.cat(heads, 1) @ weights["attnpool.c_proj.weight"].T + weights["attnpool.c_proj.bias"]


def test_the_paper_step_by_step(weights: dict[str, Tensor], images: Tensor) -> None:
    name, network = clip_resnet.clip_resnet(weights)
    assert name == "clip_resnet20w0.125"  # 3 · (2 + 1 + 1 + 2) + 2 layers, 8 of 64
    h, expected = rebuilt.filled(network, weights)(images), slowly(weights, images)
    assert h.shape == (2, OUT)
    assert (h - expected).abs().max() < 1e-5 * expected.abs().max()


def test_the_side_of_the_positions(weights: dict[str, Tensor]) -> None:
    assert clip_resnet.image_side(weights) == SIDE


def test_published_names() -> None:
    """Blocks 3, 4, 6, 3 and 64 wide."""
    names = [f"layer{s + 1}.{b}.conv1.weight" for s, count in enumerate((3, 4, 6, 3)) for b in range(count)]
    weights = {name: torch.empty(1, device="meta") for name in names}
    shapes = {
        "conv1.weight": (32, 3, 3, 3),
        "conv3.weight": (64, 32, 3, 3),
        "attnpool.positional_embedding": (50, 2048),
    }
    shapes |= {"attnpool.c_proj.weight": (1024, 2048)}
    weights |= {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    name, network = clip_resnet.clip_resnet(weights)
    assert (name, clip_resnet.image_side(weights)) == ("clip_rn50", 224)
    assert network.get_submodule("attnpool").heads == 32
    assert network.eval()(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 1024)


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
def test_open_clips_own(images: Tensor) -> None:
    """Width 16: 512 dimensions before the pooling, so 8 heads, by which the two computations must agree."""
    library = pytest.importorskip("open_clip.modified_resnet")
    with torch.random.fork_rng():
        torch.manual_seed(2)
        network: Any = library.ModifiedResNet(
            [1, 2, 1, 1], OUT, heads=16 * 32 // 64, image_size=SIDE, width=16
        )
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                tensor.data.copy_(0.5 + torch.rand(tensor.shape, generator=torch.Generator().manual_seed(3)))
    network.eval().requires_grad_(False)
    weights = network.state_dict()
    ours = rebuilt.filled(clip_resnet.clip_resnet(weights)[1], weights)
    assert (ours(images) - network(images)).abs().max() < 1e-5 * network(images).abs().max()
