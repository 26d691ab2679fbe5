"""Other people's checkpoints: each layout is built from a small network and must give back its outputs, bit by bit."""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import types
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from collapse_cli.errors import CollapseError
from collapse_cli.models import rebuilt, vit
from collapse_cli.runs import foreign
from collapse_cli.runs.others.layouts import CIFAR, CIFAR_2023, CLIP, IMAGENET, LAYOUTS, NONE, Choices
from collapse_cli.shapes import Normalisation

D = 128  # of the narrow network below


def told_apart(network: nn.Module, seed: int) -> Any:
    """Random weights and statistics, also of batch norm, whose fresh ones would hide that they were never read."""
    generator = torch.Generator().manual_seed(seed)
    for weight in network.state_dict().values():
        if weight.is_floating_point():
            noise = torch.rand(weight.shape, generator=generator)
            weight.copy_(0.5 + noise if weight.ndim == 1 else noise * 0.2 - 0.1)
    return network.eval().requires_grad_(False)


class Narrow(ResNet):
    """A torchvision ResNet, a quarter as wide, with blocks 2-1-1-1, without classifier. h (B,128); with bottlenecks (B,512)."""

    def __init__(self, seed: int = 0, stem: str = "imagenet", block: Any = BasicBlock) -> None:
        with torch.device("meta"):
            super().__init__(block, [1, 1, 1, 1])
        self.inplanes = 16
        self.bn1, self.fc = nn.BatchNorm2d(16), nn.Identity()
        for stage, blocks in enumerate((2, 1, 1, 1)):
            setattr(
                self, f"layer{stage + 1}", self._make_layer(block, 16 << stage, blocks, 2 if stage else 1)
            )
        side, stride, padding = {"imagenet": (7, 2, 3), "cifar": (3, 1, 1), "cifar-pad2": (3, 1, 2)}[stem]
        self.conv1 = nn.Conv2d(3, 16, side, stride, padding, bias=False)
        if stem != "imagenet":
            self.maxpool = nn.Identity()
        told_apart(self, seed)


narrow = cache(Narrow)
"""Built once: no test changes its weights."""


def quarter(network: Any) -> Any:
    """A torchvision ResNet of basic blocks made a quarter as wide, with weights as torchvision draws them."""
    network.inplanes, classes = 16, network.fc.out_features
    network.conv1, network.bn1 = nn.Conv2d(3, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16)
    for stage in range(4):
        blocks = len(getattr(network, f"layer{stage + 1}"))
        layer = network._make_layer(BasicBlock, 16 << stage, blocks, 2 if stage else 1)
        setattr(network, f"layer{stage + 1}", layer)
    network.fc = nn.Linear(D, classes)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return network


def sequence(*parts: nn.Module, seed: int = 1) -> Any:
    return told_apart(nn.Sequential(*parts), seed)


def linear(inward: int, outward: int) -> nn.Module:
    return nn.Linear(inward, outward, bias=False)


def norm(width: int, affine: bool = True) -> nn.Module:
    return nn.BatchNorm1d(width, affine=affine)


# Projectors as each paper's code builds them, from 128 dimensions through 20 to 12.
HEADS: dict[str, Callable[[], Any]] = {
    "v1": lambda: told_apart(nn.Linear(D, 12), 1),
    "v2": lambda: sequence(nn.Linear(D, 20), nn.ReLU(), nn.Linear(20, 12)),
    "v3": lambda: sequence(linear(D, 20), norm(20), nn.ReLU(), linear(20, 12), norm(12, affine=False)),
    "simsiam": lambda: sequence(
        linear(D, 20), norm(20), nn.ReLU(), linear(20, 20), norm(20), nn.ReLU(), nn.Linear(20, 12), norm(12, False)
    ),
    "directclr": lambda: sequence(linear(D, 20), norm(20), nn.ReLU(), linear(20, 12), norm(12)),
    "single": lambda: told_apart(linear(D, 12), 1),
    "barlow": lambda: sequence(
        linear(D, 20), norm(20), nn.ReLU(), linear(20, 20), norm(20), nn.ReLU(), linear(20, 12)
    ),
    "vicreg": lambda: sequence(
        nn.Linear(D, 20), norm(20), nn.ReLU(), nn.Linear(20, 20), norm(20), nn.ReLU(), linear(20, 12)
    ),
    "swav": lambda: sequence(nn.Linear(D, 20), norm(20), nn.ReLU(), nn.Linear(20, 12)),
    "dino": lambda: sequence(nn.Linear(D, 20), nn.GELU(), nn.Linear(20, 20), nn.GELU(), nn.Linear(20, 12)),
    "dino bn": lambda: sequence(nn.Linear(D, 20), norm(20), nn.GELU(), nn.Linear(20, 12)),
    "deep linear": lambda: sequence(linear(D, 20), linear(20, 12)),
    "three norms": lambda: sequence(
        nn.Linear(D, 20), norm(20), nn.ReLU(), nn.Linear(20, 20), norm(20), nn.ReLU(), nn.Linear(20, 12), norm(12)
    ),
    "no bias": lambda: sequence(linear(D, 20), nn.ReLU(), linear(20, 12)),
}  # fmt: skip


def named(network: nn.Module, prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in network.state_dict().items()}


def last_layer(prefix: str) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        f"{prefix}weight_g": torch.full((30, 1), 2.0),
        f"{prefix}weight_v": torch.randn(30, 12, generator=generator),
    }


def numbered(network: nn.Module) -> nn.Module:
    """Cut into a Sequential without its classifier, as lightly's examples do."""
    return nn.Sequential(*list(network.children())[:-1])


def pulled(head: nn.Module, names: str) -> dict[str, Tensor]:
    """The parameters of a Sequential under other names: those of its layers, in order, by spaces."""
    layers = [part for part in head if list(part.state_dict())]  # type: ignore[attr-defined]
    return {
        f"{name}.{leaf}": tensor
        for name, layer in zip(names.split(), layers, strict=True)
        for leaf, tensor in layer.state_dict().items()
    }


def classifier(prefix: str, width: int = D) -> dict[str, Tensor]:
    return {f"{prefix}weight": torch.zeros(10, width), f"{prefix}bias": torch.zeros(10)}


QUEUE = {
    "module.queue": torch.arange(36.0).reshape(12, 3),
    "module.queue_ptr": torch.zeros(1, dtype=torch.long),
}


def moco(head: str, prefix: str = "module.") -> Any:
    encoder, projector, key = narrow(), HEADS[head](), narrow(seed=7)
    weights = named(encoder, f"{prefix}encoder_q.") | named(projector, f"{prefix}encoder_q.fc.")
    slow = named(key, f"{prefix}encoder_k.") | named(projector, f"{prefix}encoder_k.fc.")
    return (
        {"epoch": 200, "arch": "resnet50", "state_dict": weights | slow | QUEUE, "optimizer": ADAM},
        encoder,
        projector,
    )


def moco_v3() -> Any:
    encoder, projector = (
        narrow(block=Bottleneck),
        sequence(linear(512, 20), norm(20), nn.ReLU(), linear(20, 12), norm(12, False)),
    )
    weights = named(encoder, "module.base_encoder.") | named(projector, "module.base_encoder.fc.")
    slow = named(narrow(seed=7, block=Bottleneck), "module.momentum_encoder.")
    predictor = named(HEADS["v2"](), "module.predictor.")
    return (
        {"epoch": 100, "state_dict": weights | slow | predictor, "optimizer": ADAM, "scaler": {}},
        encoder,
        projector,
    )


def one(
    before: str,
    head_before: str,
    head: str,
    wrap: Callable[[dict], Any] = dict,
    stem: str = "imagenet",
    **more: Any,
) -> Any:
    """A content of one encoder and one projector under these prefixes."""
    encoder, projector = narrow(stem=stem), HEADS[head]()
    return wrap(named(encoder, before) | named(projector, head_before) | more), encoder, projector


def bare(wrap: Callable[[dict], Any], before: str, stem: str = "imagenet", **more: Any) -> Any:
    encoder = narrow(stem=stem)
    return wrap(named(encoder, before) | more), encoder, None


def dino(keys: tuple[str, ...] = ("student", "teacher"), head: str = "dino") -> Any:
    nets = {"student": (narrow(seed=7), HEADS[head]()), "teacher": (narrow(), HEADS[head]())}
    content: dict[str, Any] = {
        "epoch": 3,
        "optimizer": ADAM,
        "fp16_scaler": None,
        "dino_loss": {"center": torch.zeros(1, 30)},
    }
    content["args"] = argparse.Namespace(arch="resnet50", lr=0.1)
    for key in keys:
        before = "module." if key == "student" else ""
        content[key] = named(nets[key][0], f"{before}backbone.") | named(nets[key][1], f"{before}head.mlp.")
        content[key] |= last_layer(f"{before}head.last_layer.")
    return content, *nets["teacher" if "teacher" in keys else "student"]


def dinov2() -> Any:
    encoder, projector = narrow(), HEADS["dino"]()
    weights = (
        named(encoder, "backbone.") | named(projector, "dino_head.mlp.") | last_layer("dino_head.last_layer.")
    )
    return {"teacher": weights}, encoder, projector


def lightning(weights: dict[str, Tensor]) -> dict[str, Any]:
    return {
        "state_dict": weights,
        "epoch": 9,
        "global_step": 100,
        "callbacks": {},
        "optimizer_states": [ADAM],
    }


def lightly_example(before: str = "", old: bool = False) -> Any:
    encoder, projector = numbered(narrow()), HEADS["v2"]()
    key, layers = ("features.", "") if old else ("backbone.", "layers.")
    weights = named(encoder, f"{before}{key}") | named(projector, f"{before}projection_head.{layers}")
    weights |= named(numbered(narrow(seed=7)), "backbone_momentum.") if not old else {}
    return lightning(weights), nn.Sequential(encoder, nn.Flatten()), projector


def lightly_dino(before: str, head: str, student: str) -> Any:
    encoder, projector = narrow(), HEADS["dino"]()
    weights = named(encoder, before) | named(narrow(seed=7), student) | named(projector, f"{head}layers.")
    return lightning(weights | last_layer(f"{head}last_layer.")), encoder, projector


def lightly_msn() -> Any:
    """The anchor is trained, and the backbone follows it."""
    encoder, projector = narrow(), HEADS["dino bn"]()
    weights = named(encoder, "backbone.") | named(narrow(seed=7), "anchor_backbone.")
    for before in ("", "anchor_"):
        weights |= named(projector, f"{before}projection_head.layers.")
    return lightning(weights | {"prototypes.weight": torch.ones(5, 12)}), encoder, projector


def shortcuts() -> Any:
    """lightly's own ResNet: no pooling, `shortcut` for `downsample`, cut so that its children are 0 to 5."""
    encoder, projector = narrow(stem="cifar"), HEADS["directclr"]()
    parts = [encoder.conv1, encoder.bn1, encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4]
    weights = {
        n.replace("downsample", "shortcut"): w for n, w in named(nn.Sequential(*parts), "backbone.").items()
    }
    return lightning(weights | named(projector, "projection_head.layers.")), encoder, projector


def cut(head: str) -> Any:
    """leftthomas' SimCLR: f is a Sequential without pooling, g the projector."""
    encoder, projector = narrow(stem="cifar"), HEADS[head]()
    parts = [child for child in encoder.children() if not isinstance(child, nn.Identity)][:-1]
    assert len(parts) == 7
    return named(nn.Sequential(*parts), "f.") | named(projector, "g."), encoder, projector


def student_teacher() -> Any:
    encoder, projector = narrow(), HEADS["v2"]()
    weights = named(encoder, "backbone.teacher.") | named(narrow(seed=7), "backbone.student.")
    weights |= named(projector, "projector.teacher.") | named(HEADS["v2"](), "projector.student.")
    return (
        lightning(weights | {"queue.out": torch.ones(3, 12), "backbone.ema_coefficient": torch.ones(())}),
        encoder,
        projector,
    )


def vissl() -> Any:
    encoder, projector = narrow(), HEADS["v2"]()
    trunk, heads = named(encoder, "_feature_blocks."), pulled(projector, "0.clf.0 1.clf.0")
    model = {"model": {"trunk": trunk, "heads": heads}, "meters": {}, "optimizer": ADAM}
    return {"classy_state_dict": {"base_model": model}, "phase_idx": 3}, encoder, projector


def mm(head: str, names: str) -> Any:
    encoder, projector = narrow(), nn.Sequential(HEADS[head]()) if head == "v1" else HEADS[head]()
    weights = named(encoder, "backbone.") | pulled(projector, names)
    slow = named(narrow(seed=7), "encoder_k.module.0.") | {"encoder_k.steps": torch.tensor(3)}
    return {"meta": {"epoch": 4}, "state_dict": weights | slow, "optimizer": ADAM}, encoder, projector


def clustering() -> Any:
    encoder, projector = narrow(), HEADS["v2"]()
    weights = (
        named(encoder, "resnet.")
        | named(projector, "instance_projector.")
        | named(HEADS["v2"](), "cluster_projector.")
    )
    return {"net": weights, "optimizer": ADAM, "epoch": 50}, encoder, projector


def shortcut(
    before: str, *more: dict[str, Tensor], wrap: Callable[[dict], Any] = dict, head: str = ""
) -> Any:
    """A ResNet for small images whose `downsample` is called `shortcut`, as in SupContrast and SCAN."""
    encoder = narrow(stem="cifar")
    weights = {name.replace("downsample", "shortcut"): w for name, w in named(encoder, before).items()}
    for part in more:
        weights |= part
    return wrap(weights), encoder, HEADS[head]() if head else None


def byol_of_sthalles() -> Any:
    encoder, projector = narrow(), HEADS["swav"]()
    content = {
        f"{key}_network_state_dict": named(numbered(narrow(seed=seed)), "encoder.")
        | named(projector, "projetion.net.")
        for key, seed in (("online", 0), ("target", 7))
    }
    return content | {"optimizer_state_dict": ADAM}, encoder, projector


def byol_of_lucidrains() -> Any:
    """The network lies there twice, under two names, and has its classifier still."""
    encoder, projector = narrow(), HEADS["swav"]()
    net, slow = named(encoder, "") | classifier("fc."), named(narrow(seed=7), "") | classifier("fc.")
    weights = {f"{before}net.{name}": w for before in ("", "online_encoder.") for name, w in net.items()}
    weights |= {f"target_encoder.net.{name}": w for name, w in slow.items()}
    for key in ("online", "target"):
        weights |= named(projector, f"{key}_encoder.projector.")
    return weights | named(HEADS["v2"](), "online_predictor."), encoder, projector


def simsiam_of_patrick_hua() -> Any:
    """Encoder and projector lie there twice, and the layers of the projector have numbers glued to a word."""
    encoder, projector = narrow(stem="cifar"), HEADS["three norms"]()
    layers = "layer1.0 layer1.1 layer2.0 layer2.1 layer3.0 layer3.1"
    head = pulled(projector, layers)
    weights = named(encoder, "backbone.") | {f"projector.{name}": w for name, w in head.items()}
    weights |= named(encoder, "encoder.0.") | {f"encoder.1.{name}": w for name, w in head.items()}
    predictor = pulled(HEADS["swav"](), "predictor.layer1.0 predictor.layer1.1 predictor.layer2")
    return {"epoch": 3, "state_dict": weights | predictor}, encoder, projector


ADAM = {"state": {0: {"exp_avg": torch.zeros(4, 4)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
MODEL = lambda weights: {"epoch": 7, "model": weights, "optimizer": ADAM}  # noqa: E731
SOLO = lambda weights: lightning(weights | classifier("classifier."))  # noqa: E731

# layout -> (content, encoder, projector), with what must be said of it: layout, prefix as written
CASES: dict[str, tuple[Callable[[], Any], str, str]] = {
    "moco v1": (partial(moco, "v1"), "MoCo v1/v2", "module.encoder_q."),
    "moco v2": (partial(moco, "v2"), "MoCo v1/v2", "module.encoder_q."),
    "moco v2 on one gpu": (partial(moco, "v2", ""), "MoCo v1/v2", "encoder_q."),
    "moco v2 compiled": (partial(moco, "v2", "_orig_mod.module."), "MoCo v1/v2", "_orig_mod.module.encoder_q."),
    "moco v2 trimmed": (partial(one, "module.encoder_q.", "module.encoder_q.fc.", "v2"), "MoCo v1/v2", "module.encoder_q."),
    "moco v3": (moco_v3, "MoCo v3", "module.base_encoder."),
    "simsiam": (partial(one, "module.encoder.", "module.encoder.fc.", "simsiam",
                        lambda w: {"state_dict": w | named(HEADS["v2"](), "module.predictor.")}),
                "SimSiam", "module.encoder."),
    "directclr simclr": (partial(one, "module.backbone.", "module.projector.", "directclr",
                                 lambda w: MODEL(w | classifier("module.online_head."))), "DirectCLR", "module.backbone."),
    "directclr single": (partial(one, "module.backbone.", "module.projector.", "single",
                                 lambda w: MODEL(w | classifier("module.online_head."))), "DirectCLR", "module.backbone."),
    "directclr without": (partial(bare, lambda w: MODEL(w | classifier("module.online_head.")), "module.backbone."),
                          "DirectCLR", "module.backbone."),
    "directclr final": (partial(bare, lambda w: {"backbone": w, "head": classifier("")}, ""), "unknown layout", "backbone."),
    "barlow twins": (partial(one, "module.backbone.", "module.projector.", "barlow",
                             lambda w: MODEL(w | named(norm(12, False), "module.bn."))), "Barlow Twins", "module.backbone."),
    "vicreg": (partial(one, "module.backbone.", "module.projector.", "vicreg", MODEL),
               "backbone and projector, as VICReg", "module.backbone."),
    "swav": (partial(one, "module.", "module.projection_head.", "swav",
                     lambda w: w | {"module.prototypes.weight": torch.ones(5, 12)}), "SwAV/DeepCluster", "module."),
    "deepcluster": (partial(one, "module.", "module.projection_head.", "swav",
                            lambda w: {"state_dict": w | {"module.prototypes.prototypes0.weight": torch.ones(5, 12)}}),
                    "SwAV/DeepCluster", "module."),
    "dino": (dino, "DINO", "teacher.backbone."),
    "dino with batch norm": (partial(dino, head="dino bn"), "DINO", "teacher.backbone."),
    "dino, teacher alone": (partial(dino, ("teacher",)), "DINO", "teacher.backbone."),
    "dino, student alone": (partial(dino, ("student",)), "DINO", "student.module.backbone."),
    "dinov2": (dinov2, "DINO", "teacher.backbone."),
    "solo-learn": (partial(one, "backbone.", "projector.", "simsiam", SOLO), "solo-learn", "backbone."),
    "solo-learn on cifar": (partial(one, "backbone.", "projector.", "v2", SOLO, "cifar-pad2"), "solo-learn", "backbone."),
    "solo-learn, old": (partial(one, "encoder.", "projector.", "v2", SOLO), "solo-learn (before 1.0.3)", "encoder."),
    "lightly benchmark": (partial(one, "backbone.", "projection_head.layers.", "v2", lightning), "lightly", "backbone."),
    "lightly example": (lightly_example, "lightly", "backbone."),
    "lightly example, old": (partial(lightly_example, "model.", True), "lightly (before 1.1)", "model.features."),
    "lightly's own resnet": (shortcuts, "lightly", "backbone."),
    "lightly dino": (partial(lightly_dino, "teacher_backbone.", "teacher_head.", "student_backbone."),
                     "lightly DINO", "teacher_backbone."),
    "lightly dino benchmark": (partial(lightly_dino, "backbone.", "projection_head.", "student_backbone."),
                               "lightly DINO", "backbone."),
    "lightly msn": (lightly_msn, "lightly MSN", "backbone."),
    "stable-pretraining": (student_teacher, "stable-pretraining", "backbone.teacher."),
    "vissl": (vissl, "VISSL", "trunk._feature_blocks."),
    "mmselfsup moco": (partial(mm, "v2", "neck.mlp.0 neck.mlp.2"), "mmselfsup/mmpretrain", "backbone."),
    "mmselfsup moco v1": (partial(mm, "v1", "neck.fc"), "mmselfsup/mmpretrain", "backbone."),
    "mmpretrain simsiam": (partial(mm, "simsiam", "neck.fc0 neck.bn0 neck.fc1 neck.bn1 neck.fc2 neck.bn2"),
                           "mmselfsup/mmpretrain", "backbone."),
    "mmpretrain swav": (partial(mm, "swav", "neck.projection_neck.0 neck.projection_neck.1 neck.projection_neck.3"),
                        "mmselfsup/mmpretrain", "backbone."),
    "contrastive clustering": (clustering, "Contrastive Clustering", "resnet."),
    "simclr, f and g": (partial(cut, "v2"), "SimCLR, f and g", "f."),
    "simclr of sthalles": (partial(one, "backbone.", "backbone.fc.", "v2",
                                   lambda w: {"epoch": 3, "arch": "resnet18", "state_dict": w, "optimizer": ADAM}),
                           "SimCLR of sthalles", "backbone."),
    "simclr of spijkervet": (partial(one, "encoder.", "projector.", "no bias"), "SimCLR of Spijkervet", "encoder."),
    "supcontrast": (lambda: shortcut("encoder.module.", named(HEADS["v2"](), "head."), head="v2",
                                     wrap=lambda w: MODEL(w) | {"opt": argparse.Namespace(dataset="cifar10")}),
                    "SupContrast", "encoder.module."),
    "supcontrast, a linear head": (lambda: shortcut("encoder.", named(HEADS["v1"](), "head."), head="v1",
                                                    wrap=lambda w: MODEL(w) | {"opt": argparse.Namespace(head="linear")}),
                                   "SupContrast", "encoder."),
    "scan, pretext": (lambda: shortcut("backbone.", named(HEADS["v2"](), "contrastive_head."), head="v2", wrap=MODEL),
                      "SCAN, pretext task", "backbone."),
    "scan, clustering": (lambda: shortcut("backbone.", named(HEADS["v1"](), "cluster_head.0."),
                                          named(HEADS["single"](), "cluster_head.1."),
                                          wrap=lambda w: {"model": w, "head": 0}), "SCAN, clustering", "backbone."),
    "byol of sthalles": (byol_of_sthalles, "BYOL of sthalles", "online_network_state_dict.encoder."),
    "byol of lucidrains": (byol_of_lucidrains, "byol-pytorch of lucidrains", "online_encoder.net."),
    "simsiam of patrick hua": (simsiam_of_patrick_hua, "SimSiam of PatrickHua", "backbone."),
    "torchvision": (partial(bare, lambda w: w | classifier("fc."), ""), "bare network", ""),
    "barlow twins, public": (partial(bare, dict, ""), "bare network", ""),
    "an average": (partial(bare, lambda w: {"state_dict": named(narrow(seed=7), ""), "state_dict_ema": w}, ""),
                   "bare network", ""),
    "a linear projector of two layers": (partial(one, "backbone.", "projector.", "deep linear"),
                                         "backbone and projector, as VICReg", "backbone."),
    "nobody's": (partial(bare, dict, "my.net.trunk."), "unknown layout", "my.net.trunk."),
}  # fmt: skip


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(3, 3, 40, 40, generator=torch.Generator().manual_seed(9))


def saved(content: Any, path: Path, **how: Any) -> Path:
    torch.save(content, path, **how)
    return path


@pytest.mark.parametrize("case", CASES)
def test_every_layout_gives_back_the_outputs_of_its_network(
    case: str, tmp_path: Path, images: Tensor
) -> None:
    """Bit by bit, encoder and projector; all of the network's weights are found, and it is said where."""
    build, layout, prefix = CASES[case]
    content, encoder, projector = build()
    found = foreign.load(saved(content, tmp_path / "x.pth"))
    assert (found.layout, found.prefix) == (layout, prefix)
    assert found.matched == found.total == sum("num_batches" not in n for n in found.encoder.state_dict())
    h = encoder(images)
    h = h.flatten(1)
    assert torch.equal(found.encoder(images), h)
    assert (found.projector is None) == (projector is None)
    if found.projector is not None:
        assert torch.equal(found.projector(h), projector(h))
    assert (found.width, found.dim) == (h.shape[1], None if projector is None else 12)
    assert not found.warnings
    assert not any(module.training for module in found.encoder.modules())


def test_every_layout_of_the_table_is_tested() -> None:
    tested = {layout for _, layout, _ in CASES.values()}
    elsewhere = {"open_clip", "stable-pretraining DINO", "I-JEPA"}
    elsewhere |= {f"{name} of Hugging Face" for name in ("CLIP", "SigLIP", "ViT", "DeiT", "DINOv2")}
    assert {layout.name for layout in LAYOUTS} == tested - {"unknown layout"} | elsewhere


@pytest.mark.parametrize(
    "case",
    ["moco v2", "moco v3", "lightly example", "mmselfsup moco", "byol of sthalles", "byol of lucidrains"],
)
def test_the_slow_copy_can_be_had(case: str, tmp_path: Path, images: Tensor) -> None:
    """The key encoder of these files is another network, drawn from seed 7."""
    content, encoder, _ = CASES[case][0]()
    found = foreign.load(saved(content, tmp_path / "x.pth"), Choices(branch="momentum"))
    block = Bottleneck if case == "moco v3" else BasicBlock
    assert found.branch == "momentum"
    assert torch.equal(found.encoder(images), narrow(seed=7, block=block)(images))
    assert not torch.equal(found.encoder(images), encoder(images).flatten(1))
    assert foreign.load(tmp_path / "x.pth", Choices(branch="online")).branch == "online"


def test_dino_is_its_teacher_unless_asked_otherwise(tmp_path: Path, images: Tensor) -> None:
    content, teacher, _ = dino()
    path = saved(content, tmp_path / "x.pth")
    found, student = foreign.load(path), foreign.load(path, Choices(branch="online"))
    assert (found.branch, student.branch) == ("momentum", "online")
    assert torch.equal(found.encoder(images), teacher(images))
    assert torch.equal(student.encoder(images), narrow(seed=7)(images))
    words = "the momentum network, teacher.backbone.; the file also holds student.module.backbone. (--branch online)"
    assert words in found.assumed


def test_a_branch_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for name, branch in (("student", "momentum"), ("teacher", "online")):
        path = saved(dino((name,))[0], tmp_path / f"{name}.pth")
        with pytest.raises(CollapseError, match=f"has no {branch} network"):
            foreign.load(path, Choices(branch=branch))  # type: ignore[arg-type]


def test_the_average_and_the_last_weights(tmp_path: Path, images: Tensor) -> None:
    content = {"state_dict": named(narrow(seed=7), "module."), "state_dict_ema": named(narrow(), "module.")}
    path = saved(content, tmp_path / "x.pth")
    for branch, seed, where in (
        ("auto", 0, "state_dict_ema"),
        ("momentum", 0, "state_dict_ema"),
        ("online", 7, "state_dict"),
    ):
        found = foreign.load(path, Choices(branch=branch))  # type: ignore[arg-type]
        assert found.where == where
        assert torch.equal(found.encoder(images), narrow(seed=seed)(images))


def test_prototypes_and_queue(tmp_path: Path) -> None:
    """Rows of DINO's last layer are g v/|v|, of length g = 2; MoCo keeps 3 keys of 12 dimensions as (12,3): column k is a key."""
    found = foreign.load(saved(dino()[0], tmp_path / "x.pth")).prototypes
    v = last_layer("")["weight_v"]
    assert found is not None
    torch.testing.assert_close(found, 2 * v / v.norm(dim=1, keepdim=True))
    assert foreign.load(saved(CASES["swav"][0]()[0], tmp_path / "s.pth")).prototypes.shape == (5, 12)  # type: ignore[union-attr]
    keys = foreign.load(saved(moco("v2")[0], tmp_path / "m.pth")).queue
    assert torch.equal(keys, QUEUE["module.queue"].T)  # type: ignore[arg-type]
    content, *_ = CASES["solo-learn"][0]()
    content["state_dict"]["queue"] = torch.stack([QUEUE["module.queue"], -QUEUE["module.queue"]])
    both = foreign.load(saved(content, tmp_path / "q.pth")).queue
    assert torch.equal(both, torch.cat([keys, -keys]))  # type: ignore[arg-type, operator]


@pytest.mark.parametrize("views", [(), (2,)], ids=["one view", "two views"])
def test_keys_of_a_queue_are_along_the_axis_that_z_does_not_have(
    views: tuple[int, ...], tmp_path: Path
) -> None:
    """NNCLR and ReSSL keep a key in each row, MoCo in each column; where z has both lengths or neither, none are read."""
    rows = torch.arange(60.0).reshape(5, 12).expand(*views, 5, 12).clone()
    for number, (kept, keys) in enumerate(
        (
            (rows, rows),
            (rows.mT, rows),
            (rows[..., :11], None),
            (rows[..., :1, :].mT @ rows[..., :1, :], None),
        )
    ):
        content, *_ = moco("v2")
        content["state_dict"]["module.queue"] = kept.contiguous()
        read = foreign.load(saved(content, tmp_path / f"{number}.pth"))
        said = [sentence for sentence in read.unknown if "which axis of module.queue (" in sentence]
        assert bool(said) == (keys is None) == any("queue" in group for group in read.leftover)
        if keys is None:
            assert read.queue is None
        else:
            assert torch.equal(read.queue, keys.reshape(-1, 12))  # type: ignore[arg-type]


def test_a_queue_without_a_projector_is_left_out_and_said(tmp_path: Path) -> None:
    path = saved(named(narrow(), "encoder.") | {"queue": torch.zeros(12, 9)}, tmp_path / "x.pt")
    read = foreign.load(path)
    assert (read.projector, read.queue) == (None, None)
    assert (
        "which axis of queue (12, 9) counts its keys, as there is no z to compare it with: the queue is left out"
        in read.unknown
    )


def test_the_cluster_head_ends_in_a_softmax(tmp_path: Path, images: Tensor) -> None:
    content, encoder, _ = clustering()
    head = foreign.load(saved(content, tmp_path / "x.tar")).cluster_head
    h = encoder(images)
    assert torch.equal(head(h), HEADS["v2"]()(h).softmax(dim=1))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("stem", "taken"), [("auto", "cifar-pad2"), ("cifar", "cifar"), ("cifar-pad2", "cifar-pad2")]
)
def test_the_stem_of_small_images_is_the_layouts_or_as_asked(
    stem: Any, taken: str, tmp_path: Path, images: Tensor
) -> None:
    """solo-learn pads by 2, others by 1; the same weights go with both, and the outputs differ."""
    weights = named(narrow(stem="cifar"), "backbone.") | named(HEADS["v2"](), "projector.")
    path = saved(SOLO(weights), tmp_path / "x.ckpt")
    found = foreign.load(path, Choices(stem=stem))
    assert (found.stem, found.size, found.normalisation) == (taken, 32, CIFAR)
    assert torch.equal(found.encoder(images), narrow(stem=taken)(images))
    padding = {"cifar": 1, "cifar-pad2": 2}[taken]
    assert any(f"conv1 3x3 with stride 1, padding {padding}" in said for said in found.assumed)


def test_a_stem_that_cannot_be_is_refused(tmp_path: Path) -> None:
    small, large = (saved(named(narrow(stem=stem), ""), tmp_path / stem) for stem in ("cifar", "imagenet"))
    with pytest.raises(CollapseError, match="--stem imagenet does not go with a conv1 of 3x3"):
        foreign.load(small, Choices(stem="imagenet"))
    with pytest.raises(CollapseError, match="--stem cifar does not go with a conv1 of 7x7"):
        foreign.load(large, Choices(stem="cifar"))


NORMALISED = {
    NONE: ("contrastive clustering", "simclr of sthalles", "simclr of spijkervet", "byol of sthalles"),
    CIFAR_2023: ("supcontrast", "scan, pretext", "scan, clustering", "simclr, f and g"),
    IMAGENET: ("moco v2", "byol of lucidrains", "simsiam of patrick hua"),
    CIFAR: ("solo-learn on cifar",),
}


def test_images_of_a_layout(tmp_path: Path) -> None:
    """Each layout is normalised as its own code does; one channel has no known normalisation."""
    for wanted, cases in NORMALISED.items():
        for case in cases:
            assert foreign.load(saved(CASES[case][0]()[0], tmp_path / "x.tar")).normalisation == wanted, case
    weights = named(narrow(), "")
    weights["conv1.weight"] = weights["conv1.weight"][:, :1]
    grey = foreign.load(saved(weights, tmp_path / "g.pt"))
    assert (grey.channels, grey.normalisation.mean, grey.normalisation.std) == (1, (0.0,), (1.0,))


@pytest.mark.parametrize("channels", [1, 5])
def test_a_normalisation_of_other_channels(channels: int, tmp_path: Path) -> None:
    """None is put in its place where it was asked for; where it was not, what is taken is said."""
    weights = named(narrow(), "")
    weights["conv1.weight"] = weights["conv1.weight"][:, :1].repeat(1, channels, 1, 1)
    path = saved(weights, tmp_path / "x.pt")
    for asked in ("imagenet", "cifar", "clip"):
        with pytest.raises(
            CollapseError, match=f"--normalisation {asked} is of 3 channels, but .* of {channels}"
        ):
            foreign.load(path, Choices(normalisation=asked))
    for asked, mean, std in (("none", 0.0, 1.0), ("half", 0.5, 0.5), ("auto", 0.0, 1.0)):
        found = foreign.load(path, Choices(normalisation=asked))
        assert found.normalisation == Normalisation((mean,) * channels, (std,) * channels)
        means, stds = (", ".join([f"{value:g}"] * channels) for value in (mean, std))
        assert f"mean {means}, std {stds} (--size, --normalisation)" in found.assumed[-1]


def test_images_are_as_asked_for(tmp_path: Path) -> None:
    """A network with a 7x7 stem may have been trained on 32x32 images, which its weights do not tell."""
    path = saved(named(narrow(), ""), tmp_path / "x.pt")
    assert (foreign.load(path).size, foreign.load(path).normalisation) == (224, IMAGENET)
    found = foreign.load(path, Choices(size=32, normalisation="none"))
    assert (found.size, found.normalisation) == (32, NONE)
    words = "images of side 32, mean 0, 0, 0, std 1, 1, 1 (--size, --normalisation)"
    assert found.assumed[-1].startswith(f"{words}: the middle square of each")


@pytest.mark.parametrize(
    ("content", "epoch"),
    [
        ({"epoch": 12}, 12),
        ({"meta": {"epoch": 3}}, 3),
        ({}, None),
        ({"epoch": "last"}, None),
        ({"epoch": True}, None),
    ],
)
def test_the_epoch_is_as_the_file_counts(content: dict[str, Any], epoch: int | None, tmp_path: Path) -> None:
    found = foreign.load(saved({**content, "state_dict": named(narrow(), "")}, tmp_path / "x.pt"))
    assert found.epoch == epoch
    assert ("the epoch" in found.unknown) == (epoch is None)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_computed_in_float32(kind: torch.dtype, tmp_path: Path, images: Tensor) -> None:
    network = narrow()
    found = foreign.load(
        saved(
            {n: w.to(kind) if w.is_floating_point() else w for n, w in named(network, "").items()},
            tmp_path / "x",
        )
    )
    rounded = copy.deepcopy(network).to(kind).float()
    assert torch.equal(found.encoder(images), rounded(images))
    assert found.dtype == str(kind).removeprefix("torch.")


def test_counts_of_batches_are_not_needed(tmp_path: Path, images: Tensor) -> None:
    """Files of old have none."""
    weights = {name: weight for name, weight in named(narrow(), "").items() if "num_batches" not in name}
    found = foreign.load(saved(weights, tmp_path / "x.pt", _use_new_zipfile_serialization=False))
    assert torch.equal(found.encoder(images), narrow()(images))


def test_nan_is_said_and_not_hidden(tmp_path: Path) -> None:
    weights = named(narrow(), "encoder_q.")
    weights["encoder_q.layer2.0.bn1.bias"] = torch.tensor([1.0] * 31 + [torch.nan])
    weights["encoder_q.fc.weight"] = torch.full((4, D), torch.inf)
    (said,) = foreign.load(saved(weights, tmp_path / "x.pt")).warnings
    count = sum("num_batches" not in name for name in weights)
    assert said == f"2 of {count} weights contain nan or infinity: layer2.0.bn1.bias, weight"


def test_nothing_is_drawn_and_nothing_is_random(tmp_path: Path) -> None:
    """Reading draws nothing from torch's generator, and the same file gives the same weights."""
    path = saved(moco("v2")[0], tmp_path / "x.pt")
    before = torch.get_rng_state()
    one, other = foreign.load(path), foreign.load(path)
    assert torch.equal(torch.get_rng_state(), before)
    pairs = zip(one.encoder.state_dict().values(), other.encoder.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_prefixes_are_taken_off_whole(tmp_path: Path, images: Tensor) -> None:
    """`lstrip("backbone.")` would eat the b and n of bn1, and half of conv1."""
    weights = {f"backbone.{name}": weight for name, weight in named(narrow(), "").items()}
    assert {"backbone.bn1.weight", "backbone.conv1.weight"} <= weights.keys()
    assert torch.equal(foreign.load(saved(weights, tmp_path / "x.pt")).encoder(images), narrow()(images))


def test_of_several_unknown_networks_the_first_is_taken_and_the_others_named(
    tmp_path: Path, images: Tensor
) -> None:
    path = saved(named(narrow(), "left.module.") | named(narrow(seed=7), "right.module."), tmp_path / "x.pt")
    found = foreign.load(path)
    assert found.prefix == "left.module."
    words = "the online network, left.module.; the file also holds right.module. (--prefix right.module.)"
    assert words in found.assumed
    other = foreign.load(path, Choices(prefix="right.module."))
    assert torch.equal(other.encoder(images), narrow(seed=7)(images))
    with pytest.raises(CollapseError, match=r"nothing in .* under --prefix middle"):
        foreign.load(path, Choices(prefix="middle"))


def test_a_projector_that_does_not_fit_is_left_out_and_said(tmp_path: Path) -> None:
    for number, (head, said) in enumerate(
        (
            (nn.Linear(60, 12), "takes 60 dimensions, but h has 128"),
            (nn.Sequential(nn.Linear(D, 20), nn.ReLU(), nn.Linear(21, 12)), "do not follow on each other"),
            (nn.Sequential(nn.Linear(D, 20), nn.Conv2d(20, 3, 1)), "'1' is a convolution"),
        )
    ):
        weights = named(narrow(), "backbone.") | named(head, "projector.")
        found = foreign.load(saved(weights, tmp_path / f"{number}.pt"))
        assert found.projector is None
        assert said in found.unknown[0]


def test_stable_pretrainings_dino_is_not_given_a_wrong_projector(tmp_path: Path) -> None:
    """Its Sequential holds a normalisation without weights where a ReLU would be guessed."""
    head = nn.Sequential(nn.Linear(D, 20), nn.GELU(), nn.Linear(20, 12), nn.Identity(), linear(12, 30))
    weights = (
        named(narrow(), "backbone.student.")
        | named(narrow(), "backbone.teacher.")
        | named(head, "projector.teacher.")
    )
    found = foreign.load(
        saved(lightning(weights | {"dino_loss.center": torch.zeros(1, 30)}), tmp_path / "x.ckpt")
    )
    assert (found.layout, found.projector) == ("stable-pretraining DINO", None)
    assert "normalisation" in found.unknown[0]


def test_an_architecture_that_is_asked_for(tmp_path: Path, images: Tensor) -> None:
    from torchvision.models import resnet18

    with torch.device("meta"):
        network = resnet18()
    network = told_apart(network.to_empty(device="cpu"), 3)
    path = saved(named(network, "anything."), tmp_path / "x.pt")
    network.fc = nn.Identity()
    found = foreign.load(path, Choices(arch="resnet18"))
    assert found.arch == foreign.load(path).arch == "resnet18"
    assert torch.equal(found.encoder(images), network(images))
    with pytest.raises(
        CollapseError,
        match=r"resnet34 under 'anything\.' comes nearest, of which 100 of 180 weights match \(56%\)",
    ):
        foreign.load(path, Choices(arch="resnet34"))


# Vision transformers, by names alone: what they compute is tested with the model.


def transformer(width: int = 128, clip: bool = False, layers: int = 11) -> dict[str, Tensor]:
    """Weights of a ViT with timm's names, patches of 4 on images of 12 x 12; as CLIP has it, with a norm before the blocks."""
    generator = torch.Generator().manual_seed(4)
    rand = partial(torch.randn, generator=generator)
    weights = {
        "cls_token": rand(1, 1, width),
        "pos_embed": rand(1, 10, width),
        "patch_embed.proj.weight": rand(width, 3, 4, 4),
    }
    weights |= {} if clip else {"patch_embed.proj.bias": rand(width)}
    shapes = {"norm1": (), "attn.qkv": (3 * width, width), "attn.proj": (width, width), "norm2": (),
              "mlp.fc1": (24, width), "mlp.fc2": (width, 24)}  # fmt: skip
    layer_norms = ["norm", *(["norm_pre"] if clip else [])]
    named_shapes = {f"blocks.{n}.{name}": shape for n in range(layers) for name, shape in shapes.items()}
    for name, shape in {**named_shapes, **dict.fromkeys(layer_norms, ())}.items():
        weights |= {
            f"{name}.weight": 0.1 * rand(shape or (width,)),
            f"{name}.bias": rand(*(shape or (width,))[:1]),
        }
    return weights


def h_of(
    weights: dict[str, Tensor], images: Tensor, heads: int, activation: str = "gelu", eps: float = 1e-6
) -> Tensor:
    form = vit.Form(heads, activation, eps)
    return rebuilt.filled(vit.vit(weights, form)[1], weights)(images)


@pytest.fixture(scope="module")
def small() -> Tensor:
    return torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(9))


DINO_HEAD = {"head.mlp.0.weight": torch.zeros(20, 384), "head.mlp.2.weight": torch.zeros(12, 20)}


@pytest.mark.parametrize(
    ("wrap", "layout", "heads"),
    [
        (
            lambda w: {"model": w, "args": argparse.Namespace(model="deit_small_patch16_224")},
            "bare network",
            6,
        ),
        (
            lambda w: {"teacher": {f"backbone.{n}": v for n, v in w.items()} | DINO_HEAD, "epoch": 3},
            "DINO",
            6,
        ),
        (
            lambda w: {
                "model": {f"teacher.backbone.{re.sub('blocks.', 'blocks.0.', n)}": v for n, v in w.items()}
                | {f"teacher.dino_{name}": weight for name, weight in DINO_HEAD.items()}
            },
            "DINO",
            6,
        ),
        (lambda w: {"state_dict": {f"module.base_encoder.{n}": v for n, v in w.items()}}, "MoCo v3", 12),
        (lambda w: {"state_dict": {f"visual.trunk.{n}": v for n, v in w.items()}}, "open_clip", 6),
    ],
)
def test_vision_transformers(wrap: Any, layout: str, heads: int, tmp_path: Path, small: Tensor) -> None:
    """A small ViT is 384 wide: 6 heads by 64, but MoCo v3's has 12. A sign tells. DINOv2 numbers the chunks of blocks too."""
    weights = transformer(384, layers=2)
    found = foreign.load(saved(wrap(weights), tmp_path / "x.pth"))
    assert (found.layout, found.arch, found.size, found.width) == (layout, "vit_2x384_patch4", 12, 384)
    words = re.compile(rf"{heads} attention heads, as .* ha(s|ve).* \(--heads\)")
    assert any(words.fullmatch(sentence) for sentence in found.assumed)
    assert torch.equal(found.encoder(small), h_of(weights, small, heads))
    other = foreign.load(tmp_path / "x.pth", Choices(heads=3))
    assert torch.equal(other.encoder(small), h_of(weights, small, 3))


def test_a_classifier_and_a_decoder_lie_beside(tmp_path: Path, small: Tensor) -> None:
    weights = transformer(layers=2)
    beside = classifier("head.", 128) | {
        "mask_token": torch.zeros(1, 1, 128),
        "decoder_blocks.0.norm1.weight": torch.zeros(64),
    }
    found = foreign.load(saved(weights | beside, tmp_path / "mae.pth"), Choices(heads=2))
    assert (found.matched, found.warnings) == (found.total, ())
    assert torch.equal(found.encoder(small), h_of(weights, small, 2))


def test_heads_that_are_not_known_or_cannot_be(tmp_path: Path) -> None:
    path = saved(transformer(100, layers=1), tmp_path / "x.pth")
    with pytest.raises(
        CollapseError, match="number of attention heads of this ViT, 100 wide, is not in the file"
    ):
        foreign.load(path)
    with pytest.raises(CollapseError, match="a ViT 100 wide, which cannot have 3 attention heads"):
        foreign.load(path, Choices(heads=3))
    assert foreign.load(path, Choices(heads=5)).width == 100


HUGGING_FACE = {
    "patch_embed.proj.": "embeddings.patch_embedding.", "norm_pre.": "pre_layrnorm.", "blocks.": "encoder.layers.",
    ".norm1.": ".layer_norm1.", ".norm2.": ".layer_norm2.", ".attn.proj.": ".self_attn.out_proj.",
}  # fmt: skip
OPEN_CLIP = {
    "patch_embed.proj.": "conv1.", "norm_pre.": "ln_pre.", "blocks.": "transformer.resblocks.", ".norm1.": ".ln_1.",
    ".norm2.": ".ln_2.", ".attn.proj.": ".attn.out_proj.", ".attn.qkv.": ".attn.in_proj_", ".fc1.": ".c_fc.", ".fc2.": ".c_proj.",
}  # fmt: skip


def theirs(
    weights: dict[str, Tensor], rules: dict[str, str], post: str, cls: str, positions: str
) -> dict[str, Tensor]:
    """Weights under another library's names: token (D,), positions (n,D)."""
    found = {}
    for name, weight in weights.items():
        own = re.sub(r"^norm\.", f"{post}.", name)
        for ours, other in rules.items():
            own = own.replace(ours, other)
        found[{"cls_token": cls, "pos_embed": positions}.get(name, own)] = weight
    return found | {cls: found[cls].flatten(), positions: found[positions][0]}


def hugging_face(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Queries, keys and values apart, and the text tower beside."""
    found = theirs(
        weights,
        HUGGING_FACE,
        "post_layernorm",
        "embeddings.class_embedding",
        "embeddings.position_embedding.weight",
    )
    for name in [name for name in found if ".attn.qkv." in name]:
        parts = found.pop(name).chunk(3)
        found |= {
            name.replace(".attn.qkv.", f".self_attn.{k}_proj."): part
            for k, part in zip("qkv", parts, strict=True)
        }
    found["embeddings.position_ids"] = torch.arange(10)[None]
    text = {"text_model.encoder.layers.0.mlp.fc1.weight": torch.zeros(3, 3), "logit_scale": torch.zeros(())}
    return {f"vision_model.{name}": weight for name, weight in found.items()} | text


def open_clip(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    found = theirs(weights, OPEN_CLIP, "ln_post", "class_embedding", "positional_embedding")
    text = {
        "transformer.resblocks.0.ln_1.weight": torch.zeros(3),
        "token_embedding.weight": torch.zeros(9, 3),
    }
    return text | {f"visual.{name}": weight for name, weight in found.items()}


def test_clip_of_hugging_face(tmp_path: Path, small: Tensor) -> None:
    """QuickGELU as OpenAI trained it, unless config.json says otherwise; z is h through a matrix (d,D)."""
    weights, projection = (
        transformer(clip=True),
        torch.randn(12, 128, generator=torch.Generator().manual_seed(8)),
    )
    path = saved(
        hugging_face(weights) | {"visual_projection.weight": projection}, tmp_path / "pytorch_model.bin"
    )
    found = foreign.load(path, Choices(heads=2))
    h = h_of(weights, small, 2, "quickgelu", 1e-5)
    assert (found.layout, found.arch, found.normalisation) == (
        "CLIP of Hugging Face",
        "vit_11x128_patch4",
        CLIP,
    )
    assert torch.equal(found.encoder(small), h)
    torch.testing.assert_close(found.projector(h), h @ projection.T)  # type: ignore[misc]
    config = {"vision_config": {"hidden_act": "gelu", "num_attention_heads": 4, "layer_norm_eps": 1e-3}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert torch.equal(foreign.load(path).encoder(small), h_of(weights, small, 4, "gelu", 1e-3))
    asked = Choices(activation="quickgelu", heads=8)
    assert torch.equal(foreign.load(path, asked).encoder(small), h_of(weights, small, 8, "quickgelu", 1e-3))


def test_open_clip(tmp_path: Path, small: Tensor) -> None:
    """GELU, but QuickGELU in a state dict of OpenAI's archive, which says its resolution; z is h through a parameter (D,d)."""
    weights, projection = (
        transformer(clip=True),
        torch.randn(128, 12, generator=torch.Generator().manual_seed(8)),
    )
    content = {f"module.{n}": w for n, w in (open_clip(weights) | {"visual.proj": projection}).items()}
    found = foreign.load(saved({"epoch": 32, "name": "x", "state_dict": content}, tmp_path / "epoch_32.pt"))
    h = h_of(weights, small, 2, "gelu", 1e-5)
    assert (found.layout, found.prefix, found.epoch, found.dim) == ("open_clip", "module.visual.", 32, 12)
    assert torch.equal(found.encoder(small), h)
    torch.testing.assert_close(found.projector(h), h @ projection)  # type: ignore[misc]
    theirs = foreign.load(saved(content | {"input_resolution": torch.tensor(12)}, tmp_path / "openai.pt"))
    assert torch.equal(theirs.encoder(small), h_of(weights, small, 2, "quickgelu", 1e-5))


def test_matrices_of_clip_are_in_the_order_of_the_network(tmp_path: Path) -> None:
    """10 comes after 9 although the file, as safetensors does, keeps names by the alphabet."""
    weights = hugging_face(transformer(clip=True))
    found = list(
        foreign.matrices(saved({name: weights[name] for name in sorted(weights)}, tmp_path / "x.bin"))
    )
    assert found[:2] == ["patch_embed.proj", "blocks.0.attn.qkv"]
    assert [name for name in found if name.endswith("fc1")] == [f"blocks.{n}.mlp.fc1" for n in range(11)]


# What is wrong with a file -> what is said.


def halved(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight for name, weight in weights.items() if "layer2" not in name and "layer3" not in name}


def misshapen(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n: w[..., :1, :1].clone() if "layer3" in n and w.ndim == 4 else w for n, w in weights.items()}


def test_half_a_network_is_named_and_never_filled_up(tmp_path: Path) -> None:
    with pytest.raises(CollapseError, match="is not a network that is recognised"):
        foreign.load(saved(halved(named(narrow(), "")), tmp_path / "h.pt"))
    few = {n: w for n, w in named(narrow(), "encoder_q.").items() if "layer1.1.bn2" not in n}
    with pytest.raises(
        CollapseError, match=r"resnet12w0\.25 under 'encoder_q\.' comes nearest, .*layer1\.1\.bn2\.weight"
    ):
        foreign.load(saved(few, tmp_path / "f.pt"))


def test_wrong_shapes_are_named(tmp_path: Path) -> None:
    """3 of the 3x3 and 1x1 convolutions of layer3 are 3x3: two differ from what conv1 and the blocks promise."""
    with pytest.raises(
        CollapseError, match=r"layer3\.0\.conv1\.weight \(64, 32, 1, 1\) for \(64, 32, 3, 3\)"
    ):
        foreign.load(saved(misshapen(named(narrow(), "")), tmp_path / "x.pt"))


def test_weights_of_another_network_are_not_read_as_a_resnet(tmp_path: Path) -> None:
    """Squeeze-and-excitation in each block: the ResNet's own weights all match, and its outputs would all be wrong."""
    weights = named(narrow(), "")
    weights |= {
        f"layer{stage}.0.se.fc{k}.weight": torch.zeros(4, 4) for stage in (1, 2, 3, 4) for k in (1, 2)
    }
    with pytest.raises(
        CollapseError,
        match=r"is a ResNet with squeeze-and-excitation .*, as layer1\.0\.se\.fc1\.weight tells",
    ):
        foreign.load(saved(weights, tmp_path / "x.pt"))


def test_a_weight_that_is_not_used_refuses(tmp_path: Path, images: Tensor) -> None:
    """Unless it is said that it lies beside the encoder."""
    path = saved(
        named(narrow(), "") | {"layer4.0.gain": torch.ones(3), "probe.scale": torch.ones(2)},
        tmp_path / "x.pt",
    )
    with pytest.raises(CollapseError, match=r"2 more weights .*: layer4\.0\.gain, probe\.scale"):
        foreign.load(path)
    with pytest.raises(CollapseError, match=r"1 more weights .*: layer4\.0\.gain"):
        foreign.load(path, Choices(ignore="probe."))
    assert torch.equal(
        foreign.load(path, Choices(ignore="layer4.0.gain,probe.")).encoder(images), narrow()(images)
    )


LIGHTLY_TRAIN = types.ModuleType("lightly_train")
"""A package that is not here, with a class whose objects lie in a file."""
LIGHTLY_TRAIN.Model = type("Model", (), {"__module__": "lightly_train"})  # type: ignore[attr-defined]

UNREADABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (dict, "it is an empty dict"),
    "a list": (lambda: [torch.zeros(2)], "contains a list"),
    "no tensors": (lambda: {"epoch": 3, "lr": 0.1}, "contains no weights, only epoch, lr"),
    "an optimizer": (lambda: ADAM, "the state of an optimizer and no weights"),
    "an optimizer with its epoch": (lambda: {"optimizer": ADAM, "epoch": 3}, "contains no weights, only optimizer, epoch"),
    "embeddings": (lambda: torch.zeros(30, 8), "contains a Tensor"),
    "embeddings and labels": (lambda: {"features": torch.zeros(30, 8), "labels": torch.zeros(30)}, "looks like embeddings"),
    "ours": (lambda: {"collapse_format": 1}, "is a checkpoint of collapse"),
    "lightly-train": (lambda: {"lightly_train": {}, "state_dict": {}}, "lightly-train, which contains pickled modules"),
    "lightly-train, pickled": (lambda: {"lightly_train": LIGHTLY_TRAIN.Model()}, "lightly-train, which contains"),
    "an object": (lambda: {"state_dict": {}, "cfg": Fraction(1, 2)}, "contains no weights, only state_dict, cfg"),
    "a module": (lambda: nn.Linear(2, 2), r"is a pickled module \(torch.nn.modules.linear.Linear"),
    "a small net": (lambda: named(nn.Linear(3, 2), "conv_block_1.0."), "is not a network that is recognised"),
}  # fmt: skip


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_named_with_the_remedy(
    case: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightly_train", LIGHTLY_TRAIN)
    build, said = UNREADABLE[case]
    path = saved(build(), tmp_path / "x.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CollapseError, match=said) as caught:
        foreign.load(path)
    assert caught.value.hint
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"PK\x03\x04 no archive", b"\x80\x02.", b"\x80\x02}q\x00."]
)
@pytest.mark.parametrize("suffix", [".pth", ".tar", ".ckpt"])
def test_files_that_are_no_checkpoints(content: bytes, suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(CollapseError) as caught:
        foreign.load(tmp_path / f"x{suffix}")
    assert caught.value.hint


def test_a_missing_file_a_folder_and_a_zip_of_something_else(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "z.pth", "w") as archive:
        archive.writestr("notes.txt", "hello")
    for path, said in (
        (tmp_path / "none.pth", "no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "z.pth", "cannot be read"),
    ):
        with pytest.raises(CollapseError, match=said):
            foreign.load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_file(share: float, tmp_path: Path) -> None:
    whole = saved(named(narrow(), ""), tmp_path / "x.pth").read_bytes()
    (tmp_path / "x.pth").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CollapseError, match="cannot be read"):
        foreign.load(tmp_path / "x.pth")


@pytest.mark.filterwarnings("ignore")
def test_torchscript_is_named(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "x.pt")
    with pytest.raises(CollapseError, match="is a TorchScript archive") as caught:
        foreign.load(tmp_path / "x.pt")
    assert "torch.jit.load" in caught.value.hint


# Weight matrices, also where the network is not known.


def test_matrices_of_a_known_network(tmp_path: Path) -> None:
    """conv1 of 16 filters over 3 x 7 x 7 is 16 x 147; in the order of the network, projector last, without the key encoder."""
    content, encoder, projector = moco("v2")
    shuffled = dict(sorted(content["state_dict"].items(), reverse=True))
    found = foreign.matrices(saved(content | {"state_dict": shuffled}, tmp_path / "x.pth"))
    wanted = [name for name, module in encoder.named_modules() if isinstance(module, nn.Conv2d)]
    assert [n for n in found if not n.startswith("projector")] == wanted
    assert found["conv1"].shape == (16, 147)
    assert torch.equal(found["layer2.0.conv2"], encoder.layer2[0].conv2.weight.reshape(32, 288))
    assert torch.equal(found["projector.0"], projector[0].weight)
    assert set(found) - set(wanted) == {"projector.0", "projector.2"}


def test_matrices_of_an_unknown_network(tmp_path: Path) -> None:
    """align_uniform's small net for STL-10, whose architecture no file tells; norms, positions and queues are left out."""
    net = nn.Sequential(nn.Conv2d(3, 8, 5), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 4))
    weights = named(net, "conv_block_1.") | {"pos_embed": torch.zeros(1, 4, 4), "queue": torch.zeros(4, 9)}
    path = saved(weights, tmp_path / "encoder.pth")
    found = foreign.matrices(path)
    assert {name: tuple(m.shape) for name, m in found.items()} == {
        "conv_block_1.0": (8, 75),
        "conv_block_1.3": (4, 8),
    }
    with pytest.raises(CollapseError, match="is not a network that is recognised"):
        foreign.load(path)
    with pytest.raises(CollapseError, match="contains no weight matrices"):
        foreign.matrices(saved({"bias": torch.zeros(3)}, tmp_path / "b.pth"))


# safetensors, which keeps its names in another order than the network's.


def test_safetensors(tmp_path: Path, images: Tensor) -> None:
    torch_ = pytest.importorskip("safetensors.torch")
    path = tmp_path / "model.safetensors"
    torch_.save_file(named(narrow(), "encoder_q."), path)
    assert torch.equal(foreign.load(path).encoder(images), narrow()(images))
    torch_.save_file({f"layers.{n}.weight": torch.ones(n + 1, 2) for n in range(12)}, path)
    assert list(foreign.matrices(path)) == [f"layers.{n}" for n in range(12)]
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(CollapseError, match="cannot be read as safetensors"):
        foreign.load(path)


def test_an_architecture_without_timm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    path = saved(
        {"arch": "convnext_atto", "state_dict": {"stem.0.weight": torch.zeros(2, 2)}}, tmp_path / "x.pt"
    )
    with pytest.raises(
        CollapseError, match="names the architecture convnext_atto, which needs the package timm"
    ):
        foreign.load(path)
    with pytest.raises(CollapseError, match="needs the package timm") as caught:
        foreign.load(path, Choices(arch="convnext_atto"))
    assert "collapse-cli[timm]" in caught.value.hint


def test_a_config_beside_the_file_is_heard(tmp_path: Path) -> None:
    """timm's config.json names the normalisation."""
    torch.save(named(narrow(), ""), tmp_path / "pytorch_model.bin")
    config = {
        "architecture": "resnet50",
        "pretrained_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert foreign.load(tmp_path / "pytorch_model.bin").normalisation.mean == (0.5, 0.5, 0.5)
    (tmp_path / "config.json").write_text("[")
    assert foreign.load(tmp_path / "pytorch_model.bin").normalisation == IMAGENET


# What the libraries themselves save, where they are installed.


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "head", ["MoCo", "SimCLR", "BarlowTwins", "BYOL", "SimSiam", "SwaV", "VICReg", "DINO"]
)
def test_what_lightly_saves(head: str, tmp_path: Path, images: Tensor) -> None:
    """The modules of its examples: a ResNet cut into a Sequential, and its own projection heads."""
    heads = pytest.importorskip("lightly.models.modules.heads")
    model = nn.Module()
    model.backbone = numbered(narrow())
    widths = (D, 20, 12, 30) if head == "DINO" else (D, 20, 12)
    model.projection_head = told_apart(getattr(heads, f"{head}ProjectionHead")(*widths), 2)
    found = foreign.load(saved(lightning(model.state_dict()), tmp_path / "last.ckpt"))
    h = model.backbone(images).flatten(1)
    assert found.layout == "lightly"
    assert torch.equal(found.encoder(images), h)
    assert torch.equal(found.projector(h), model.projection_head.layers(h))  # type: ignore[misc]


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "seresnet18", "convnext_atto"])
def test_what_timm_saves(name: str, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = timm.create_model(name, num_classes=7).eval()
    path = saved(
        {"arch": name, "state_dict_ema": network.state_dict(), "epoch": 3}, tmp_path / "last.pth.tar"
    )
    network.reset_classifier(0)
    found = foreign.load(path)
    images = torch.randn(1, 3, found.size, found.size, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found.encoder(images), network(images))
    assert found.matched == found.total


# Names that are near a layout and are not its.


def small_stem(stem: str) -> dict[str, Tensor]:
    return named(narrow(stem=stem), "backbone.")


NEAR: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a classifier beside a backbone": (lambda: small_stem("cifar") | classifier("classifier."), "unknown layout", "cifar"),
    "the same of Lightning": (lambda: lightning(small_stem("cifar") | classifier("classifier.")), "unknown layout", "cifar"),
    "solo-learn's, momentum": (lambda: small_stem("cifar-pad2") | named(narrow(stem="cifar-pad2"), "momentum_backbone.")
                               | classifier("classifier."), "solo-learn", "cifar-pad2"),
    "weights of classes beside": (lambda: lightning(small_stem("cifar-pad2") | named(HEADS["v2"](), "projector.")
                                                    | classifier("classifier.")) | {"pos_weight": torch.ones(3)},
                                  "solo-learn", "cifar-pad2"),
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR)
def test_names_near_a_layout(case: str, tmp_path: Path, images: Tensor) -> None:
    build, layout, stem = NEAR[case]
    found = foreign.load(saved(build(), tmp_path / "x.pt"))
    assert (found.layout, found.stem) == (layout, stem)
    assert torch.equal(found.encoder(images), narrow(stem=stem)(images))


def test_a_prefix_keeps_the_layout_that_it_is_of(tmp_path: Path, images: Tensor) -> None:
    """Its stem, projector and role, as --branch would."""
    weights = small_stem("cifar-pad2") | named(narrow(seed=7, stem="cifar-pad2"), "momentum_backbone.")
    weights |= classifier("classifier.") | named(HEADS["v2"](), "momentum_projector.")
    path = saved(weights, tmp_path / "x.pt")
    found = foreign.load(path, Choices(prefix="momentum_backbone."))
    h = narrow(seed=7, stem="cifar-pad2")(images)
    assert (found.layout, found.branch) == ("solo-learn", "momentum")
    assert torch.equal(found.encoder(images), h)
    assert torch.equal(found.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]


def test_a_single_weight_is_ignored_as_the_hint_says(tmp_path: Path, images: Tensor) -> None:
    path = saved(named(narrow(), "") | {"gain": torch.ones(3)}, tmp_path / "x.pt")
    with pytest.raises(CollapseError, match="1 more weights") as caught:
        foreign.load(path)
    ignored = caught.value.hint.split("--ignore ")[1]
    assert torch.equal(foreign.load(path, Choices(ignore=ignored)).encoder(images), narrow()(images))


def test_a_head_in_a_dict_beside_a_bare_network(tmp_path: Path, images: Tensor) -> None:
    """Whatever it is called: it is not of the network because the network has no prefix."""
    content = {"net": named(narrow(), ""), "head": named(HEADS["directclr"](), ""), "optim": ADAM}
    found = foreign.load(saved(content, tmp_path / "x.pt"))
    h = narrow()(images)
    assert torch.equal(found.encoder(images), h)
    assert torch.equal(found.projector(h), HEADS["directclr"]()(h))  # type: ignore[misc]


def test_nothing_is_ignored_that_is_not_there(tmp_path: Path) -> None:
    path = saved(named(narrow(), "backbone."), tmp_path / "x.pt")
    with pytest.raises(CollapseError, match="begins with --ignore typo"):
        foreign.load(path, Choices(ignore="typo"))
