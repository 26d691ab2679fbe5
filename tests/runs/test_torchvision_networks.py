"""torchvision's networks beside its ResNets: known by their weights, and equal to what torchvision computes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import regnet

from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others import torchvision_networks
from collapse_cli.runs.others.candidates import scored
from collapse_cli.runs.others.layouts import IMAGENET, LAYOUTS, Choices
from collapse_cli.runs.others.reading import Question
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.torchvision_table import NAMES
from tests.runs.test_foreign import named, saved, told_apart

RESNETS = ("resnet", "resnext", "wide_resnet")

EVERY = [name for name in models.list_models(module=models) if not name.startswith(RESNETS)]


def blank(name: str, **how: Any) -> Any:
    """torchvision's network on the meta device. A RegNet computes its widths by torch, which needs another one."""
    if not name.startswith("regnet"):
        how |= {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        with torch.device("meta"):
            return models.get_model(name, weights=None, **how)

    def on_meta(parameters: Any, *_: Any, **__: Any) -> Any:
        with torch.device("meta"):
            return regnet.RegNet(parameters)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regnet, "_regnet", on_meta)
        return models.get_model(name, weights=None)


@cache
def shapes(name: str) -> dict[str, Tensor]:
    return dict(blank(name).state_dict())


def asked(weights: dict[str, Tensor]) -> Question:
    held = FileTensors(Path("x.pt"), weights, {name: name for name in weights}, "", {})
    return Question(held, LAYOUTS[-1], LAYOUTS[-1].branches[0], weights, Choices())


def test_the_table_names_every_network_of_torchvision() -> None:
    assert set(EVERY) == NAMES


@pytest.mark.parametrize("name", EVERY)
def test_each_is_known_by_its_weights(name: str) -> None:
    question = asked(shapes(name))
    reading = torchvision_networks.read(question)
    assert reading is not None
    assert reading.arch == name
    candidate = scored(question, reading)
    assert (candidate.share, candidate.missing, candidate.unexpected) == (1, (), ())


@pytest.mark.slow
def test_no_two_have_the_same_weights() -> None:
    """So what the weights do not tell, strides and activations, follows from them: also without the classifier."""
    bodies: dict[frozenset[tuple[str, torch.Size]], list[str]] = {}
    for name in EVERY:
        heads = ("fc.", "classifier.", "heads.", "head.")
        body = frozenset((n, w.shape) for n, w in shapes(name).items() if not n.startswith(heads))
        bodies.setdefault(body, []).append(name)
    assert [names for names in bodies.values() if len(names) > 1] == []


def enters_last(network: Any, images: Tensor) -> Tensor:
    """What the last linear layer is given, by a hook on torchvision's whole network."""
    linear = [part for part in network.modules() if isinstance(part, nn.Linear)][-1]
    seen: list[Tensor] = []
    handle = linear.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(images)
    handle.remove()
    return seen[0]


def filled(name: str, **how: Any) -> Any:
    """Random weights and statistics, but for tables of numbers that are no weights."""
    network = models.get_model(name, weights=None, **how)
    tables = {
        n: w.clone() for n, w in network.state_dict().items() if not w.is_floating_point() or "coords" in n
    }
    told_apart(network, 5)
    for part in network.modules():  # so that many layers neither explode nor die out
        if isinstance(part, nn.Conv2d | nn.Linear):
            part.weight.mul_(10 / part.weight[0].numel() ** 0.5)
    for table, numbers in tables.items():
        network.state_dict()[table].copy_(numbers)
    return network


SMALL: dict[str, tuple[str, int, dict[str, Any]]] = {
    "mobilenet_v2": ("", 64, {}),
    "mobilenet_v3_small": ("", 64, {}),
    "efficientnet_b0": ("backbone.", 64, {}),
    "convnext_tiny": ("module.encoder.", 64, {}),
    "swin_t": ("", 64, {}),
    "swin_v2_t": ("", 64, {}),
    "vit_b_16": ("backbone.", 48, {"image_size": 48}),
    "maxvit_t": ("", 224, {}),
    "densenet121": ("", 64, {}),
    "regnet_x_400mf": ("", 64, {}),
    "regnet_y_400mf": ("model.", 64, {}),
    "mnasnet0_5": ("", 64, {}),
    "shufflenet_v2_x0_5": ("", 64, {}),
    "googlenet": ("", 64, {"init_weights": False}),
    "inception_v3": ("", 96, {"init_weights": False}),
    "alexnet": ("", 96, {}),
}


LARGE = ("vit_b_16", "maxvit_t", "inception_v3", "swin_v2_t", "alexnet", "vgg11_bn")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in SMALL]
)
def test_embeddings_are_what_enters_the_last_layer(name: str, tmp_path: Path) -> None:
    prefix, side, how = SMALL[name]
    network, images = filled(name, **how), batch(side)
    read = foreign.load(saved({"state_dict": named(network, prefix)}, tmp_path / "x.pt"))
    expected = enters_last(network, images)
    assert (read.arch, read.matched) == (name, read.total)
    assert expected.std(dim=0).mean() > 0  # images differ, or nothing is tested
    assert torch.equal(read.encoder(images), expected)
    assert read.width == expected.shape[1]


def batch(side: int) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(9))


BARE: dict[str, tuple[int, Callable[[Any, Tensor], Tensor]]] = {
    "mobilenet_v3_small": (64, lambda net, x: net.avgpool(net.features(x)).flatten(1)),
    "convnext_tiny": (64, lambda net, x: net.avgpool(net.features(x)).flatten(1)),
    "squeezenet1_1": (64, lambda net, x: net.features(x).mean((2, 3))),
    "vgg11_bn": (64, lambda net, x: net.avgpool(net.features(x)).flatten(1)),
    "alexnet": (96, lambda net, x: net.avgpool(net.features(x)).flatten(1)),
    "mobilenet_v2": (64, lambda net, x: net.features(x).mean((2, 3))),
}


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        pytest.param(name, cut, marks=[pytest.mark.slow] if name in LARGE else [])
        for name in BARE
        for cut in (False, True)
        if not (cut and name == "vgg11_bn")
    ],
)
def test_without_a_classifier(name: str, cut: bool, tmp_path: Path) -> None:
    """Also of a network that was cut into a Sequential, whose features have the number 0."""
    side, compute = BARE[name]
    network = filled(name)
    weights = {n: w for n, w in network.state_dict().items() if n.startswith("features.")}
    if cut:
        weights = {n.replace("features.", "backbone.0.", 1): w for n, w in weights.items()}
    read = foreign.load(saved(weights, tmp_path / "x.pt"))
    assert read.arch == name
    h, expected = read.encoder(batch(side)), compute(network, batch(side))
    assert (h - expected).abs().max() <= 1e-6 * expected.abs().max()
    assert read.assumed[0].startswith("h is what enters")
    assert ("pooled to 7x7 places as in torchvision" in read.assumed[0]) == (name == "vgg11_bn")


def test_swin_and_shufflenet_cut_into_a_sequential(tmp_path: Path) -> None:
    """Their children 0 and 1; 0, 2, 3, 4 and 5: those without weights have numbers too."""
    for name in ("swin_t", "shufflenet_v2_x0_5"):
        network = filled(name)
        sequential = nn.Sequential(*list(network.children())[:-1])
        read = foreign.load(saved(named(sequential, ""), tmp_path / f"{name}.pt"))
        assert torch.equal(read.encoder(batch(64)), enters_last(network, batch(64)))


def test_images_are_as_torchvision_published_them(tmp_path: Path) -> None:
    def form(name: str) -> tuple[int, float, bool]:
        reading = torchvision_networks.read(asked(shapes(name)))
        assert reading is not None
        return reading.images.side, reading.images.normalisation.mean[0], reading.images.fixed

    assert form("efficientnet_b3") == (300, IMAGENET.mean[0], False)
    assert form("efficientnet_v2_l") == (480, 0.5, False)
    assert form("inception_v3") == (299, 0.5, False)
    assert form("vit_h_14") == (224, IMAGENET.mean[0], True)
    assert form("regnet_y_400mf") == (224, IMAGENET.mean[0], False)


def test_a_classifier_of_another_width_tells_that_the_pooling_is_another() -> None:
    """Of CIFAR's VGG: 512 dimensions enter its one linear layer, where torchvision pools to 7x7."""
    weights = {n: w for n, w in shapes("vgg11_bn").items() if n.startswith("features.")}
    with pytest.raises(
        CollapseError, match="classifier takes 512 dimensions, and torchvision's 25088: how it pools"
    ):
        torchvision_networks.read(asked(weights | {"classifier.weight": torch.ones(10, 512)}))


def test_a_size_that_torchvision_does_not_have_is_named(tmp_path: Path) -> None:
    network = models.MobileNetV2(width_mult=0.35)
    with pytest.raises(
        CollapseError, match="has the names of torchvision's MobileNetV2, but is none of its networks"
    ):
        foreign.load(saved(network.state_dict(), tmp_path / "x.pt"))


def test_old_names_of_densenet(tmp_path: Path) -> None:
    """The released files have `norm.1` for `norm1`."""
    network = filled("densenet121")
    weights = {
        n.replace("norm1", "norm.1")
        .replace("norm2", "norm.2")
        .replace("conv1", "conv.1")
        .replace("conv2", "conv.2")
        if "denselayer" in n
        else n: w
        for n, w in network.state_dict().items()
    }
    read = foreign.load(saved(weights, tmp_path / "x.pt"))
    assert torch.equal(read.encoder(batch(64)), enters_last(network, batch(64)))


def test_a_network_is_not_another_encoder_beside_itself(tmp_path: Path) -> None:
    """Names inside of it look like those of other networks' first layers."""
    read = foreign.load(saved(filled("mobilenet_v3_small").state_dict(), tmp_path / "x.pth"))
    assert not [sentence for sentence in read.assumed if "also holds" in sentence]
