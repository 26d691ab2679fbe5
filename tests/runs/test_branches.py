"""The encoders of a file: which is taken, which others are named, and how each is had; wrappers at any depth; averages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others.layouts import Choices
from tests.runs.test_foreign import HEADS, h_of, named, narrow, saved, transformer

SLOW = 7  # the seed of the other network of a file


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(3, 3, 40, 40, generator=torch.Generator().manual_seed(9))


def pair(online: str, slow: str) -> dict[str, Tensor]:
    """The trained network from seed 0, its slow copy from seed 7."""
    return named(narrow(), online) | named(narrow(seed=SLOW), slow)


# What is in a file -> whether the slow copy is taken, and how the file names both.
BOTH: dict[str, tuple[Callable[[], Any], bool, str, str]] = {
    "model and ema": (lambda: {"model": named(narrow(), ""), "ema": named(narrow(seed=SLOW), "")}, True, "model", "ema"),
    "state_dict and model_ema": (
        lambda: {"state_dict": named(narrow(), "module."), "model_ema": named(narrow(seed=SLOW), "module.")},
        True, "state_dict", "model_ema"),
    "ema inside its own dict": (
        lambda: {"model": named(narrow(), ""), "ema": {"module": named(narrow(seed=SLOW), ""), "decay": 0.99}},
        True, "model", "ema.module"),
    "student and teacher": (
        lambda: {"student": named(narrow(), "module."), "teacher": named(narrow(seed=SLOW), "")},
        True, "student.module.", "teacher."),
    "ema_pytorch": (lambda: pair("online_model.", "ema_model.") | {"step": torch.ones(1)}, True, "online_model.", "ema_model."),
    "online and target": (lambda: pair("online_network.encoder.", "target_network.encoder."), False,
                          "online_network.encoder.", "target_network.encoder."),
    "query and key": (lambda: pair("net_q.", "net_k."), False, "net_q.", "net_k."),
    "encoder and momentum encoder": (lambda: pair("net.", "momentum_net."), False, "net.", "momentum_net."),
}  # fmt: skip


@pytest.mark.parametrize("case", BOTH)
def test_the_published_network_is_taken_and_the_other_is_named(
    case: str, tmp_path: Path, images: Tensor
) -> None:
    """A teacher and an average are what their authors publish; a momentum copy is not. Either can be had by --branch."""
    build, slow_first, *names = BOTH[case]
    path = saved(build(), tmp_path / "x.pt")
    role, taken, other = ("momentum", *names[::-1]) if slow_first else ("online", *names)
    found = foreign.load(path)
    assert found.branch == role
    assert torch.equal(found.encoder(images), narrow(seed=SLOW if slow_first else 0)(images))
    (words,) = (sentence for sentence in found.assumed if "the file also holds" in sentence)
    assert taken in words
    assert f"the file also holds {other} (--branch {'online' if slow_first else 'momentum'})" in words
    for branch, seed in (("online", 0), ("momentum", SLOW)):
        asked = foreign.load(path, Choices(branch=branch))  # type: ignore[arg-type]
        assert asked.branch == branch
        assert torch.equal(asked.encoder(images), narrow(seed=seed)(images))


@pytest.mark.parametrize(
    ("copy", "published"),
    [
        ("swa_{}", True), ("avg_{}", True), ("averaged_{}", True), ("offline_{}", False), ("teachernet.{}", True),
        ("momentumencoder.{}", False), ("targetnet.{}", False), ("{}_k", False), ("emaNet.{}", True),
    ],
)  # fmt: skip
def test_a_slow_copy_and_its_head_are_named_by_one_table(
    copy: str, published: bool, tmp_path: Path, images: Tensor
) -> None:
    """Beside `encoder` and `g_proj`: either network is read with the head of its own."""
    slow, head = copy.format("encoder"), copy.format("g_proj")
    weights = (
        pair("encoder.", f"{slow}.") | named(HEADS["v2"](), "g_proj.") | named(HEADS["swav"](), f"{head}.")
    )
    path = saved(weights, tmp_path / "x.pt")
    assert foreign.load(path).branch == ("momentum" if published else "online")
    for branch, seed, key in (("online", 0, "v2"), ("momentum", SLOW, "swav")):
        read = foreign.load(path, Choices(branch=branch))  # type: ignore[arg-type]
        h = narrow(seed=seed)(images)
        assert torch.equal(read.encoder(images), h)
        assert read.projector is not None
        assert torch.equal(read.projector(h), HEADS[key]()(h))


def test_i_jepa_is_its_target_encoder(tmp_path: Path) -> None:
    """The mean of the normed patches, as no class token is there; the context encoder is had by --branch online."""
    small = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(9))

    def tower(scale: float) -> dict[str, Tensor]:
        weights = {
            name: scale * weight for name, weight in transformer(384, layers=2).items() if name != "cls_token"
        }
        return weights | {"pos_embed": weights["pos_embed"][:, 1:]}

    context, target = tower(0.5), tower(1.0)
    content = {"encoder": {f"module.{n}": w for n, w in context.items()},
               "predictor": {"module.predictor_embed.weight": torch.ones(24, 384), "module.mask_token": torch.ones(1, 1, 24)},
               "target_encoder": {f"module.{n}": w for n, w in target.items()},
               "opt": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": []}, "epoch": 300}  # fmt: skip
    path = saved(content, tmp_path / "jepa-ep300.pth.tar")
    found, online = (foreign.load(path, Choices(branch=branch, heads=6)) for branch in ("auto", "online"))  # type: ignore[arg-type]
    assert (found.layout, found.branch, found.prefix) == ("I-JEPA", "momentum", "target_encoder.module.")
    assert online.branch == "online"
    assert torch.equal(found.encoder(small), h_of(target, small, 6))
    assert torch.equal(online.encoder(small), h_of(context, small, 6))


def test_an_average_of_torch_is_an_average(tmp_path: Path, images: Tensor) -> None:
    network: Any = torch.optim.swa_utils.AveragedModel(nn.Sequential(narrow()), use_buffers=True)
    found = foreign.load(saved(network.state_dict(), tmp_path / "swa.pt"))
    assert found.branch == "momentum"
    assert "averaged weights" in found.assumed
    assert torch.equal(found.encoder(images), narrow()(images))
    with pytest.raises(CollapseError, match="has no online network"):
        foreign.load(tmp_path / "swa.pt", Choices(branch="online"))


WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("where", ["conv1.", "encoder_q.", "0."])
def test_wrappers_are_taken_off_wherever_they_stand(
    wrapper: str, where: str, tmp_path: Path, images: Tensor
) -> None:
    """In front of all names, in front of one layer, and behind each stage: `layer1._checkpoint_wrapped_module.0.conv1`."""
    weights = {
        name.replace(where, f"{wrapper}.{where}"): w for name, w in named(narrow(), "encoder_q.").items()
    }
    assert len([name for name in weights if wrapper in name]) > 0
    found = foreign.load(saved(weights, tmp_path / "x.pt"))
    assert found.matched == found.total
    assert torch.equal(found.encoder(images), narrow()(images))


def test_a_projector_in_a_dict_beside_the_weights(tmp_path: Path, images: Tensor) -> None:
    """It is not lost when the dict of the encoder is opened."""
    content = {"state_dict": named(narrow(), "backbone."), "projector": named(HEADS["v2"](), ""), "epoch": 3}
    found = foreign.load(saved(content, tmp_path / "x.pt"))
    h = narrow()(images)
    assert torch.equal(found.encoder(images), h)
    assert torch.equal(found.projector(h), HEADS["v2"]()(h))  # type: ignore[misc]


def test_flat_parameters_of_fsdp_are_refused_with_what_to_save(tmp_path: Path) -> None:
    content = {"model": {"_fsdp_wrapped_module._flat_param": torch.zeros(1000)}}
    with pytest.raises(CollapseError, match="flat parameters of FSDP") as caught:
        foreign.load(saved(content, tmp_path / "x.pt"))
    assert "FULL_STATE_DICT" in caught.value.hint


def test_two_names_that_differ_in_a_wrapper_alone_are_refused(tmp_path: Path) -> None:
    """Which of the two would be taken is an accident of their order."""
    content = named(narrow(), "module.encoder_q.") | named(narrow(seed=SLOW), "encoder_q.")
    with pytest.raises(
        CollapseError, match=r"holds module\.encoder_q\.conv1\.weight and encoder_q\.conv1\.weight"
    ):
        foreign.load(saved(content, tmp_path / "x.pt"))


def test_another_dict_of_weights_is_told(tmp_path: Path, images: Tensor) -> None:
    content = {"model": named(narrow(), ""), "net": named(narrow(seed=SLOW), "")}
    found = foreign.load(saved(content, tmp_path / "x.pt"))
    assert torch.equal(found.encoder(images), narrow()(images))
    assert found.leftover == ("net (another dict of weights)",)
