"""Configs whose values are of odd types: every one is refused in one sentence, or as good as absent."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others import image_configs, resnets
from collapse_cli.runs.others.tensors import FileTensors
from tests.runs.test_weight_folders import TOWER, open_clip

ODD: tuple[Any, ...] = (
    "x", "64", "", -5, 0, 3.5, True, None, [], {}, [1], ["a"], {"a": 1}, {"height": [], "width": "x"}, 10**30, 10**400,
    [3, -5, -5], [3, 8, 16], [0.5, 0.5], [None] * 3, math.nan, math.inf,
)  # fmt: skip
OF_CONFIG = (
    "pretrained_cfg", "pretrained_cfg.mean", "pretrained_cfg.std", "pretrained_cfg.input_size", "architecture", "model_args",
    "model_args.img_size", "global_pool", "hidden_act", "num_attention_heads", "layer_norm_eps", "image_size", "patch_size",
    "vision_config", "model_type", "hidden_size", "num_hidden_layers", "num_channels", "auto_map", "quantization_config",
)  # fmt: skip
OF_OPEN_CLIP = (
    "model_cfg", "model_cfg.quick_gelu", "model_cfg.vision_cfg", "model_cfg.vision_cfg.head_width", "model_cfg.vision_cfg.width",
    "model_cfg.vision_cfg.layers", "model_cfg.vision_cfg.pool_type", "model_cfg.vision_cfg.timm_model_name",
    "model_cfg.vision_cfg.timm_pool", "model_cfg.vision_cfg.norm_kwargs", "preprocess_cfg", "preprocess_cfg.mean",
    "preprocess_cfg.std",
)  # fmt: skip
OF_PROCESSOR = (
    "image_mean", "image_std", "size", "crop_size", "do_center_crop", "do_rescale", "rescale_factor", "rescale_offset",
    "do_normalize", "include_top", "do_flip_channel_order",
)  # fmt: skip
PROCESSOR = {
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
    "size": 32,
    "crop_size": 32,
    "do_center_crop": True,
}


def changed(config: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The config with another value at a place such as `preprocess_cfg.mean`."""
    first, _, rest = place.partition(".")
    return config | {first: changed(config.get(first, {}), rest, value) if rest else value}


def check(
    folder: Path, name: str, config: dict[str, Any], places: tuple[str, ...], values: tuple[Any, ...] = ODD
) -> int:
    """How many of the odd configs were read; the others were refused."""
    return sum(is_read(folder, name, changed(config, place, value)) for place in places for value in values)


def is_read(folder: Path, name: str, config: dict[str, Any]) -> bool:
    (folder / name).write_text(json.dumps(config))
    try:
        network = foreign.load(folder)
    except CollapseError as error:
        refusal = error.message
    else:
        return is_sound(network)
    assert "\n" not in refusal
    return False


@torch.no_grad()
def is_sound(network: foreign.Foreign) -> bool:
    assert 0 < network.size < 1 << 16
    assert len(network.normalisation.mean) == len(network.normalisation.std) == network.channels
    images = network.normalisation(torch.rand(1, network.channels, 32, 32))
    assert images.isfinite().all()
    assert network.size != 32 or network.encoder(images).isfinite().all()
    return True


def test_open_clips(tmp_path: Path) -> None:
    folder, _ = open_clip(tmp_path)
    config = json.loads((folder / "open_clip_config.json").read_text())
    assert 0 < check(folder, "open_clip_config.json", config, OF_OPEN_CLIP) < len(OF_OPEN_CLIP) * len(ODD)


@pytest.mark.parametrize(
    ("name", "places"), [("config.json", OF_CONFIG), ("preprocessor_config.json", OF_PROCESSOR)]
)
def test_configs_beside_weights(tmp_path: Path, name: str, places: tuple[str, ...]) -> None:
    folder, _ = open_clip(tmp_path)
    (folder / "open_clip_model.safetensors").rename(folder / "model.safetensors")
    (folder / "open_clip_config.json").unlink()
    (folder / "config.json").write_text("{}")
    config = PROCESSOR if name.startswith("pre") else {"num_attention_heads": 4}
    assert 0 < check(folder, name, config, places) < len(places) * len(ODD)


@pytest.mark.libraries
@pytest.mark.parametrize(
    ("name", "places"), [("config.json", OF_CONFIG), ("preprocessor_config.json", OF_PROCESSOR)]
)
def test_configs_of_transformers(tmp_path: Path, name: str, places: tuple[str, ...]) -> None:
    transformers = pytest.importorskip("transformers")
    small = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )
    transformers.ViTModel(small, add_pooling_layer=False).save_pretrained(tmp_path)
    config = PROCESSOR if name.startswith("pre") else json.loads((tmp_path / name).read_text())
    assert 0 < check(tmp_path, name, config, places, ODD[::3]) < len(places) * len(ODD)


@pytest.mark.parametrize(
    "value", ["x", 3, [], None, {"pretrained_cfg": "x"}, {"pretrained_cfg": {"input_size": "x"}}]
)
def test_a_config_in_a_pickle(tmp_path: Path, value: Any) -> None:
    """Facts of a file that torch has saved take the place of those of a config."""
    file = tmp_path / "net.pt"
    weights = {name: torch.rand(shape) for name, shape in TOWER.items()}
    torch.save({"state_dict": weights, "config": value, "processor": value, "open_clip": value}, file)
    network = foreign.load(file)
    assert network.normalisation.std


@pytest.mark.parametrize(("size", "side"), [([3, 64, 64], 64), ("x", 0), ([3, "a", 8], 0), ([3, 0, 0], 0)])
def test_the_side_that_timm_states(tmp_path: Path, size: Any, side: int) -> None:
    held = FileTensors(tmp_path, {}, {}, "", {"config": {"pretrained_cfg": {"input_size": size}}})
    assert resnets.stated_side(held) == side


@pytest.mark.parametrize("size", [[3, -5, -5], [3, 64, 32], [3, 1 << 20, 1 << 20]])
def test_a_side_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(CollapseError):
        image_configs.input_side({"config": {"pretrained_cfg": {"input_size": size}}})
