"""Networks that transformers saves, read by their config: embeddings beside those of the library's own forward pass."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign
from collapse_cli.runs.others.layouts import CLIP, IMAGENET, NONE, Choices
from collapse_cli.runs.others.transformers_table import MODEL_TYPES, takes
from collapse_cli.shapes import Normalisation

pytestmark = pytest.mark.libraries

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "image_size": 32, "patch_size": 8,
}  # fmt: skip
PATCHES = {name: value for name, value in SMALL.items() if name != "image_size"} | {"num_patches": 16}
TEXT = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 50,
    "max_position_embeddings": 16, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
}  # fmt: skip
STAGES = {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1]}
NEXT = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
WINDOWS = {
    "image_size": 32, "patch_size": 4, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4,
}  # fmt: skip
DECODER = {
    "decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2,
    "decoder_intermediate_size": 32,
}  # fmt: skip

CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "vit": ("ViTForImageClassification", SMALL, "ViTModel", "first"),
    "vit without head": ("ViTModel", SMALL | {"hidden_act": "relu", "layer_norm_eps": 1e-2}, "ViTModel", "first"),
    "deit": ("DeiTForImageClassificationWithTeacher", SMALL, "DeiTModel", "first"),
    "dinov2": ("Dinov2ForImageClassification", SMALL | {"mlp_ratio": 2}, "Dinov2Model", "first"),
    "dinov2 SwiGLU": ("Dinov2Model", SMALL | {"use_swiglu_ffn": True}, "Dinov2Model", "first"),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", SMALL, "Dinov2WithRegistersModel", "first"),
    "dinov3_vit": ("DINOv3ViTModel", SMALL | {"num_register_tokens": 4}, "DINOv3ViTModel", "first"),
    "dinov3_convnext": ("DINOv3ConvNextModel", NEXT, "DINOv3ConvNextModel", "pooler"),
    "vit_mae": ("ViTMAEForPreTraining", SMALL | DECODER, "ViTMAEModel", "first"),
    "vit_msn": ("ViTMSNForImageClassification", SMALL, "ViTMSNModel", "first"),
    "ijepa": ("IJepaModel", SMALL, "IJepaModel", "mean"),
    "beit": ("BeitForImageClassification", SMALL | {"use_relative_position_bias": True}, "BeitModel", "pooler"),
    "beit, class token": (
        "BeitModel", SMALL | {"use_mean_pooling": False, "use_absolute_position_embeddings": True}, "BeitModel", "pooler",
    ),
    "data2vec-vision": ("Data2VecVisionForImageClassification", SMALL, "Data2VecVisionModel", "pooler"),
    "clip": (
        "CLIPModel", {"vision_config": SMALL, "text_config": TEXT, "projection_dim": 12}, "CLIPModel", "features",
    ),
    "clip_vision_model": ("CLIPVisionModel", SMALL, "CLIPVisionModel", "pooler"),
    "clip_vision_model with projection": (
        "CLIPVisionModelWithProjection", SMALL | {"projection_dim": 12}, "CLIPVisionModelWithProjection", "image_embeds",
    ),
    "siglip": ("SiglipModel", {"vision_config": SMALL, "text_config": TEXT}, "SiglipVisionModel", "pooler"),
    "siglip_vision_model": ("SiglipVisionModel", SMALL, "SiglipVisionModel", "pooler"),
    "siglip2": ("Siglip2Model", {"vision_config": PATCHES, "text_config": TEXT}, "Siglip2VisionModel", "patches"),
    "siglip2_vision_model": ("Siglip2VisionModel", PATCHES, "Siglip2VisionModel", "patches"),
    "resnet": ("ResNetForImageClassification", STAGES, "ResNetModel", "pooler"),
    "resnet, basic": ("ResNetModel", STAGES | {"layer_type": "basic"}, "ResNetModel", "pooler"),
    "regnet": ("RegNetModel", STAGES | {"groups_width": 8}, "RegNetModel", "pooler"),
    "convnext": ("ConvNextForImageClassification", NEXT, "ConvNextModel", "pooler"),
    "convnextv2": ("ConvNextV2Model", NEXT, "ConvNextV2Model", "pooler"),
    "swin": ("SwinForImageClassification", WINDOWS, "SwinModel", "pooler"),
    "swinv2": ("Swinv2Model", WINDOWS, "Swinv2Model", "pooler"),
    "mobilenet_v1": ("MobileNetV1Model", {"depth_multiplier": 0.25}, "MobileNetV1Model", "pooler"),
    "mobilenet_v2": ("MobileNetV2ForImageClassification", {"depth_multiplier": 0.25}, "MobileNetV2Model", "pooler"),
    "efficientnet": (
        "EfficientNetModel",
        {"width_coefficient": 0.25, "depth_coefficient": 0.1, "hidden_dim": 320, "image_size": 64},
        "EfficientNetModel", "pooler",
    ),
}  # fmt: skip
"""The class that is saved, its config, the class that the library computes embeddings with, and which of its outputs."""


@pytest.fixture(autouse=True)
def library() -> Any:
    transformers = pytest.importorskip("transformers")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def made(library: Any, name: str) -> Any:
    """Random weights and statistics, in eval mode."""
    kind, config, *_ = CASES[name]
    cls = getattr(library, kind)
    network = cls(cls.config_class(**config)).eval()
    generator = torch.Generator().manual_seed(1)
    for weight in network.state_dict().values():
        if weight.is_floating_point():
            noise = torch.rand(weight.shape, generator=generator)
            weight.copy_(0.5 + noise if weight.ndim == 1 else noise * 0.4 - 0.2)
    return network


def saved(library: Any, name: str, folder: Path, **options: Any) -> Any:
    network = made(library, name)
    network.save_pretrained(folder, **options)
    return network


@torch.no_grad()
def expected(library: Any, name: str, folder: Path, images: Tensor) -> Tensor:
    """h or, of CLIP, z of images, as the library's own class gives them after `from_pretrained`."""
    _, config, kind, output = CASES[name]
    cls, options = getattr(library, kind), {}
    if kind == "ViTMAEModel":
        options["mask_ratio"] = 0.0
    if kind == "Data2VecVisionModel":
        options["add_pooling_layer"] = True
    network = cls.from_pretrained(folder, **options).eval()
    if output == "patches":
        return cut(network, images)
    call = network.get_image_features if output == "features" else network.forward
    side = config.get("vision_config", config).get("image_size", images.shape[-1])
    stretches = side != images.shape[-1] and "interpolate_pos_encoding" in inspect.signature(call).parameters
    result = call(images, **({"interpolate_pos_encoding": True} if stretches else {}))
    tokens = {
        "first": lambda: result.last_hidden_state[:, 0],
        "mean": lambda: result.last_hidden_state.mean(1),
    }
    others = {
        "pooler": lambda: result.pooler_output.flatten(1), "image_embeds": lambda: result.image_embeds,
        "features": lambda: getattr(result, "pooler_output", result),
    }  # fmt: skip
    return (tokens | others)[output]()


def cut(network: Any, images: Tensor, side: int = 8) -> Tensor:
    """SigLIP 2 takes patches: row by row, each with its channels last."""
    count = images.shape[-1] // side
    places = [
        (slice(side * i, side * (i + 1)), slice(side * j, side * (j + 1)))
        for i in range(count)
        for j in range(count)
    ]
    patches = torch.stack(
        [
            torch.stack([image[:, rows, columns].permute(1, 2, 0).reshape(-1) for rows, columns in places])
            for image in images
        ]
    )
    output = network(
        pixel_values=patches,
        pixel_attention_mask=torch.ones(len(images), count**2, dtype=torch.long),
        spatial_shapes=torch.tensor([[count, count]] * len(images)),
    )
    return output.pooler_output


def read(folder: Path, images: Tensor, choices: Choices = foreign.AS_FOUND) -> Tensor:
    network = foreign.load(folder, choices)
    h = network.encoder(images)
    assert h.shape == (len(images), network.width)
    return h if network.projector is None else network.projector(h)


def images(side: int) -> Tensor:
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("side", [32, 64])
def test_embeddings_are_the_librarys(library: Any, tmp_path: Path, name: str, side: int) -> None:
    """As `save_pretrained` names the weights, and as the network in memory does; at another side positions are stretched."""
    network = saved(library, name, tmp_path / "saved")
    memory = tmp_path / "memory"
    memory.mkdir()
    (memory / "config.json").write_text((tmp_path / "saved" / "config.json").read_text())
    torch.save(network.state_dict(), memory / "pytorch_model.bin")
    reference = expected(library, name, tmp_path / "saved", images(side))
    for folder in (tmp_path / "saved", memory):
        torch.testing.assert_close(read(folder, images(side)), reference, atol=1e-5, rtol=0)


def test_every_model_type_has_a_case() -> None:
    assert {name.split(",")[0].split(" ")[0] for name in CASES} == set(MODEL_TYPES)


def test_shards(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 1
    torch.testing.assert_close(
        read(tmp_path, images(32)), expected(library, "vit", tmp_path, images(32)), atol=1e-5, rtol=0
    )


def test_a_file_inside_is_the_folder(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path)
    assert torch.equal(read(tmp_path / "model.safetensors", images(32)), read(tmp_path, images(32)))


def test_half_precision_is_computed_in_single(library: Any, tmp_path: Path) -> None:
    made(library, "vit").to(torch.bfloat16).save_pretrained(tmp_path)
    network = foreign.load(tmp_path)
    assert {weight.dtype for weight in network.encoder.state_dict().values()} == {torch.float32}
    config = library.ViTModel.from_pretrained(tmp_path, dtype=torch.float32)
    with torch.no_grad():
        reference = config(images(32)).last_hidden_state[:, 0]
    torch.testing.assert_close(network.encoder(images(32)), reference, atol=1e-5, rtol=0)


def altered(library: Any, folder: Path, name: str, **config: Any) -> Path:
    saved(library, name, folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | config))
    return folder


def refused(folder: Path, choices: Choices = foreign.AS_FOUND) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        foreign.load(folder, choices)
    return caught.value


@pytest.mark.parametrize(
    "config",
    [
        {"hidden_act": "geluu"}, {"hidden_size": 33}, {"num_attention_heads": 5}, {"num_hidden_layers": 3},
        {"hidden_size": "32"}, {"image_size": 64}, {"patch_size": None}, {"intermediate_size": 65},
        {"image_size": [32, 64]}, {"patch_size": 0}, {"num_channels": 1},
    ],
    ids=lambda config: " ".join(f"{name} {value}" for name, value in config.items()),
)  # fmt: skip
def test_a_config_of_another_network_is_refused(library: Any, tmp_path: Path, config: dict[str, Any]) -> None:
    error = refused(altered(library, tmp_path, "vit", **config))
    assert str(tmp_path) in error.message
    assert "\n" not in error.message


def test_beit_without_its_pooling_is_refused(library: Any, tmp_path: Path) -> None:
    """Files of masked pretraining have another norm in its place."""
    saved(library, "beit, class token", tmp_path)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_mean_pooling": True}))
    assert "pooler.layernorm" in refused(tmp_path).message


def test_weights_that_may_lie_on_the_path_are_refused(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path)
    file = tmp_path / "model.safetensors"
    save_file(load_file(file) | {"vit.encoder.adapter.weight": torch.zeros(3, 3)}, file)
    error = refused(tmp_path)
    assert "vit.encoder.adapter.weight" in error.message
    hint = error.hint
    assert hint.endswith("--ignore vit.encoder.adapter.")
    foreign.load(tmp_path, Choices(ignore="vit.encoder.adapter."))


def test_a_missing_weight_is_refused(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path)
    file = tmp_path / "model.safetensors"
    weights = load_file(file)
    weights.pop("vit.layernorm.bias")
    save_file(weights, file)
    assert "lacks 1 of the weights" in refused(tmp_path).message


def test_heads_beside_are_told(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path)
    told = foreign.load(tmp_path).assumed
    assert "h: the normed class token" in told
    assert "beside it, and not measured: classifier" in told


def within(library: Any, name: str, folder: Path, more: dict[str, Tensor]) -> Any:
    """A folder that holds more weights than the library's network has."""
    network = saved(library, name, folder)
    file = folder / "model.safetensors"
    save_file(load_file(file) | more, file)
    return network


@pytest.mark.parametrize(
    ("name", "prefix", "left"),
    [
        ("vit", "vit.", ("classifier. (2 weights)",)),
        ("vit without head", "", ("pooler. (2 weights)",)),
        (
            "clip",
            "vision_model.",
            ("text_model. (20 weights)", "text_projection. (1 weight)", "logit_scale (1 weight)"),
        ),
        ("vit_mae", "vit.", ("decoder. (24 weights)",)),
        ("dinov2", "dinov2.", ("classifier. (2 weights)",)),
        ("resnet", "resnet.", ("classifier. (2 weights)",)),
    ],
)
def test_the_network_in_use_is_no_other_encoder(
    library: Any, tmp_path: Path, name: str, prefix: str, left: tuple[str, ...]
) -> None:
    """It has its prefix, and whatever it does not use is left over."""
    saved(library, name, tmp_path)
    network = foreign.load(tmp_path)
    assert network.prefix == prefix
    assert not any("also holds" in text for text in network.assumed)
    assert sorted(network.leftover) == sorted(left)


def mlp(before: str) -> dict[str, Tensor]:
    """32 -> 24 -> 12."""
    generator = torch.Generator().manual_seed(5)
    shapes = {"0.weight": (24, 32), "0.bias": (24,), "2.weight": (12, 24), "2.bias": (12,)}
    return {f"{before}{n}": torch.randn(shape, generator=generator) for n, shape in shapes.items()}


@pytest.mark.parametrize("before", ["projector.", "vit.projection_head."])
@pytest.mark.parametrize("given", [True, False])
@torch.no_grad()
def test_a_projector_in_the_file(library: Any, tmp_path: Path, before: str, given: bool) -> None:
    """It takes h: so it is no weight between image and embedding, and z is what it gives."""
    weights = mlp(before)
    within(library, "vit", tmp_path, weights)
    network = foreign.load(tmp_path, Choices(projector=before if given else ""))
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    h = expected(library, "vit", tmp_path, images)
    torch.testing.assert_close(network.encoder(images), h, atol=1e-5, rtol=1e-5)
    assert network.projector is not None
    hidden = (h @ weights[f"{before}0.weight"].T + weights[f"{before}0.bias"]).relu()
    z = hidden @ weights[f"{before}2.weight"].T + weights[f"{before}2.bias"]
    torch.testing.assert_close(network.projector(network.encoder(images)), z, atol=1e-4, rtol=1e-4)
    assert network.leftover == ("classifier. (2 weights)",)
    without = foreign.load(tmp_path, Choices(projector="none"))
    assert without.projector is None
    assert f"{before} (4 weights)" in without.leftover


def test_a_projector_that_is_not_there(library: Any, tmp_path: Path) -> None:
    saved(library, "vit", tmp_path)
    assert "no projector under --projector g." in refused(tmp_path, Choices(projector="g.")).message


@pytest.mark.parametrize(
    "place",
    ["vit.layers.0.decoder.", "encoder.layer.0.decoder.", "vit.encoder.pooler.", "adapter.classifier."],
)
def test_a_word_inside_the_network_says_nothing(library: Any, tmp_path: Path, place: str) -> None:
    """A decoder lies beside an encoder; inside of one, so named a module may lie between image and embedding."""
    within(library, "vit", tmp_path, {f"{place}weight": torch.zeros(32, 32)})
    told = place.removeprefix("encoder.").replace("layer.", "layers.")  # as the library has renamed it
    assert told in refused(tmp_path).message


def test_a_module_as_wide_as_h_may_lie_on_the_path(library: Any, tmp_path: Path) -> None:
    within(library, "vit", tmp_path, {"adapter.weight": torch.zeros(32, 32), "adapter.bias": torch.zeros(32)})
    assert "adapter.weight" in refused(tmp_path).message


def test_code_of_a_folder_is_not_run(library: Any, tmp_path: Path) -> None:
    """The library's own class is taken where the library has the model_type, and that is said."""
    altered(library, tmp_path, "vit", auto_map={"AutoModel": "evil.Evil"})
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert any("auto_map, which is not run" in text for text in foreign.load(tmp_path).assumed)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("choices", [Choices(heads=4), Choices(stem="cifar"), Choices(activation="gelu")])
def test_what_the_config_says_is_not_chosen(library: Any, tmp_path: Path, choices: Choices) -> None:
    saved(library, "vit", tmp_path)
    assert "leave out --" in refused(tmp_path, choices).hint
    assert "no momentum network" in refused(tmp_path, Choices(branch="momentum")).message


PROCESSOR = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "size": {"height": 64, "width": 64}}


@pytest.mark.parametrize("name", ["preprocessor_config.json", "processor_config.json"])
def test_images_are_as_the_processor_says(library: Any, tmp_path: Path, name: str) -> None:
    saved(library, "vit", tmp_path)
    content = PROCESSOR if name.startswith("pre") else {"image_processor": PROCESSOR}
    (tmp_path / name).write_text(json.dumps(content))
    network = foreign.load(tmp_path)
    assert network.size == 64
    assert network.normalisation == Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert foreign.load(tmp_path, Choices(size=32, normalisation="none")).normalisation == NONE
    assert not any("preprocessor_config" in text for text in network.assumed)


@pytest.mark.parametrize(("name", "usual"), [("clip", CLIP), ("dinov2", IMAGENET)])
def test_without_a_processor_that_is_said(
    library: Any, tmp_path: Path, name: str, usual: Normalisation
) -> None:
    saved(library, name, tmp_path)
    network = foreign.load(tmp_path)
    assert network.normalisation == usual
    assert any("no preprocessor_config.json" in text for text in network.assumed)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("BertConfig", "texts"), ("RobertaConfig", "texts"), ("MPNetConfig", "texts"), ("XLMRobertaConfig", "texts"),
        ("DistilBertConfig", "texts"), ("GPT2Config", "texts"), ("T5Config", "texts"), ("ModernBertConfig", "texts"),
        ("Wav2Vec2Config", "sounds"), ("HubertConfig", "sounds"), ("WhisperConfig", "sounds"), ("ASTConfig", "sounds"),
        ("SamConfig", "images"), ("DetrConfig", "images"), ("BeitConfig", "images"), ("CLIPConfig", "images"),
    ],
)  # fmt: skip
def test_what_a_network_takes(library: Any, kind: str, given: str) -> None:
    """StatedFraming from the names in its config, as the library writes them."""
    assert takes(json.loads(getattr(library, kind)().to_json_string(use_diff=False))) == given
