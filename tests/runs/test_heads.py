"""Projectors whatever their names, what is none, and what is left over of other people's checkpoints."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, relu

from collapse_cli.analysis.inspection import facts
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others.layouts import Choices
from tests.runs.test_foreign import (
    HEADS,
    byol_of_lucidrains,
    classifier,
    dino,
    linear,
    moco,
    named,
    narrow,
    norm,
    pulled,
    saved,
    sequence,
    simsiam_of_patrick_hua,
    told_apart,
    transformer,
)

D = 128


@pytest.fixture(scope="module")
def h() -> Tensor:
    return torch.randn(3, D, generator=torch.Generator().manual_seed(3))


def mixed(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """In the order of the alphabet, as safetensors keeps them: bn1 before fc1, 10 before 2."""
    return {name: weights[name] for name in sorted(weights)}


THREE = "layer1.0 layer1.1 layer2.0 layer2.1 layer3.0 layer3.1"

# Before the encoder, the names of the projector's layers (or the prefix of a Sequential's), the projector, and as it is written.
SEEN: dict[str, tuple[str, str, str, str]] = {
    "head": ("net.trunk.", "head.", "v2", "head."),
    "proj": ("encoder.", "proj.", "v2", "proj."),
    "a linear one": ("encoder.", "projection.", "v1", "projection."),
    "in the place of fc": ("backbone.", "backbone.fc.", "swav", "backbone.fc."),
    "in the place of fc, of convnet": ("convnet.", "convnet.fc.", "v2", "convnet.fc."),
    "contrastive": ("", "contrastive_head.", "v2", "contrastive_head."),
    "in a model": ("encoder.", "projection.model.", "swav", "projection."),
    "online": ("online_network.encoder.", "online_network.projector.model.", "swav", "online_network.projector."),
    "mlp": ("encoder.", "projection_MLP.", "barlow", "projection_MLP."),
    "mlp_head": ("", "mlp_head.", "v2", "mlp_head."),
    "instance": ("encoder.", "instance_projector.", "v2", "instance_projector."),
    "module": ("encoder.module.", "module.head.", "v2", "module.head."),
    "parts": ("net.", THREE, "three norms", "projector."),
    "numbers glued to words": ("encoder.", "fc1 bn1 fc2", "swav", "fc1.,bn1.,fc2."),
    "the same beside a bare network": ("", "linear1 linear2", "v2", "linear1.,linear2."),
    "the same under the encoder": ("encoder.", "encoder.linear1 encoder.norm1 encoder.linear2", "swav",
                                   "encoder.linear1.,encoder.norm1.,encoder.linear2."),
    "net": ("encoder.", "head.net.", "directclr", "head."),
    "no word at all": ("encoder.", "g_theta.", "v2", "g_theta."),
    "dicts": ("backbone_state_dict.", "projector_state_dict.", "simsiam", "projector_state_dict."),
    "beside a context encoder": ("context_encoder.", "context_projector.", "v2", "context_projector."),
    "deep in a wrapper": ("learner.encoder.", "learner.ssl.heads.projection.", "v2", "learner.ssl."),
}  # fmt: skip


def of_seen(case: str) -> tuple[dict[str, Tensor], Any]:
    before, names, key, written = SEEN[case]
    projector = HEADS[key]()
    if names.endswith("."):
        return named(narrow(), before) | named(projector, names), projector
    inside = written if names == THREE else ""
    return named(narrow(), before) | {
        f"{inside}{n}": w for n, w in pulled(projector, names).items()
    }, projector


@pytest.mark.parametrize("case", SEEN)
def test_a_head_is_taken_whatever_its_name(case: str, tmp_path: Path, h: Tensor) -> None:
    """z of the network that was saved, bit by bit, in the order of the file and of the alphabet; and it is said where it lies."""
    weights, projector = of_seen(case)
    for number, file in enumerate((weights, mixed(weights))):
        read = foreign.load(saved(file, tmp_path / f"{number}.pt"))
        assert torch.equal(read.projector(h), projector(h))  # type: ignore[misc]
        assert read.dim == 12
        lies = f"the projector under '{SEEN[case][3]}'"
        assert any(sentence.startswith(lies) for sentence in read.assumed) or read.layout != "unknown layout"
        assert not read.leftover
        assert not [sentence for sentence in read.unknown if "projector" in sentence]


def test_dicts_of_encoder_and_projector(tmp_path: Path, h: Tensor) -> None:
    content = {
        "encoder": named(narrow(), "module."),
        "projector": named(HEADS["v2"](), "module."),
        "epoch": 3,
    }
    read = foreign.load(saved(content, tmp_path / "x.pt"))
    assert torch.equal(read.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]


@pytest.mark.parametrize("encoder", ["rngnet", "scheduled_net", "optimistic", "loopnet"])
@pytest.mark.parametrize(
    "head", ["projector_scaler", "scheduler_free_projector", "optimal_projector", "rng_projector"]
)
def test_dicts_are_not_dropped_for_a_part_of_their_names(
    encoder: str, head: str, tmp_path: Path, h: Tensor
) -> None:
    path = saved({encoder: named(narrow(), ""), head: named(HEADS["v2"](), "")}, tmp_path / "x.pt")
    read = foreign.load(path)
    images = torch.randn(2, 3, 40, 40, generator=torch.Generator().manual_seed(9))
    assert torch.equal(read.encoder(images), narrow()(images))
    assert torch.equal(read.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]
    assert read.leftover == ()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        *((name, False) for name in (
            "optimizer", "optimizers", "optimizer_states", "opt", "optim", "optimizer_g",
            "optimizer_state_dict", "head_optimizer",
        )),
        *((name, True) for name in (
            "lr_scheduler", "lr_schedulers", "scheduler", "scheduler_state_dict", "scaler", "fp16_scaler",
            "grad_scaler", "amp", "rng_state",
            "cuda_rng_state", "callbacks", "loops", "dino_loss", "loss", "hyper_parameters",
        )),
    ],
)  # fmt: skip
def test_state_of_the_training_is_no_weight_and_told_where_it_holds_matrices(
    name: str, told: bool, tmp_path: Path
) -> None:
    """Of optimizers it goes without saying."""
    content = {"state_dict": named(narrow(), "encoder."), name: {"inner": {"x.weight": torch.ones(4, D)}}}
    read = foreign.load(saved(content, tmp_path / "x.pt"))
    assert read.leftover == ((f"{name} (state of the training, by its name)",) if told else ())
    content[name] = {"inner": {"x": torch.ones(4)}}
    assert foreign.load(saved(content, tmp_path / "y.pt")).leftover == ()


def test_a_head_beside_a_vit(tmp_path: Path, h: Tensor) -> None:
    """Also with the layer norm and the GELU of DINO's, which its last layer tells."""
    head = sequence(linear(D, 20), nn.LayerNorm(20), nn.ReLU(), nn.Linear(20, 12))
    weights = transformer(layers=2)
    read = foreign.load(
        saved(weights | named(head, "contrastive_head."), tmp_path / "x.pt"), Choices(heads=2)
    )
    assert torch.equal(read.projector(h), head(h))  # type: ignore[misc]
    head = HEADS["dino"]()
    last = {"dino.last_layer.weight_g": torch.ones(30, 1), "dino.last_layer.weight_v": torch.ones(30, 12)}
    inside = {f"net.{name}": weight for name, weight in weights.items()} | named(head, "dino.mlp.") | last
    read = foreign.load(saved(inside, tmp_path / "d.pt"), Choices(heads=2))
    z = head[4](gelu(head[2](gelu(head[0](h)))))
    torch.testing.assert_close(read.projector(h), z)  # type: ignore[misc]
    assert read.leftover == ("dino.last_layer. (2 weights)",)
    beside = foreign.load(
        saved(weights | named(head, "dino.mlp.") | last, tmp_path / "b.pt"), Choices(heads=2)
    )
    torch.testing.assert_close(beside.projector(h), z)  # type: ignore[misc]


LEFT = nn.Sequential(nn.Linear(D, 20), nn.ReLU(), nn.Linear(21, 12))
CONVOLUTION = nn.Sequential(nn.Conv2d(D, 20, 1), nn.ReLU(), nn.Conv2d(20, 12, 1))

OF_ANOTHER = r"no projector of this network; '{0}' is of another, by its name \(--projector {0}\)"

NOT_TAKEN: dict[str, tuple[dict[str, Tensor], str]] = {
    "nothing": ({}, "the file contains no projector, so only h can be measured"),
    "a predictor": (named(HEADS["v2"](), "predictor."), "the file contains no projector"),
    "a predictor of another name": (named(HEADS["v2"](), "pred."), "the file contains no projector"),
    "a decoder": (named(HEADS["v2"](), "decoder."), "the file contains no projector"),
    "a deep classifier": (named(HEADS["v2"](), "classifier."), "the file contains no projector"),
    "an online probe": (named(HEADS["v1"](), "online_probe."), "the file contains no projector"),
    "a linear fc": (classifier("fc."), "whether 'fc.', one linear layer 128-10, is a classifier or a projector: it is left out "
                                       r"\(--projector fc.\)"),
    "a linear head": (classifier("module.head."), "whether 'module.head.', one linear layer 128-10"),
    "a norm and a linear head": (named(sequence(norm(D, False), nn.Linear(D, 9)), "head."),
                                   "whether 'head.', one linear layer 128-9"),
    "a head of the slow copy": (named(HEADS["v2"](), "momentum_projector."), OF_ANOTHER.format("momentum_projector.")),
    "a head of the target": (named(HEADS["v2"](), "target_encoder.projector."), OF_ANOTHER.format("target_encoder.")),
    "a head of the student": (named(HEADS["v2"](), "student_head."), OF_ANOTHER.format("student_head.")),
    "no chain": (named(LEFT, "proj."), "the projector that 'proj.' may be is left out: its layers do not follow on each other"),
    "a convolution": (named(CONVOLUTION, "neck."), "the projector that 'neck.' may be is left out: '0' is a convolution"),
    "another width": (named(nn.Linear(60, 12), "projection."),
                      "'projection.' may be is left out: it takes 60 dimensions, but h has 128"),
    "two layers of which none is first": (named(nn.Linear(D, D), "head.one.") | named(nn.Linear(D, D), "head.two."),
                                          "whether 'head.one.', one linear layer 128-128"),
    "words": ({"token_embedding.weight": torch.zeros(30, D)}, "the file contains no projector"),
    "a head that predicts": (named(HEADS["v2"](), "regression_head."), "the file contains no projector"),
    "a text tower": (named(nn.Sequential(nn.Linear(D, 512), nn.ReLU(), nn.Linear(512, D)), "text_model.layers.0.mlp."),
                     "the file contains no projector"),
    "the mlp of another transformer": (
        named(nn.Sequential(nn.Linear(D, 512), nn.ReLU(), nn.Linear(512, D)), "other.blocks.0.mlp.")
        | named(nn.Linear(D, 3 * D), "other.blocks.0.attn.qkv."), "the file contains no projector"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_TAKEN)
def test_what_is_no_projector_is_not_taken(case: str, tmp_path: Path) -> None:
    """And it is left over; that there is no projector is only said where nothing may be one."""
    weights, said = NOT_TAKEN[case]
    read = foreign.load(saved(named(narrow(), "module.encoder.") | weights, tmp_path / "x.pt"))
    assert (read.projector, read.dim) == (None, None)
    assert re.search(said, read.unknown[0])
    count = sum(weight.is_floating_point() for weight in weights.values())
    assert sum(int(group.split("(")[1].split()[0]) for group in read.leftover) == count


def test_the_one_named_after_a_projection_is_taken_and_the_others_named(tmp_path: Path, h: Tensor) -> None:
    """Whatever comes first in the file; a linear layer that may be a classifier is no candidate."""
    heads = (
        named(HEADS["swav"](), "other.") | named(HEADS["barlow"](), "head.") | named(HEADS["v2"](), "proj.")
    )
    path = saved(classifier("fc.") | heads | named(narrow(), "module.encoder."), tmp_path / "x.pt")
    read = foreign.load(path)
    assert torch.equal(read.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]
    lies = "the projector under 'proj.', which takes the 128 dimensions of h; so does head., other. (--projector)"
    assert lies in read.assumed
    assert read.leftover == ("fc. (2 weights)", "other. (8 weights)", "head. (11 weights)")


def test_a_projector_that_is_asked_for(tmp_path: Path, h: Tensor) -> None:
    heads = named(HEADS["swav"](), "module.other.") | named(HEADS["v1"](), "fc.") | named(LEFT, "proj.")
    heads |= pulled(HEADS["v2"](), "fc1 fc2") | named(HEADS["single"](), "module.encoder.fc.")
    path = saved(heads | named(narrow(), "module.encoder."), tmp_path / "x.pt")
    for prefix, key in (
        ("module.other.", "swav"), ("module.other", "swav"), ("fc.", "v1"), ("fc", "v1"),
        ("fc1.,fc2.", "v2"), ("module.encoder.fc", "single"),
    ):  # fmt: skip
        read = foreign.load(path, Choices(projector=prefix))
        assert torch.equal(read.projector(h), HEADS[key]()(h))  # type: ignore[misc]
        assert not any("which takes the" in sentence for sentence in read.assumed)
    none = foreign.load(path, Choices(projector="none"))
    assert (none.projector, none.dim) == (None, None)
    assert "no projector, as given (--projector)" in none.assumed
    for prefix, said in (
        ("proj.", "its layers do not follow on each other"),
        ("nowhere.", "no name of a weight begins so"),
        ("module.encoder.layer1.0", "without the weights under --projector"),
    ):
        with pytest.raises(CollapseError, match=said) as caught:
            foreign.load(path, Choices(projector=prefix))
        assert caught.value.hint


def test_the_projector_of_the_layout_is_replaced_by_the_one_asked_for(tmp_path: Path, h: Tensor) -> None:
    content, *_ = moco("v2")
    content["state_dict"] |= named(HEADS["swav"](), "module.extra.")
    path = saved(content, tmp_path / "x.pt")
    assert torch.equal(foreign.load(path).projector(h), HEADS["v2"]()(h))  # type: ignore[misc]
    read = foreign.load(path, Choices(projector="module.extra."))
    assert torch.equal(read.projector(h), HEADS["swav"]()(h))  # type: ignore[misc]
    assert any(group.startswith("module.encoder_q.fc. (4") for group in read.leftover)


def test_a_layer_that_the_code_may_leave_out(tmp_path: Path, h: Tensor) -> None:
    """The option is typed as it stands in what is assumed."""
    content, _, projector = simsiam_of_patrick_hua()
    content["state_dict"] = {f"module.{name}": weight for name, weight in content["state_dict"].items()}
    path = saved(content, tmp_path / "x.pt")
    (said,) = (sentence for sentence in foreign.load(path).assumed if "leaves out" in sentence)
    read = foreign.load(path, Choices(projector=said.split("--projector ")[1].rstrip(")")))
    assert torch.equal(read.projector(h), projector[6:](projector[:3](h)))  # type: ignore[misc]


def test_each_branch_has_its_projector(tmp_path: Path, h: Tensor) -> None:
    """In a layout that no table has: the target's encoder goes with the target's head."""
    weights = {}
    for key, seed, head in (("online", 0, "v2"), ("target", 7, "swav")):
        weights |= named(narrow(seed=seed), f"{key}.encoder.") | named(HEADS[head](), f"{key}.proj.")
    path = saved(weights, tmp_path / "x.pt")
    assert torch.equal(foreign.load(path).projector(h), HEADS["v2"]()(h))  # type: ignore[misc]
    target = foreign.load(path, Choices(prefix="target.encoder."))
    assert torch.equal(target.projector(h), HEADS["swav"]()(h))  # type: ignore[misc]


def test_of_two_encoders_each_has_the_head_beside_it(tmp_path: Path, h: Tensor) -> None:
    """And where names do not tell whose a head is, none is taken."""
    weights = {}
    for key, seed, head in (("left", 0, "v2"), ("right", 7, "swav")):
        weights |= named(narrow(seed=seed), f"{key}.encoder.") | named(HEADS[head](), f"{key}.proj.")
    path = saved(weights, tmp_path / "x.pt")
    for key, head in (("left", "v2"), ("right", "swav")):
        read = foreign.load(path, Choices(prefix=f"{key}.encoder."))
        assert torch.equal(read.projector(h), HEADS[head]()(h))  # type: ignore[misc]
    flat = {
        re.sub(r"^(left|right)\.(encoder|proj)", r"\2_\1", name): weight for name, weight in weights.items()
    }
    path = saved(flat, tmp_path / "y.pt")
    read = foreign.load(path)
    assert read.projector is None
    assert read.unknown[:2] == tuple(
        f"whether the projector is 'proj_{key}.', as there is another encoder that may have it (--projector proj_{key}.)"
        for key in ("left", "right")
    )
    asked = foreign.load(path, Choices(projector="proj_right."))
    assert torch.equal(asked.projector(h), HEADS["swav"]()(h))  # type: ignore[misc]


# What lies beside an encoder, and what may lie on the path from image to embedding.


def test_a_head_under_the_encoders_own_prefix_is_nothing_unexpected(tmp_path: Path, h: Tensor) -> None:
    for before in ("", "net.encoder."):
        weights = named(narrow(), before) | named(HEADS["swav"](), f"{before}ssl.")
        read = foreign.load(saved(weights, tmp_path / "x.pt"))
        assert torch.equal(read.projector(h), HEADS["swav"]()(h))  # type: ignore[misc]
        assert read.matched == read.total


INSIDE: dict[str, dict[str, Tensor]] = {
    "an adapter in a block": named(nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, D)), "layer4.0.adapter."),
    "a chain D-D beside": named(nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, D)), "adapter."),
    "one layer D-D": named(nn.Linear(D, D), "pre_logits.fc."),
    "a norm": named(nn.LayerNorm(D), "fc_norm."),
    "a norm in the head": named(nn.LayerNorm(D), "head.norm.") | classifier("head.fc."),
    "a pooling in the head": {"head.probe": torch.zeros(1, 1, D), "head.attention.in_proj_weight": torch.zeros(3 * D, D)},
    "a pooling": {"attn_pool.q.weight": torch.zeros(D, D), "attn_pool.kv.weight": torch.zeros(2 * D, D)},
    "a convolution": {"neck.weight": torch.zeros(20, D, 1, 1)},
}  # fmt: skip


@pytest.mark.parametrize("case", INSIDE)
@pytest.mark.parametrize("network", ["resnet", "vit"])
def test_what_may_lie_on_the_path_refuses(case: str, network: str, tmp_path: Path) -> None:
    """And is read where it is said that it lies beside: the hint is typed as it stands."""
    weights = named(narrow(), "") if network == "resnet" else transformer(layers=2)
    extra = {
        name.replace("layer4", "blocks") if network == "vit" else name: w for name, w in INSIDE[case].items()
    }
    path = saved(weights | extra, tmp_path / "x.pt")
    if (network, case) == ("vit", "a norm"):  # a ViT with that norm pools with it
        pytest.skip("part of the network")
    with pytest.raises(
        CollapseError, match=r"that may lie between image and embedding|attention pooling|adapter"
    ) as caught:
        foreign.load(path, Choices(heads=2))
    if "--ignore" in caught.value.hint:
        assert foreign.load(path, Choices(heads=2, ignore=caught.value.hint.split("--ignore ")[1])).width == D
    else:
        assert case == "an adapter in a block" or (network, case) == ("vit", "a chain D-D beside")


def attention(prefix: str) -> dict[str, Tensor]:
    return {f"{prefix}query": torch.ones(1, 1, D), f"{prefix}attn.in_proj_weight": torch.ones(3 * D, D)}


# What stands beside an encoder, and what of it --ignore takes; the embedding may go through it.
THROUGH: dict[str, tuple[dict[str, Tensor], str]] = {
    "a pooler": (attention("pooler."), "pooler."),
    "a pooler with a layer too": (named(nn.Linear(D, D), "pooler.dense.") | attention("pooler."), "pooler."),
    "a pooling head": (attention("pooling_head."), "pooling_head."),
    "scores of places": (named(nn.Linear(D, 1), "attention_pooling_layer."), "attention_pooling_layer."),
    "attention": (attention("attn_pool."), "attn_pool."),
    "a power": ({"gem.p": torch.ones(1)}, "gem."),
    "a power of another name": ({"global_gem_pool.p": torch.ones(1)}, "global_gem_pool."),
    "words": (named(nn.Linear(D, 8), "netvlad.conv.") | {"netvlad.centroids": torch.ones(8, D)}, "netvlad."),
    "an aggregator": (attention("aggregator."), "aggregator."),
    "a query alone": ({"pool_query": torch.ones(1, D)}, "pool_query"),
    "a norm": (named(told_apart(nn.BatchNorm1d(D), 2), "embed_bn."), "embed_bn."),
    "a norm without weights": (named(told_apart(norm(D, False), 2), "bn."), "bn."),
    "a layer norm": (named(told_apart(nn.LayerNorm(D), 2), "final_norm."), "final_norm."),
    "two": (attention("pool.") | named(told_apart(nn.LayerNorm(D), 2), "norm."), "pool.,norm."),
}  # fmt: skip


@pytest.mark.parametrize("case", THROUGH)
@pytest.mark.parametrize(
    "where", [("backbone.", ""), ("net.trunk.", "net."), ("module.net.trunk.", "module.")]
)
@pytest.mark.parametrize("network", ["resnet", "vit"])
def test_what_the_embedding_may_go_through_refuses(
    case: str, where: tuple[str, str], network: str, tmp_path: Path, h: Tensor
) -> None:
    """Wherever it stands beside the encoder; the hint is typed as it stands, and gives the encoder and the projector."""
    extra, ignored = THROUGH[case]
    weights = named(narrow(), where[0]) if network == "resnet" else {
        f"{where[0]}{name}": weight for name, weight in transformer(layers=2).items()
    }  # fmt: skip
    weights |= {f"{where[1]}{name}": weight for name, weight in extra.items()}
    path = saved(weights | named(HEADS["v2"](), f"{where[1]}proj."), tmp_path / "x.pt")
    with pytest.raises(CollapseError, match=r"and beside it a (pooling|norm), ") as caught:
        foreign.load(path, Choices(heads=2))
    assert caught.value.hint.split()[:2] == ["--ignore", ignored]
    read = foreign.load(path, Choices(heads=2, ignore=ignored))
    assert torch.equal(read.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]


@pytest.mark.parametrize("case", [case for case in THROUGH if case != "a norm without weights"])
def test_the_same_under_the_encoders_own_prefix_refuses(case: str, tmp_path: Path) -> None:
    extra, ignored = THROUGH[case]
    for network in (named(narrow(), ""), transformer(layers=2)):
        if case in ("attention", "two") and "cls_token" in network:
            continue  # a ViT's own parts
        path = saved(network | extra, tmp_path / "x.pt")
        with pytest.raises(CollapseError, match="that may lie between image and embedding") as caught:
            foreign.load(path, Choices(heads=2))
        assert caught.value.hint.endswith(f"--ignore {ignored}")
        assert foreign.load(path, Choices(heads=2, ignore=ignored)).width == D


@pytest.mark.parametrize(
    "extra",
    [
        named(nn.Linear(D, D), "pooler.dense."),
        named(nn.LayerNorm(D), "ln_final.") | {"token_embedding.weight": torch.zeros(30, D)},
        attention("text_pooler."),
        named(nn.LayerNorm(D), "decoder_norm."),
        named(nn.LayerNorm(D), "predictor_norm."),
        named(norm(D), "momentum_norm."),
        named(norm(12, False), "bn."),
        pulled(sequence(nn.Linear(D, D), norm(D), nn.Linear(D, 12)), "fc1 bn1 fc2"),
        pulled(sequence(nn.Linear(D, D), norm(D), nn.Linear(40, 12)), "fc1 bn1 fc2"),
        named(norm(D), "projector_norm."),
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_norms_of_heads_and_of_text_towers_are_on_no_path(extra: dict[str, Tensor], tmp_path: Path) -> None:
    images = torch.randn(2, 3, 40, 40, generator=torch.Generator().manual_seed(9))
    path = saved(named(narrow(), "visual.net.") | extra, tmp_path / "x.pt")
    assert torch.equal(foreign.load(path).encoder(images), narrow()(images))


def test_barlow_twins_norm_is_behind_z_also_where_it_is_as_wide_as_h(tmp_path: Path, h: Tensor) -> None:
    wide = sequence(linear(D, D), norm(D), nn.ReLU(), linear(D, D))
    weights = named(narrow(), "module.backbone.") | named(wide, "module.projector.")
    read = foreign.load(saved(weights | named(norm(D, False), "module.bn."), tmp_path / "x.pt"))
    assert torch.equal(read.projector(h), wide(h))  # type: ignore[misc]
    weights |= named(HEADS["barlow"](), "module.projector.")
    path = saved(weights | named(norm(D, False), "module.bn."), tmp_path / "y.pt")
    with pytest.raises(CollapseError, match="and beside it a norm"):
        foreign.load(path)


@pytest.mark.parametrize("network", ["resnet", "vit"])
def test_classifiers_and_heads_lie_beside(network: str, tmp_path: Path) -> None:
    weights = named(narrow(), "") if network == "resnet" else transformer(layers=2)
    extra = classifier("fc.") | classifier("head.") | classifier("linear.") | classifier("classifier.", 512)
    extra |= named(HEADS["v1"](), "rotation.") | named(HEADS["v2"](), "predictor.")
    read = foreign.load(saved(weights | extra, tmp_path / "x.pt"), Choices(heads=2))
    assert read.matched == read.total
    assert [group.split(" ")[0] for group in read.leftover] == [
        "fc.",
        "head.",
        "linear.",
        "classifier.",
        "rotation.",
        "predictor.",
    ]


# What is left over.


def test_every_weight_that_is_not_used_is_told(tmp_path: Path) -> None:
    """By the shortest prefix that no weight in use has; another encoder with the option that takes it."""
    content, *_ = moco("v2")
    content["state_dict"] |= named(HEADS["v2"](), "module.predictor.")
    path = saved(content, tmp_path / "x.pt")
    read = foreign.load(path)
    slow = (
        "module.encoder_k. (70 weights; another encoder: --branch momentum)"  # its fc is the same in memory
    )
    assert read.leftover == (slow, "module.predictor. (4 weights)")
    other = foreign.load(path, Choices(branch="momentum")).leftover
    assert other[0] == "module.encoder_q. (70 weights; another encoder: --branch online)"
    assert facts(path, Choices())["left_over"] == list(read.leftover)


def test_another_encoder_that_no_layout_has_is_told_with_its_prefix(tmp_path: Path) -> None:
    weights = (
        named(narrow(), "left.module.")
        | named(narrow(seed=7), "right.module.")
        | {"temperature": torch.ones(())}
    )
    path = saved(weights, tmp_path / "x.pt")
    leftover = foreign.load(path).leftover
    assert leftover[0] == "right. (70 weights; another encoder: --prefix right.module.)"
    assert leftover[1] == "temperature (1 weight)"
    asked = foreign.load(path, Choices(prefix="right.module."))
    assert asked.leftover[0].startswith("left. (")


def test_nothing_is_left_over_of_what_is_used(tmp_path: Path) -> None:
    """Prototypes, queue, DINO's last layer, cluster heads, and weights that lie there twice."""
    for build in (simsiam_of_patrick_hua, partial(dino, ("teacher",)), byol_of_lucidrains):
        read = foreign.load(saved(build()[0], tmp_path / "x.pt"))
        words = ("teacher", "encoder.", "backbone.")
        assert not [group for group in read.leftover if group.startswith(words)]
    assert any(group.startswith("target_encoder.") for group in read.leftover)
    assert {"online_predictor. (4 weights)", "net. (2 weights)"} <= set(
        read.leftover
    )  # its fc, which is not used


def test_inspect_tells_what_is_left_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(named(narrow(), "encoder.") | named(HEADS["v2"](), "predictor."), tmp_path / "x.pt")
    assert main(["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_over"] == ["predictor. (4 weights)"]
    assert main(["inspect", str(path)]) == 0
    assert "left over        predictor. (4 weights)" in capsys.readouterr().out


def test_matrices_have_the_projector_that_is_found(tmp_path: Path) -> None:
    path = saved(named(narrow(), "encoder.") | named(HEADS["v2"](), "my_projection."), tmp_path / "x.pt")
    assert list(foreign.matrices(path))[-2:] == ["projector.0", "projector.2"]
    assert not any(name.startswith("projector") for name in foreign.matrices(path, Choices(projector="none")))


@pytest.mark.libraries
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name",
    ["MoCo", "SimCLR", "BarlowTwins", "BYOL", "SimSiam", "SwaV", "VICReg", "NNCLR", "TiCo", "DINO", "MSN"],
)
def test_lightlys_heads_under_other_names(name: str, tmp_path: Path, h: Tensor) -> None:
    """In no layout of its own; MSN's GELU, which no weight tells, only in its own."""
    heads = pytest.importorskip("lightly.models.modules.heads")
    widths = (D, 20, 12, 30) if name == "DINO" else (D, 20, 12)
    head = told_apart(getattr(heads, f"{name}ProjectionHead")(*widths), 2)
    names = (
        ("anchor_backbone.", "backbone.", "projection_head.")
        if name == "MSN"
        else ("net.encoder.", "net.ssl_head.")
    )
    *encoders, before = names
    weights = named(head, before)
    for prefix in encoders:
        weights |= named(narrow(), prefix)
    read = foreign.load(saved(weights, tmp_path / "x.pt"))
    assert torch.equal(read.projector(h), head.layers(h))  # type: ignore[misc]


def test_relu_is_what_is_computed_between_layers_that_do_not_tell(tmp_path: Path, h: Tensor) -> None:
    """fc1, bn1, fc2 with ReLU in a forward pass of its own, written out."""
    w = pulled(HEADS["swav"](), "fc1 bn1 fc2")
    read = foreign.load(saved(named(narrow(), "encoder.") | mixed(w), tmp_path / "x.pt"))
    inner = h @ w["fc1.weight"].T + w["fc1.bias"]
    inner = (inner - w["bn1.running_mean"]) / (w["bn1.running_var"] + 1e-5).sqrt() * w["bn1.weight"] + w[
        "bn1.bias"
    ]
    torch.testing.assert_close(read.projector(h), relu(inner) @ w["fc2.weight"].T + w["fc2.bias"])  # type: ignore[misc]
    assert any("which its names do not tell" in sentence for sentence in read.assumed)


def test_half_a_projector_is_not_taken(tmp_path: Path, h: Tensor) -> None:
    """`proj2` follows `proj1` by its name: z behind the first alone would be none of the network's. Both are had as asked."""
    first, second = HEADS["swav"](), told_apart(nn.Linear(12, 7), 5)
    weights = named(narrow(), "encoder.") | named(first, "proj1.") | named(second, "proj2.")
    path = saved(weights, tmp_path / "x.pt")
    read = foreign.load(path)
    assert read.projector is None
    assert any("proj1." in sentence and "--projector proj1.,proj2." in sentence for sentence in read.unknown)
