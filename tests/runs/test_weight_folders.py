"""Folders of a config and weights: one network, whether its weights lie in one file or in several."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from collapse_cli.analysis.inputs import Kind, recognise
from collapse_cli.analysis.inspection import facts as inspected
from collapse_cli.analysis.weights import read
from collapse_cli.errors import CollapseError
from collapse_cli.runs import foreign, weight_folders
from collapse_cli.runs.early import refuse_without_images
from collapse_cli.runs.others import image_configs
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Normalisation

ROOT = Path(__file__).parent.parent
WITHOUT = pytest.mark.skipif(find_spec("transformers") is not None, reason="transformers is installed")
Weights = dict[str, Tensor]


def write(
    folder: Path, config: dict[str, Any], weights: Weights | None = None, name: str = "config.json"
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(config))
    if weights is not None:
        save_file(weights, folder / "model.safetensors")
    return folder


def drawn(*shapes: tuple[int, ...]) -> Weights:
    generator = torch.Generator().manual_seed(0)
    return {f"layer{n}.weight": torch.randn(shape, generator=generator) for n, shape in enumerate(shapes)}


def sharded(folder: Path, weights: Weights, ending: str = "safetensors", index: bool = True) -> Path:
    """Every tensor in a file of its own, as `save_pretrained` with a small `max_shard_size` does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    stem, count, places = "model" if ending == "safetensors" else "pytorch_model", len(weights), {}
    for number, (name, tensor) in enumerate(weights.items(), 1):
        file = folder / f"{stem}-{number:05d}-of-{count:05d}.{ending}"
        save_file({name: tensor}, file) if ending == "safetensors" else torch.save({name: tensor}, file)
        places[name] = file.name
    if index:
        (folder / f"{stem}.{ending}.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": places})
        )
    return folder


def refused(call: Any, *arguments: Any) -> CollapseError:
    with pytest.raises(CollapseError) as caught:
        call(*arguments)
    return caught.value


@pytest.mark.parametrize("name", weight_folders.WEIGHTS)
def test_a_folder_is_a_network(tmp_path: Path, name: str) -> None:
    folder, weights = write(tmp_path / "net", {}), drawn((4, 3), (2, 4))
    save_file(weights, folder / name) if name.endswith("safetensors") else torch.save(weights, folder / name)
    recognised = recognise(folder)
    assert (recognised.kind, recognised.source.path) == (Kind.FOREIGN, folder)
    assert {n: w.tolist() for n, w in Source(folder).content.items()} == {
        n: w.tolist() for n, w in weights.items()
    }


@pytest.mark.parametrize("ending", ["safetensors", "bin"])
@pytest.mark.parametrize("index", [True, False], ids=["index", "no index"])
def test_shards_are_one_network(tmp_path: Path, ending: str, index: bool) -> None:
    weights = drawn((4, 3), (2, 4), (5, 2))
    folder = sharded(tmp_path / "net", weights, ending, index)
    content = Source(folder).content
    assert {n: w.tolist() for n, w in content.items()} == {n: w.tolist() for n, w in weights.items()}
    assert list(read(folder).layers.weights) == ["layer0", "layer1", "layer2"]


@pytest.mark.parametrize("index", [True, False], ids=["index", "no index"])
def test_a_missing_shard_is_named(tmp_path: Path, index: bool) -> None:
    folder = sharded(tmp_path / "net", drawn((4, 3), (2, 4)), index=index)
    gone = folder / "model-00002-of-00002.safetensors"
    gone.unlink()
    error = refused(lambda: Source(folder).content)
    assert gone.name in error.message
    assert "1 of its 2 files" in error.message
    assert error.hint == f"copy or download {gone.name} into {folder}"


def test_an_index_that_names_more_than_there_is(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "net", drawn((4, 3), (2, 4)))
    file = folder / "model.safetensors.index.json"
    places = json.loads(file.read_text())["weight_map"]
    file.write_text(
        json.dumps({"weight_map": places | {"layer9.weight": "model-00001-of-00002.safetensors"}})
    )
    assert "layer9.weight" in refused(lambda: Source(folder).content).message


def test_a_weight_is_of_the_file_that_the_index_names(tmp_path: Path) -> None:
    """A stale copy of it in a later shard is not read."""
    weights = drawn((4, 3), (2, 4))
    folder = sharded(tmp_path / "net", weights)
    stale = {"layer0.weight": torch.zeros(4, 3), "layer1.weight": weights["layer1.weight"]}
    save_file(stale, folder / "model-00002-of-00002.safetensors")
    content = Source(folder).content
    torch.testing.assert_close(dict(content), weights, atol=0, rtol=0)
    (folder / "model.safetensors.index.json").unlink()
    error = refused(lambda: Source(folder).content)
    assert error.message == f"{folder} has no index, and two of its files contain 1 weight (layer0.weight)"


def test_a_weight_that_the_index_does_not_name(tmp_path: Path) -> None:
    weights = drawn((4, 3), (2, 4))
    folder = sharded(tmp_path / "net", weights)
    more = {"layer1.weight": weights["layer1.weight"], "adapter.weight": torch.eye(4)}
    save_file(more, folder / "model-00002-of-00002.safetensors")
    assert "(adapter.weight) that the index of" in refused(lambda: Source(folder).content).message


def test_a_weight_in_another_file_than_the_index_says(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "net", drawn((4, 3), (2, 4)))
    file = folder / "model.safetensors.index.json"
    places = json.loads(file.read_text())["weight_map"]
    file.write_text(json.dumps({"weight_map": dict(zip(places, reversed(places.values()), strict=True))}))
    assert (
        "names 2 weights (layer0.weight, layer1.weight) that"
        in refused(lambda: Source(folder).content).message
    )


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        "{",
        '{"weight_map": {"a": "../out.bin"}}',
        '{"weight_map": {"a": 3}}',
        '{"weight_map": {}}',
    ],
)
def test_an_index_that_is_none(tmp_path: Path, content: str) -> None:
    """What leads out of the folder is no name of a file in it."""
    folder = sharded(tmp_path / "net", drawn((4, 3)))
    (folder / "model.safetensors.index.json").write_text(content)
    assert "index" in refused(lambda: Source(folder).content).message


def test_a_single_shard_asks_for_its_folder(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "net", drawn((4, 3), (2, 4)))
    error = refused(foreign.load, folder / "model-00001-of-00002.safetensors")
    assert error.hint == f"give their folder: {folder}"


def test_the_digest_is_of_weights_and_configs(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "net", drawn((4, 3), (2, 4)))
    before = Source(folder).sha256
    assert before == Source(shutil.copytree(folder, tmp_path / "copy")).sha256
    (folder / "config.json").write_text('{"layer_norm_eps": 1e-3}')
    after = Source(folder).sha256
    assert after != before
    save_file(drawn((4, 4)), folder / "model-00001-of-00002.safetensors")
    assert Source(folder).sha256 not in (before, after)


def test_the_digest_is_of_all_that_changes_a_result(tmp_path: Path) -> None:
    """Weights of modules and vocabularies are; what people read is not."""
    folder = write(tmp_path / "net", {}, drawn((4, 3)))
    digests = [Source(folder).sha256]
    for name in ("vocab.txt", "tokenizer.model", "2_Dense/model.safetensors", "3_Dense/model.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"first")
        digests.append(Source(folder).sha256)
        (folder / name).write_bytes(b"other")
        digests.append(Source(folder).sha256)
    (folder / "3_Dense").rename(folder / "4_Dense")
    digests.append(Source(folder).sha256)
    assert len(set(digests)) == len(digests)
    for name in ("README.md", "plot.png", ".cache/lock", ".gitattributes"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"for people")
    assert Source(folder).sha256 == digests[-1]


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "open_clip_config.json"])
def test_the_digest_of_a_file_is_also_of_the_configs_that_are_read_with_it(tmp_path: Path, name: str) -> None:
    file = tmp_path / "model.safetensors"
    save_file(drawn((4, 3)), file)
    plain = hashlib.sha256(file.read_bytes()).hexdigest()
    (tmp_path / "other.json").write_text("{}")
    assert Source(file).sha256 == plain
    (tmp_path / name).write_text('{"layer_norm_eps": 1e-3}')
    first = Source(file).sha256
    (tmp_path / name).write_text('{"layer_norm_eps": 1e-5}')
    assert len({plain, first, Source(file).sha256}) == 3
    assert inspected(file, Choices())["sha256"] == Source(file).sha256


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (("config.json",), "has a config but no weights that are read"),
        (("config.json", "tf_model.h5"), "only tf_model.h5"),
        (("config.json", "adapter_model.safetensors"), "only adapter_model.safetensors"),
        (("snapshots/1234/config.json",), "a download cache"),
    ],
)
def test_folders_without_weights_are_named(tmp_path: Path, files: tuple[str, ...], words: str) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("{}")
    assert words in refused(recognise, tmp_path).message
    assert words in refused(inspected, tmp_path, Choices()).message


def test_a_run_is_a_run(tmp_path: Path) -> None:
    write(tmp_path, {}, drawn((4, 3)))
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    assert not weight_folders.is_at(tmp_path)


def test_no_data_are_missed_before_torch_is_loaded(tmp_path: Path) -> None:
    images, texts = write(tmp_path / "a", {}, drawn((4, 3))), write(tmp_path / "b", {}, drawn((4, 3)))
    (texts / "modules.json").write_text("[]")
    assert "needs images" in refused(refuse_without_images, [[images]]).message
    assert "--dataset text:FILE" in refused(refuse_without_images, [texts]).hint
    script = (
        "import sys; from pathlib import Path; from collapse_cli.runs.early import refuse_without_images as refuse\n"
        f"try: refuse([Path({str(images)!r})])\n"
        "except Exception: print('torch' in sys.modules)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT.parent
    )
    assert shown.stdout.strip() == "False"


# What the configs say of images.


def through(processor: dict[str, Any], byte: int) -> float:
    """What a processor makes of a byte of the first channel, step by step."""
    value = float(byte)
    if processor.get("do_rescale", True):
        value = value * processor.get("rescale_factor", 1 / 255) - (
            1 if processor.get("rescale_offset") else 0
        )
    if processor.get("do_normalize", True):
        value = (value - processor["image_mean"][0]) / processor["image_std"][0]
        value = value / processor["image_std"][0] if processor.get("include_top") else value
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"do_normalize": False}, {"do_rescale": False}, {"rescale_factor": 1 / 127.5},
        {"rescale_factor": 1 / 127.5, "rescale_offset": True}, {"include_top": True},
        {"include_top": True, "do_normalize": False},
    ],
    ids=lambda changes: " ".join(changes) or "plain",
)  # fmt: skip
def test_a_processor_is_one_mean_and_one_deviation(changes: dict[str, Any]) -> None:
    processor = {"image_mean": [0.3, 0.4, 0.5], "image_std": [0.2, 0.3, 0.4], **changes}
    normalisation = image_configs.of_processor(processor)
    for byte in (0, 51, 255):
        pixel = torch.full((1, 3, 1, 1), byte / 255, dtype=torch.float64)
        assert float(normalisation(pixel)[0, 0]) == pytest.approx(through(processor, byte))


@pytest.mark.parametrize(
    ("processor", "side"),
    [
        ({"size": 384}, 384),
        ({"size": {"height": 224, "width": 224}}, 224),
        (
            {
                "size": {"shortest_edge": 256},
                "crop_size": {"height": 224, "width": 224},
                "do_center_crop": True,
            },
            224,
        ),
        ({"size": {"shortest_edge": 256}, "crop_size": 224, "do_center_crop": False}, 256),
        ({}, 0),
    ],
)
def test_the_side_of_images(processor: dict[str, Any], side: int) -> None:
    assert image_configs.side(processor) == side


@pytest.mark.parametrize(
    "processor",
    [
        {"image_mean": "a", "image_std": 1}, {"image_mean": 0.5, "image_std": 0},
        {"image_mean": 0.5, "image_std": 0.5, "rescale_factor": 0}, {"image_mean": [None] * 3, "image_std": 1},
    ],
)  # fmt: skip
def test_a_processor_without_numbers_is_refused(processor: dict[str, Any]) -> None:
    refused(image_configs.of_processor, processor)


# Networks that our own readers read.


def block(n: int, width: int, hidden: int) -> dict[str, tuple[int, ...]]:
    before = f"visual.transformer.resblocks.{n}."
    return {
        f"{before}ln_1.weight": (width,), f"{before}ln_1.bias": (width,),
        f"{before}attn.in_proj_weight": (3 * width, width), f"{before}attn.in_proj_bias": (3 * width,),
        f"{before}attn.out_proj.weight": (width, width), f"{before}attn.out_proj.bias": (width,),
        f"{before}ln_2.weight": (width,), f"{before}ln_2.bias": (width,),
        f"{before}mlp.c_fc.weight": (hidden, width), f"{before}mlp.c_fc.bias": (hidden,),
        f"{before}mlp.c_proj.weight": (width, hidden), f"{before}mlp.c_proj.bias": (width,),
    }  # fmt: skip


WIDTH = 64
TOWER = {
    "visual.class_embedding": (WIDTH,), "visual.positional_embedding": (17, WIDTH), "visual.proj": (WIDTH, 12),
    "visual.conv1.weight": (WIDTH, 3, 8, 8), "visual.ln_pre.weight": (WIDTH,), "visual.ln_pre.bias": (WIDTH,),
    "visual.ln_post.weight": (WIDTH,), "visual.ln_post.bias": (WIDTH,), **block(0, WIDTH, 128), **block(1, WIDTH, 128),
}  # fmt: skip


def open_clip(folder: Path, **vision: Any) -> tuple[Path, Weights]:
    """A folder as open_clip writes it: four heads of 16, and quick-GELU."""
    generator = torch.Generator().manual_seed(3)
    weights = {name: torch.rand(shape, generator=generator) * 0.4 - 0.2 for name, shape in TOWER.items()}
    tower = {"image_size": 32, "layers": 2, "width": WIDTH, "patch_size": 8, "head_width": 16, **vision}
    config = {
        "model_cfg": {"embed_dim": 12, "quick_gelu": True, "vision_cfg": tower, "text_cfg": {}},
        "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]},
    }
    write(folder, config, name="open_clip_config.json")
    save_file(weights, folder / "open_clip_model.safetensors")
    return folder, weights


def tower(weights: Weights, images: Tensor) -> Tensor:
    """CLIP's vision tower (Radford et al. 2021), written out: images (B,3,32,32) -> h (B,64)."""
    w = {name.removeprefix("visual."): weight for name, weight in weights.items()}

    def normed(x: Tensor, name: str) -> Tensor:
        return nn.functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], 1e-5)

    patches = nn.functional.conv2d(images, w["conv1.weight"], stride=8).flatten(2).transpose(1, 2)
    tokens = (
        torch.cat([w["class_embedding"].expand(len(images), 1, -1), patches], 1) + w["positional_embedding"]
    )
    tokens = normed(tokens, "ln_pre")
    for n in range(2):
        at = f"transformer.resblocks.{n}."
        inner = normed(tokens, f"{at}ln_1") @ w[f"{at}attn.in_proj_weight"].T + w[f"{at}attn.in_proj_bias"]
        heads = []
        for head in range(4):
            q, k, v = (part[..., 16 * head : 16 * (head + 1)] for part in inner.chunk(3, dim=-1))
            heads.append((q @ k.transpose(1, 2) / 4).softmax(dim=-1) @ v)
        tokens = (
            tokens + torch.cat(heads, -1) @ w[f"{at}attn.out_proj.weight"].T + w[f"{at}attn.out_proj.bias"]
        )
        hidden = normed(tokens, f"{at}ln_2") @ w[f"{at}mlp.c_fc.weight"].T + w[f"{at}mlp.c_fc.bias"]
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        tokens = tokens + hidden @ w[f"{at}mlp.c_proj.weight"].T + w[f"{at}mlp.c_proj.bias"]
    return normed(tokens[:, 0], "ln_post")


def test_an_open_clip_folder(tmp_path: Path) -> None:
    """Heads, activation, mean and std are those of its config, none of which is the usual."""
    folder, weights = open_clip(tmp_path / "clip")
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    for place in (folder, folder / "open_clip_model.safetensors"):
        network = foreign.load(place)
        assert network.normalisation == Normalisation((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
        torch.testing.assert_close(network.encoder(images), tower(weights, images), atol=1e-5, rtol=0)
        assert network.projector is not None
        expected = tower(weights, images) @ weights["visual.proj"]
        torch.testing.assert_close(network.projector(network.encoder(images)), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "vision",
    [
        {"pool_type": "avg"},
        {"attentional_pool": True},
        {"pos_embed_type": "sin_cos_2d"},
        {"final_ln_after_pool": True},
    ],
)
def test_what_open_clip_pools_otherwise_is_refused(tmp_path: Path, vision: dict[str, Any]) -> None:
    folder, _ = open_clip(tmp_path / "clip", **vision)
    assert next(iter(vision)) in refused(foreign.load, folder).message
    assert len(read(folder).layers.weights) == 10  # its weights alone are measured


# Hugging Face folders without the library.

VIT = {"model_type": "vit", "hidden_size": 32, "image_size": 32, "patch_size": 8, "hidden_act": "gelu"}


@WITHOUT
@pytest.mark.parametrize("model_type", ["vit", "resnet", "dinov3_vit", "swin"])
def test_the_library_is_asked_for(tmp_path: Path, model_type: str) -> None:
    folder = write(tmp_path / "net", VIT | {"model_type": model_type}, drawn((4, 3)))
    for place in (folder, folder / "model.safetensors"):
        error = refused(foreign.load, place)
        assert f"model_type {model_type}, which needs the package transformers" in error.message
        assert "pip install 'collapse-cli[transformers]'" in error.hint
    assert "transformers" in inspected(folder, Choices())["why"]


@WITHOUT
def test_an_activation_that_our_readers_do_not_have(tmp_path: Path) -> None:
    """CLIP's names with another activation are not read as if they had the usual one."""
    folder = write(
        tmp_path / "net", {"model_type": "clip", "vision_config": {"hidden_act": "silu"}}, drawn((4, 3))
    )
    assert "needs the package transformers" in refused(foreign.load, folder).message


def test_the_command_ends_in_2(tmp_path: Path) -> None:
    """As its sentence on stderr says, whether the library is there or not: the weights fit no ViT."""
    folder = write(tmp_path / "net", VIT, drawn((4, 3)))
    argv = [sys.executable, "-m", "collapse_cli", "diagnose", str(folder), "--dataset", "digits"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "bert", "vocab_size": 100}, "takes texts, not images"),
        (
            {"model_type": "wav2vec2", "vocab_size": 32, "feat_extract_norm": "group"},
            "takes sounds, not images",
        ),
        ({"model_type": "sam", "vision_config": {}}, "not known what its representation is"),
        ({"model_type": "mine", "auto_map": {"AutoModel": "code.Mine"}}, "auto_map is not run"),
        (VIT | {"quantization_config": {"bits": 4}}, "quantised weights"),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else "",
)
def test_what_is_no_image_encoder_is_refused(tmp_path: Path, config: dict[str, Any], words: str) -> None:
    """With the library and without."""
    assert words in refused(foreign.load, write(tmp_path / "net", config, drawn((4, 3)))).message


def test_a_damaged_config_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "net", {}, drawn((4, 3)))
    for content in ("{", "[]", "\0"):
        (folder / "config.json").write_text(content)
        assert re.search("JSON", refused(foreign.load, folder).message)
