"""ResNets of other people: stems, sizes of images, near misses, and which of a name and shapes is taken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from collapse_cli.errors import CollapseError
from collapse_cli.models.encoders import STEMS, encoder
from collapse_cli.runs import foreign
from collapse_cli.runs.others.layouts import CIFAR, CLIP, Choices
from tests.runs.test_foreign import classifier, named, narrow, saved, told_apart

STRIDES = {  # kernel, stride, padding, whether a max-pool follows: written down twice, here and in the code
    "imagenet": (7, 2, 3, True),
    "imagenet-nopool": (7, 2, 3, False),
    "imagenet-stride1": (7, 1, 3, True),
    "imagenet-stride1-nopool": (7, 1, 3, False),
    "cifar": (3, 1, 1, False),
    "cifar-pad2": (3, 1, 2, False),
    "cifar-pool": (3, 1, 1, True),
    "cifar-stride2": (3, 2, 1, False),
    "cifar-stride2-pool": (3, 2, 1, True),
}


def images(side: int = 40, count: int = 3) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(9))


def slowly(
    weights: dict[str, Tensor], x: Tensor, stride: int, padding: int, pool: bool, shortcut: str
) -> Tensor:
    """He et al. (2016), written out for both kinds of blocks: the first of each later stage strides by 2, in its 3x3."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var, scale, shift = (
            weights[f"{name}.{part}"][None, :, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * scale + shift

    x = normed(functional.conv2d(x, weights["conv1.weight"], stride=stride, padding=padding), "bn1").clamp(
        min=0
    )
    x = functional.max_pool2d(x, 3, 2, 1) if pool else x
    for stage in (1, 2, 3, 4):
        for block in sorted({int(n.split(".")[1]) for n in weights if n.startswith(f"layer{stage}.")}):
            before, step = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            deep = f"{before}.conv3.weight" in weights
            inner = x
            for number in (1, 2, 3) if deep else (1, 2):
                conv = weights[f"{before}.conv{number}.weight"]
                strides = step if number == (2 if deep else 1) else 1
                inner = functional.conv2d(inner, conv, stride=strides, padding=conv.shape[-1] // 2)
                inner = normed(inner, f"{before}.bn{number}")
                inner = inner.clamp(min=0) if number < (3 if deep else 2) else inner
            if f"{before}.{shortcut}.0.weight" in weights:
                across = functional.conv2d(x, weights[f"{before}.{shortcut}.0.weight"], stride=step)
                x = normed(across, f"{before}.{shortcut}.1")
            x = (inner + x).clamp(min=0)
    return x.mean((2, 3))


def near(measured: Tensor, expected: Tensor) -> bool:
    return bool((measured - expected).abs().max() < 1e-5 * expected.abs().max())


@pytest.mark.parametrize("block", [BasicBlock, Bottleneck])
@pytest.mark.parametrize("stem", STRIDES)
def test_every_stem_is_the_one_that_it_names(stem: Any, block: Any, tmp_path: Path) -> None:
    """The weights are the same for every stem of a kernel; embeddings of another one would differ."""
    kernel, stride, padding, pool = STRIDES[stem]
    network = narrow(stem="imagenet" if kernel == 7 else "cifar", block=block)
    read = foreign.load(saved(named(network, ""), tmp_path / "x.pt"), Choices(stem=stem))
    expected = slowly(network.state_dict(), images(), stride, padding, pool, "downsample")
    assert read.stem == stem
    assert near(read.encoder(images()), expected)
    others = {
        name: slowly(network.state_dict(), images(), s, p, pools, "downsample")
        for name, (k, s, p, pools) in STRIDES.items()
        if k == kernel and name != stem
    }
    assert not any(near(read.encoder(images()), other) for other in others.values())


@pytest.mark.parametrize("stem", STEMS)
def test_networks_to_train_have_every_stem(stem: str) -> None:
    kernel, stride, padding, pool = STRIDES[stem]
    network, _ = encoder("resnet18", (3, 32, 32), stem)
    conv: Any = network.get_submodule("conv1")
    assert (conv.kernel_size[0], conv.stride[0], conv.padding[0]) == (kernel, stride, padding)
    assert isinstance(network.get_submodule("maxpool"), nn.MaxPool2d) == pool


def test_a_stem_says_what_else_it_may_be(tmp_path: Path) -> None:
    small = foreign.load(saved(named(narrow(stem="cifar"), ""), tmp_path / "s.pt"))
    assert small.assumed[0] == (
        "conv1 3x3 with stride 1, padding 1 and no pooling, as usual "
        "(--stem; its weights fit cifar-pad2, cifar-pool, cifar-stride2, cifar-stride2-pool too)"
    )
    large = foreign.load(saved(named(narrow(), ""), tmp_path / "l.pt"))
    assert large.assumed[0].startswith(
        "conv1 7x7 with stride 2, padding 3 and pooling, as in torchvision (--stem;"
    )
    assert (small.size, large.size) == (32, 224)


def test_sides_that_layout_and_stem_imply(tmp_path: Path) -> None:
    """MoCo's code trains on images of side 224; a 3x3 conv1 is usual for those of side 32."""
    path = saved(named(narrow(stem="cifar"), "module.encoder_q."), tmp_path / "x.pt")
    read = foreign.load(path)
    assert "but MoCo v1/v2 trains on 224 (--size 224)" in read.assumed[1]
    assert (read.size, foreign.load(path, Choices(size=224)).size) == (32, 224)
    agree = foreign.load(saved(named(narrow(), "module.encoder_q."), tmp_path / "y.pt"))
    assert not any("trains on" in words for words in agree.assumed)
    seven = foreign.load(saved(named(narrow(), "f.") | classifier("g."), tmp_path / "z.pt"))
    assert "but SimCLR, f and g trains on 32 (--size 32)" in seven.assumed[1]


@pytest.mark.parametrize("side", [1, 4, 5, 11])
def test_a_first_convolution_of_another_size_is_refused_with_the_reason(side: int, tmp_path: Path) -> None:
    weights = named(narrow(), "") | {"conv1.weight": torch.zeros(16, 3, side, side)}
    with pytest.raises(
        CollapseError, match=f"has a conv1 of {side}x{side}, whose stride, padding and pooling"
    ):
        foreign.load(saved(weights, tmp_path / "x.pt"))


# ResNets of CIFAR with three stages.


class Small(ResNet):
    """He et al. (2016, sec. 4.2): three stages, 16, 32 and 64 wide, n blocks each; shortcuts of weights (option B)."""

    def __init__(self, blocks: int) -> None:
        with torch.device("meta"):
            super().__init__(BasicBlock, [1, 1, 1, 1])
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.inplanes, self.maxpool, self.fc = 16, nn.Identity(), nn.Linear(64, 10)
        for stage in range(3):
            setattr(
                self,
                f"layer{stage + 1}",
                self._make_layer(BasicBlock, 16 << stage, blocks, 2 if stage else 1),
            )
        self.layer4 = nn.Identity()
        told_apart(self, 3)


@pytest.mark.parametrize(("blocks", "arch"), [(1, "resnet8"), (3, "resnet20")])
@pytest.mark.parametrize("words", ["downsample fc", "shortcut linear"])
def test_resnets_of_cifar(blocks: int, arch: str, words: str, tmp_path: Path) -> None:
    """6n + 2 layers, as both public namings have them."""
    shortcut, last = words.split()
    weights = {
        name.replace("downsample", shortcut).replace("fc.", f"{last}."): weight
        for name, weight in Small(blocks).state_dict().items()
    }
    path = saved(
        {"state_dict": {f"module.{name}": weight for name, weight in weights.items()}}, tmp_path / "x.th"
    )
    read = foreign.load(path)
    assert (read.arch, read.size, read.normalisation, read.width) == (arch, 32, CIFAR, 64)
    assert near(read.encoder(images(32)), slowly(weights, images(32), 1, 1, False, shortcut))


def test_half_a_resnet_is_not_one_of_three_stages(tmp_path: Path) -> None:
    weights = {name: w for name, w in named(narrow(), "").items() if not name.startswith("layer4.")}
    with pytest.raises(CollapseError, match="is not a network that is recognised"):
        foreign.load(saved(weights, tmp_path / "x.pt"))


def test_frozen_batch_norm_has_no_count_of_batches(tmp_path: Path) -> None:
    weights = {name: w for name, w in named(narrow(), "").items() if "num_batches" not in name}
    read = foreign.load(saved(weights, tmp_path / "x.pt"))
    assert torch.equal(read.encoder(images()), narrow()(images()))


def resnet(**changes: Any) -> dict[str, Tensor]:
    """The weights of a ResNet, some renamed or left out (None), by parts of their names, and others beside them."""
    more = changes.pop("more", {})
    weights = named(narrow(**changes.pop("how", {})), "")
    for part, other in changes.pop("names", {}).items():
        weights = {
            n.replace(part, other or ""): w for n, w in weights.items() if other is not None or part not in n
        }
    return weights | {name: torch.ones(shape) for name, shape in more.items()}


def preactivated() -> dict[str, Tensor]:
    """Norms as wide as what enters their convolution; none behind the stem."""
    weights = {name: w for name, w in resnet(how={"stem": "cifar"}).items() if not name.startswith("bn1.")}
    for stage in (2, 3, 4):
        wide = weights[f"layer{stage}.0.conv1.weight"].shape[1]
        weights |= {
            f"layer{stage}.0.bn1.{part}": torch.ones(wide)
            for part in ("weight", "bias", "running_mean", "running_var")
        }
    return weights


def deep_stem() -> dict[str, Tensor]:
    return {"conv1.0.weight" if name == "conv1.weight" else name: weight for name, weight in resnet().items()}


def wide() -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {"conv1.weight": torch.ones(16, 3, 3, 3), "bn1.weight": torch.ones(128)}
    for block in range(4):
        weights |= {
            f"block1.layer.{block}.bn1.weight": torch.ones(16),
            f"block1.layer.{block}.conv1.weight": torch.ones(32, 16, 3, 3),
        }
    return weights | {
        "block1.layer.0.convShortcut.weight": torch.ones(32, 16, 1, 1),
        "fc.weight": torch.ones(10, 128),
    }


NEAR: dict[str, tuple[Callable[[], dict[str, Tensor]], str]] = {
    "group norm": (lambda: resnet(names={"running_mean": None, "running_var": None, "num_batches_tracked": None}),
                   "has norms without running statistics: they are group norms or layer norms, and the number of groups"),
    "pre-activation": (preactivated, "is a pre-activation ResNet"),
    "SE": (lambda: resnet(more={"layer1.0.se.fc1.weight": (4, 16)}), "squeeze-and-excitation"),
    "SE of another": (lambda: resnet(more={"layer1.0.se_module.fc1.weight": (4, 16)}), "squeeze-and-excitation"),
    "ECA": (lambda: resnet(more={"layer1.0.eca.conv.weight": (1, 1, 3)}), "ECA"),
    "CBAM": (lambda: resnet(more={"layer1.0.ca.fc1.weight": (4, 16, 1, 1), "layer1.0.sa.conv1.weight": (1, 2, 7, 7)}), "CBAM"),
    "IBN": (lambda: resnet(names={"layer1.0.bn1.": "layer1.0.bn1.BN."}, more={"layer1.0.bn1.IN.weight": (8,)}), "IBN"),
    "ResNet-D": (deep_stem, "a stem of several convolutions"),
    "anti-aliased": (lambda: resnet(more={"maxpool.1.filt": (16, 1, 4, 4)}), "blurs before it strides"),
    "Res2Net": (lambda: resnet(more={"layer1.0.convs.0.weight": (4, 4, 3, 3)}), "is a Res2Net"),
    "ResNeSt": (lambda: resnet(more={"layer1.0.conv2.conv.weight": (4, 4, 3, 3)}), "is a ResNeSt"),
    "SK": (lambda: resnet(more={"layer1.0.conv2.paths.0.conv.weight": (4, 4, 3, 3)}), "selective kernels"),
    "option A": (lambda: resnet(names={".downsample.": None}, how={"stem": "cifar"}), "whose shortcuts have no weights"),
    "wide": (wide, "is a Wide ResNet of CIFAR, WRN-28-2: whether its activation is ReLU or LeakyReLU"),
    "segmentation": (lambda: named(narrow(), "backbone.") | {"classifier.4.weight": torch.ones(21, 8, 1, 1)}, "segmentation"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR)
def test_a_near_miss_is_refused_by_what_it_is(case: str, tmp_path: Path) -> None:
    build, words = NEAR[case]
    with pytest.raises(CollapseError, match=words) as caught:
        foreign.load(saved(build(), tmp_path / "a b.pt"))
    assert f"collapse weights '{tmp_path / 'a b.pt'}'" in caught.value.hint


# CLIP's ResNets: what they compute is tested with the model.


@pytest.mark.parametrize("prefix", ["", "visual.", "module.visual."])
def test_clips_resnet(prefix: str, tmp_path: Path) -> None:
    from tests.models.test_clip_resnet import drawn, shapes, slowly

    weights = drawn(shapes())
    content = {prefix + name: weight for name, weight in weights.items()}
    content |= {"logit_scale": torch.ones(())} if prefix else {}
    path = saved(content, tmp_path / "RN.pt")
    read = foreign.load(path)
    assert (read.size, read.normalisation, read.width, read.projector) == (64, CLIP, 12, None)
    assert near(read.encoder(images(64)), slowly(weights, images(64)))
    assert (
        read.assumed[0]
        == "h is what the attention pooling gives, which CLIP compares with its embedding of the text"
    )
    with pytest.raises(CollapseError, match="does not take images of --size 32"):
        foreign.load(path, Choices(size=32))


# A name and shapes.


def test_the_side_that_a_config_tells(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"pretrained_cfg": {"input_size": [3, 160, 160]}}))
    assert foreign.load(saved(named(narrow(), ""), tmp_path / "pytorch_model.bin")).size == 160


def blank(name: str) -> Any:
    from torchvision import models

    with torch.device("meta"):
        network = models.get_model(name)
    return told_apart(network.to_empty(device="cpu"), 3)


def test_a_name_that_needs_timm_is_refused_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """resnetaa50 has the shapes of resnet50, and averages where that strides."""
    monkeypatch.setitem(sys.modules, "timm", None)
    network = narrow()
    path = saved({"arch": "resnetaa50", "state_dict": named(network, "")}, tmp_path / "x.pt")
    with pytest.raises(
        CollapseError, match="names the architecture resnetaa50, which needs the package timm"
    ) as caught:
        foreign.load(path)
    assert caught.value.hint == (
        "pip install 'collapse-cli[timm]'; or --arch resnet12w0.25 to read it as the network that its shapes fit"
    )
    read = foreign.load(path, Choices(arch="resnet12w0.25"))
    assert torch.equal(read.encoder(images()), network(images()))


@pytest.mark.parametrize("arch", ["moco", "simclr", "byol", "my_net_v2", "resnet12w0.25", "resnet18_cifar"])
def test_a_name_that_no_library_knows_is_no_reason_to_refuse(
    arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    read = foreign.load(saved({"arch": arch, "state_dict": named(narrow(), "")}, tmp_path / "x.pt"))
    assert torch.equal(read.encoder(images()), narrow()(images()))
    assert read.assumed[0].startswith("conv1 7x7")


@pytest.mark.parametrize(
    "arch", ["resnet50", "resnet50.a1_in1k", "wide_resnet50_2", "hf_hub:timm/resnet50.a1_in1k"]
)
def test_a_plain_name_that_disagrees_with_the_shapes_is_said(arch: str, tmp_path: Path) -> None:
    read = foreign.load(saved({"arch": arch, "state_dict": named(narrow(), "")}, tmp_path / "x.pt"))
    assert read.assumed[0] == (
        f"the file names {arch}; its weights are not of that, but of resnet12w0.25: the weights were taken (--arch)"
    )


@pytest.mark.parametrize("arch", ["resnet18", "resnet18.a1_in1k", "timm/resnet18.fb_ssl_yfcc100m_ft_in1k"])
def test_a_plain_name_that_agrees_needs_no_words(
    arch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    network = blank("resnet18")
    path = saved({"args": argparse.Namespace(model=arch), "model": network.state_dict()}, tmp_path / "x.pt")
    network.fc = nn.Identity()
    for choices in (Choices(), Choices(arch=arch)):
        read = foreign.load(path, choices)
        assert (read.arch, read.assumed[0][:9]) == ("resnet18", "conv1 7x7")
        assert torch.equal(read.encoder(images()), network(images()))


def test_another_name_than_that_of_the_shapes_is_refused(tmp_path: Path) -> None:
    path = saved(named(narrow(), ""), tmp_path / "x.pt")
    with pytest.raises(CollapseError, match=r"are of no vit_b_16: they fit resnet12w0\.25") as caught:
        foreign.load(path, Choices(arch="vit_b_16"))
    assert caught.value.hint == "leave out --arch, or give --arch resnet12w0.25"


def test_a_name_whose_stem_is_another_is_said(tmp_path: Path) -> None:
    path = saved({"arch": "resnet18", "state_dict": named(narrow(stem="cifar"), "")}, tmp_path / "x.pt")
    assert any(
        "the resnet18 that the file names has one of 7x7 (--size)" in words
        for words in foreign.load(path).assumed
    )
    assert not any("has one of 7x7" in words for words in foreign.load(path, Choices(size=64)).assumed)


@pytest.mark.parametrize("config", [{"global_pool": "avgmax"}, {"model_args": {"output_stride": 16}}])
def test_a_config_that_changes_a_plain_network_needs_timm(
    config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shapes are the same, and what is computed is not."""
    monkeypatch.setitem(sys.modules, "timm", None)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18"} | config))
    path = saved(blank("resnet18").state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(CollapseError, match="names the architecture resnet18, which needs the package timm"):
        foreign.load(path)
    assert foreign.load(path, Choices(arch="resnet18")).arch == "resnet18"


# timm's own, where it is installed.


def of_timm(name: str, **how: Any) -> Any:
    timm = pytest.importorskip("timm")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(name, num_classes=7, **how)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                tensor.data.copy_(0.5 + torch.rand(tensor.shape, generator=torch.Generator().manual_seed(3)))
    return network.eval().requires_grad_(False)


NAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "resnetblur18": ("resnetblur18", {}),
    "resnetaa50": ("resnetaa50", {}),
    "resnet50_gn": ("resnet50_gn", {}),
    "seresnet18": ("legacy_seresnet18", {}),
    "ResNet-D": ("resnet18d.ra2_in1k", {}),
    "ConvNeXt": ("test_convnext.r160_in1k", {}),
    "EfficientNet": ("test_efficientnet.r160_in1k", {}),
    "MobileNetV3": ("mobilenetv3_small_050", {}),
    "pooled by mean": ("vit_tiny_patch16_224", {"global_pool": "avg"}),
    "of another size": ("vit_tiny_patch16_224", {"img_size": 64}),
    "with layer scale": ("vit_tiny_patch16_224", {"img_size": 32, "init_values": 0.1}),
    "strides that are dilations": ("resnet18", {"output_stride": 16}),
    "quick GELU": ("vit_base_patch32_clip_quickgelu_224", {"img_size": 64}),
}


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", NAMED)
def test_what_timm_names_is_what_timm_computes(case: str, tmp_path: Path) -> None:
    """A folder of timm: the weights, and a config.json that names the network and how it was built."""
    name, how = NAMED[case]
    network = of_timm(name.split(".")[0], **how)
    settings = {n: v for n, v in how.items() if n != "global_pool"}
    pool = {"global_pool": how["global_pool"]} if "global_pool" in how else {}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": name, "model_args": settings} | pool))
    path = saved(network.state_dict(), tmp_path / "pytorch_model.bin")
    network.reset_classifier(0)
    read = foreign.load(path)
    batch = images(read.size, 2)
    assert read.matched == read.total
    assert name.startswith(read.arch)
    assert torch.equal(read.encoder(batch), network(batch))


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
def test_the_name_wins_over_shapes_that_fit(tmp_path: Path) -> None:
    network = of_timm("resnetblur18")
    path = saved({"arch": "resnetblur18", "state_dict": network.state_dict()}, tmp_path / "x.pt")
    network.reset_classifier(0)
    named_, shaped = foreign.load(path), foreign.load(path, Choices(arch="resnet18"))
    assert torch.equal(named_.encoder(images(64)), network(images(64)))
    assert not near(shaped.encoder(images(64)), network(images(64)))
    words = (
        "the file names resnetblur18; its weights fit resnet18 as well: the name was taken (--arch resnet18)"
    )
    assert words in named_.assumed


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_args": {"wings": 2}}, "built with wings 2, which timm's resnetblur18 does not take"),
        ({"global_pool": ""}, "gives a map for each image"),
    ],
)
def test_a_config_that_timm_does_not_take_is_refused(
    config: dict[str, Any], words: str, tmp_path: Path
) -> None:
    network = of_timm("resnetblur18")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnetblur18"} | config))
    with pytest.raises(CollapseError, match=words):
        foreign.load(saved(network.state_dict(), tmp_path / "pytorch_model.bin"))
