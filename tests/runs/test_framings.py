"""How images become squares: what configs and layouts tell, and embeddings beside those of the libraries' own preparation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from collapse_cli.data.framing import framed
from collapse_cli.runs import foreign
from collapse_cli.runs.foreign import Foreign
from collapse_cli.runs.others import framings
from collapse_cli.runs.others.framings import NOTHING, StatedFraming, decided, in_words, named, told
from collapse_cli.runs.others.layouts import LAYOUTS, Choices
from collapse_cli.shapes import Framing

SIZES = [(61, 40), (40, 75), (64, 64), (97, 50), (36, 33), (20, 31)]
"""Of the images: wider, higher, square, smaller than what networks take."""


def photo(size: tuple[int, int], file: Path) -> Path:
    """A JPEG of smooth waves with a gradient across, so that a shift or another cut shows."""
    width, height = size
    y, x = numpy.mgrid[0:height, 0:width]
    waves = [
        110 + 60 * numpy.sin(x / (2 + c) + y / (4 - c)) + 80 * (x / width - y / height) for c in range(3)
    ]
    noise = numpy.random.default_rng(width).normal(0, 10, (height, width, 3))
    pixels = (numpy.stack(waves, axis=-1) + noise).clip(0, 255).astype(numpy.uint8)
    Image.fromarray(pixels).save(file, quality=95)
    return file


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    folder = tmp_path_factory.mktemp("photos")
    files = [photo(size, folder / f"{n}.jpg") for n, size in enumerate(SIZES)]
    return [Image.open(file).convert("RGB") for file in files]


def ours(network: Foreign, images: list[Image.Image]) -> Tensor:
    pixels = torch.from_numpy(numpy.stack([framed(image, network.framing) for image in images]))
    network.encoder.eval()
    with torch.no_grad():
        return torch.cat([network.encoder(network.normalisation(each[None] / 255)) for each in pixels])


def apart(network: Foreign, reference: Tensor, images: list[Image.Image]) -> tuple[float, float]:
    """The largest difference from the reference, in standard deviations of h over images; and that of the middle square."""
    spread = reference.std(dim=0).clamp_min(1e-3 * reference.std(dim=0).mean())
    square = foreign.framings.named("square", network.size)
    middle = ours(_with(network, square), images)
    return tuple(float(((h - reference) / spread).abs().max()) for h in (ours(network, images), middle))  # type: ignore[return-value]


def _with(network: Foreign, framing: Framing) -> Foreign:
    import dataclasses

    return dataclasses.replace(network, framing=framing)


def shaken(network: nn.Module, seed: int = 0) -> Any:
    """Random weights and random statistics of batch norms."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif name.endswith("running_mean"):
            value.copy_(0.2 * torch.randn(value.shape, generator=generator))
    return network.eval()


PROCESSORS: dict[str, tuple[dict[str, Any], Framing | str]] = {
    "ViT": (
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 24, "width": 24}, "resample": 2},
        Framing(24, 24, True, "bilinear", True),
    ),
    "ViT of old": ({"feature_extractor_type": "ViTFeatureExtractor", "size": 24}, Framing(24, 24, True, "bilinear", True)),
    "by the model's type": ({"size": 24}, Framing(24, 24, True, "bilinear", True)),
    "DeiT": (
        {"image_processor_type": "DeiTImageProcessorFast", "size": {"height": 28, "width": 28}, "crop_size": 24},
        Framing(24, 28, True, "bicubic", True),
    ),
    "CLIP of old": ({"feature_extractor_type": "CLIPFeatureExtractor", "size": 24, "crop_size": 24},
                    Framing(24, 24, False, "bicubic", True)),
    "Bit": (
        {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 27}, "crop_size": {"height": 24, "width": 24},
         "resample": 1},
        Framing(24, 27, False, "lanczos", True),
    ),
    "ConvNext": (
        {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 24}, "resample": 2},
        Framing(24, 27, False, "bilinear", True),
    ),
    "of another side": (
        {"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 256}, "crop_size": 224},
        Framing(24, 27, False, "bicubic", True),
    ),
    "no class known": ({"image_processor_type": "SamImageProcessor"}, "names SamImageProcessor"),
    "not resized": ({"do_resize": False}, "says do_resize false"),
    "padded": ({"do_pad": True}, "says do_pad true"),
    "not cut": ({"image_processor_type": "BitImageProcessor", "do_center_crop": False}, "no squares"),
    "two edges": ({"size": {"shortest_edge": 24, "longest_edge": 40}}, "longest_edge"),
    "a filter that there is not": ({"resample": 6}, "resample 6"),
    "no share": ({"image_processor_type": "ConvNextImageProcessor", "crop_pct": "x"}, "crop_pct 'x'"),
    "without end": ({"image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 60000}, "crop_size": 24}, "60000"),
}  # fmt: skip


@pytest.mark.parametrize("case", PROCESSORS)
def test_processors_of_transformers(case: str) -> None:
    processor, expected = PROCESSORS[case]
    found = told({"processor": processor, "config": {"model_type": "vit"}}, 24)
    if isinstance(expected, Framing):
        assert found == StatedFraming(expected, "as preprocessor_config.json says")
    else:
        assert found.framing is None
        assert expected in found.undone


def test_convnext_stretches_large_images() -> None:
    """From 384 pixels on its processor cuts nothing off."""
    processor = {
        "image_processor_type": "ConvNextImageProcessor",
        "size": {"shortest_edge": 384},
        "resample": 3,
    }
    assert told({"processor": processor}, 384).framing == Framing(384, 384, True, "bicubic", True)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"crop_pct": 0.95, "interpolation": "bicubic"}, Framing(224, 235)),
        ({"interpolation": "bilinear"}, Framing(224, 256, False, "bilinear")),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, Framing(224, 224, True)),
        ({"crop_pct": 0.9, "crop_mode": "border"}, "crop_mode 'border'"),
        ({"crop_pct": 1e-9}, "crop_pct 1e-09"),
        ({"interpolation": "random"}, "interpolation 'random'"),
    ],
)
def test_configs_of_timm(config: dict[str, Any], expected: Framing | str) -> None:
    found = told({"config": {"pretrained_cfg": config}}, 224)
    assert found.framing == expected if isinstance(expected, Framing) else expected in found.undone


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, Framing(32, 32)),
        ({"interpolation": "bilinear", "resize_mode": "squash"}, Framing(32, 32, True, "bilinear")),
        ({"resize_mode": "longest"}, "adds borders"),
    ],
)
def test_configs_of_open_clip(config: dict[str, Any], expected: Framing | str) -> None:
    found = told({"open_clip": {"model_cfg": {}, "preprocess_cfg": config}}, 32)
    assert found.framing == expected if isinstance(expected, Framing) else expected in found.undone


def test_what_was_asked_for_comes_first_then_configs_then_layouts() -> None:
    """Images of a small side are evaluated as they are, unless a config says otherwise; asked for, they are not."""
    stated = {"open_clip": {"model_cfg": {}, "preprocess_cfg": {"resize_mode": "squash"}}}
    usual = StatedFraming(named("imagenet", 224), "usual")
    assert decided("clip", stated, "DINO", usual, 96).framing == Framing(96, 96)
    assert decided("auto", stated, "DINO", usual, 96).framing == Framing(96, 96, True)
    assert decided("auto", {}, "DINO", usual, 224).framing == Framing(224, 256)
    assert decided("auto", {}, "bare network", usual, 448).framing == Framing(448, 512, False, "bilinear")
    assert decided("auto", {}, "DINO", usual, 96) == NOTHING
    assert decided("dino", {}, "bare network", NOTHING, 96).framing == Framing(96, 109)
    assert decided("auto", {}, "bare network", NOTHING, 224) == NOTHING


def test_every_layout_with_a_framing_is_one() -> None:
    assert set(framings.BY_LAYOUT) <= {layout.name for layout in LAYOUTS}
    assert set(framings.BY_LAYOUT.values()) <= set(framings.NAMED)


def test_in_words() -> None:
    assert in_words(Framing(224)) == "the middle square of each, scaled bicubically"
    assert in_words(Framing(224, 256, False, "lanczos")).endswith(
        "scaled to 256, by lanczos, then the middle square"
    )
    assert (
        in_words(Framing(24, 28, True))
        == "each stretched to a square of 28, bicubically, then the middle square"
    )


def test_it_is_shown_what_a_config_says_and_what_is_not_done(tmp_path: Path) -> None:
    """A torchvision ResNet of which nobody says anything, and with each option."""
    from torchvision.models import resnet18

    torch.save(resnet18().state_dict(), tmp_path / "r.pt")
    found = foreign.load(tmp_path / "r.pt")
    assert found.framing == Framing(224, 256, False, "bilinear")
    assert (
        "the shorter side of each scaled to 256, bilinearly, then the middle square, as ResNets"
        in found.assumed[-1]
    )
    found = foreign.load(tmp_path / "r.pt", Choices(framing="stretch", size=96))
    assert found.framing == Framing(96, 96, True)
    assert "stretched to a square of 96, bicubically, as given (--framing)" in found.assumed[-1]
    assert foreign.load(tmp_path / "r.pt", Choices(framing="square")).framing == Framing(224)


# Beside the libraries, on photos of several sizes, sides and shapes.

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64, "image_size": 32,
        "patch_size": 8}  # fmt: skip
STAGES = {"embedding_size": 16, "hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 1, 1]}
NEXT = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
EDGE, BOTH = {"shortest_edge": 37}, {"height": 32, "width": 32}
SQUARE = {"height": 32, "width": 32}

TRANSFORMERS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "ViT": ("ViTModel", TINY, "ViTImageProcessor", {"size": BOTH}),
    "ViT, bicubic": ("ViTModel", TINY, "ViTImageProcessor", {"size": BOTH, "resample": 3}),
    "DeiT": ("DeiTModel", TINY, "DeiTImageProcessor", {"size": {"height": 37, "width": 37}, "crop_size": SQUARE}),
    "DINOv2": ("Dinov2Model", TINY, "BitImageProcessor", {"size": EDGE, "crop_size": SQUARE}),
    "DINOv3": ("DINOv3ViTModel", TINY, "DINOv3ViTImageProcessor", {"size": BOTH}),
    "CLIP": ("CLIPVisionModel", TINY, "CLIPImageProcessor", {"size": {"shortest_edge": 32}, "crop_size": SQUARE}),
    "SigLIP": ("SiglipVisionModel", TINY, "SiglipImageProcessor", {"size": BOTH}),
    "BEiT": ("BeitModel", TINY, "BeitImageProcessor", {"size": BOTH}),
    "ConvNeXt": ("ConvNextModel", NEXT, "ConvNextImageProcessor", {"size": {"shortest_edge": 32}, "crop_pct": 0.8}),
    "ResNet": ("ResNetModel", STAGES, "ConvNextImageProcessor", {"size": {"shortest_edge": 32}, "resample": 2}),
    "not normalised": ("ViTModel", TINY, "ViTImageProcessor", {"size": BOTH, "do_normalize": False}),
    "nearest": ("ViTModel", TINY, "ViTImageProcessor", {"size": BOTH, "resample": 0}),
    "lanczos": ("ViTModel", TINY, "ViTImageProcessor", {"size": BOTH, "resample": 1}),
}  # fmt: skip


def of_transformers(case: str, folder: Path, images: list[Image.Image]) -> tuple[Foreign, Tensor, Tensor]:
    """The network as read from its folder, and what the library computes of the images, prepared by Pillow and by torchvision."""
    transformers = pytest.importorskip("transformers")
    network_class, settings, processor_class, how = TRANSFORMERS[case]
    torch.manual_seed(0)
    kind = getattr(transformers, network_class)
    network = shaken(kind(kind.config_class(**settings)))
    network.save_pretrained(folder)
    processors = [getattr(transformers, processor_class)(**how)]
    processors += [getattr(transformers, f"{processor_class}Pil")(**how)] if case != "DINOv3" else processors
    processors[0].save_pretrained(folder)

    def embedded(processor: Any) -> Tensor:
        with torch.no_grad():
            pixels = [processor(image, return_tensors="pt")["pixel_values"] for image in images]
            outputs = [network(each) for each in pixels]
        tokens = processor_class in ("ViTImageProcessor", "DeiTImageProcessor") or case in (
            "DINOv2",
            "DINOv3",
        )
        taken = [each.last_hidden_state[:, 0] if tokens else each.pooler_output for each in outputs]
        return torch.cat([each.flatten(1) for each in taken])

    return foreign.load(folder), embedded(processors[-1]), embedded(processors[0])


@pytest.mark.libraries
@pytest.mark.parametrize("case", TRANSFORMERS)
def test_embeddings_are_those_of_transformers(case: str, tmp_path: Path, photos: list[Image.Image]) -> None:
    """Pillow's and torchvision's own resizing differ by a level of 255 here and there: what we compute is Pillow's."""
    network, by_pillow, by_torchvision = of_transformers(case, tmp_path, photos)
    assert "as preprocessor_config.json says" in network.assumed[-1]
    exact, middle = apart(network, by_pillow, photos)
    near, _ = apart(network, by_torchvision, photos)
    print(f"\n{case}: {exact:.1e} of Pillow's, {near:.1e} of torchvision's; the middle square {middle:.2f}")
    assert exact < (0.25 if case == "DINOv3" else 1e-4)  # which resizes numbers, not bytes
    assert near < 0.25
    assert middle > 0.3


@pytest.mark.libraries
@pytest.mark.parametrize("mode", ["center", "squash"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_embeddings_are_those_of_timm(
    name: str, interpolation: str, mode: str, tmp_path: Path, photos: list[Image.Image]
) -> None:
    timm = pytest.importorskip("timm")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    sized = {"img_size": 64} if name.startswith("vit") else {}
    network = shaken(timm.create_model(name, num_classes=0, **sized))
    cfg = {"input_size": [3, 64, 64], "crop_pct": 0.9, "interpolation": interpolation, "crop_mode": mode,
           "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.25]}  # fmt: skip
    config = {"architecture": name, "num_classes": 0, "pretrained_cfg": cfg, "model_args": sized}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    prepare = timm.data.create_transform(**timm.data.resolve_data_config(cfg))
    with torch.no_grad():
        reference = torch.cat([network(prepare(image)[None]) for image in photos])
    found = foreign.load(tmp_path)
    assert found.framing == Framing(64, 71, mode == "squash", interpolation)  # type: ignore[arg-type]
    exact, middle = apart(found, reference, photos)
    print(f"\ntimm {name}, {interpolation}, {mode}: {exact:.1e}; the middle square {middle:.2f}")
    assert exact < 1e-3 < 0.2 < middle


@pytest.mark.libraries
@pytest.mark.parametrize("mode", ["shortest", "squash"])
def test_embeddings_are_those_of_open_clip(mode: str, tmp_path: Path, photos: list[Image.Image]) -> None:
    open_clip = pytest.importorskip("open_clip")
    from open_clip.model import CLIP
    from open_clip.transform import image_transform
    from safetensors.torch import save_file

    assert open_clip
    vision = {"layers": 2, "width": 128, "patch_size": 8, "image_size": 32}
    text = {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1}
    torch.manual_seed(0)
    network = CLIP(16, vision, text).eval()
    save_file(
        {n: w.contiguous() for n, w in network.state_dict().items()}, tmp_path / "open_clip_model.safetensors"
    )
    prepared = {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.3, 0.25],
        "interpolation": "bicubic",
        "resize_mode": mode,
    }
    model = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": model, "preprocess_cfg": prepared})
    )
    prepare = image_transform(32, is_train=False, **prepared)
    with torch.no_grad():
        reference = torch.cat([network.encode_image(prepare(image)[None]) for image in photos])
    found = foreign.load(tmp_path)
    assert found.framing == Framing(32, 32, mode == "squash")
    h = ours(found, photos)
    assert found.projector is not None
    with torch.no_grad():
        z = found.projector(h)
    spread = reference.std(dim=0)
    assert float(((z - reference) / spread).abs().max()) < 1e-3
