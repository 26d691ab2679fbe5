"""What the representation h of a model of transformers is, by its `model_type`. Nothing here needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from collapse_cli.runs.others.layouts import CLIP, HALF, IMAGENET
from collapse_cli.shapes import Normalisation

CLASS_TOKEN, PATCHES, POOLED = "the normed class token", "the mean of the patch tokens", "the pooled features"


@dataclass(frozen=True)
class ModelType:
    """A network of the library: the name of its class, and how images are put through.

    h: what the representation is, in words; output: which part of the network's output it is taken of; takes: images as they
    are, images with an order of patches that is not random, or patches; pooling: whether its class is asked for a pooling
    layer, None where it does not know that question; stretched: whether positions are stretched to images of another side when
    that is asked for, and not by themselves or not at all; patches: whether the side of an image falls into patches;
    normalisation: the usual one; twice: whether images are usually divided by the standard deviation twice.
    """

    network: str
    h: str = CLASS_TOKEN
    output: Literal["first", "mean", "pooler"] = "first"
    takes: Literal["images", "ordered", "patches"] = "images"
    pooling: bool | None = None
    stretched: bool = True
    patches: bool = True
    normalisation: Normalisation = IMAGENET
    twice: bool = False


def _convolutional(network: str, normalisation: Normalisation = IMAGENET, twice: bool = False) -> ModelType:
    return ModelType(
        network, POOLED, "pooler",
        stretched=False, patches=False, normalisation=normalisation, twice=twice,
    )  # fmt: skip


_CLIP = ModelType("CLIPVisionModel", output="pooler", normalisation=CLIP)
_HEAD = "what the attention-pooling head gives (pooler_output)"
_SIGLIP = ModelType("SiglipVisionModel", _HEAD, "pooler", normalisation=HALF)
_SIGLIP2 = ModelType("Siglip2VisionModel", _HEAD, "pooler", "patches", stretched=False, normalisation=HALF)
_BEIT = "the normed mean of the patch tokens, or the class token, as use_mean_pooling says (pooler_output)"

MODEL_TYPES: Mapping[str, ModelType] = {
    "vit": ModelType("ViTModel", pooling=False, normalisation=HALF),
    "deit": ModelType("DeiTModel", pooling=False),
    "dinov2": ModelType("Dinov2Model", stretched=False),
    "dinov2_with_registers": ModelType("Dinov2WithRegistersModel", stretched=False),
    "dinov3_vit": ModelType("DINOv3ViTModel", stretched=False),
    "dinov3_convnext": ModelType(
        "DINOv3ConvNextModel", "the normed mean of the features", "pooler", stretched=False, patches=False
    ),
    "vit_mae": ModelType("ViTMAEModel", takes="ordered"),
    "vit_msn": ModelType("ViTMSNModel"),
    "ijepa": ModelType("IJepaModel", PATCHES, "mean", pooling=False),
    "beit": ModelType("BeitModel", _BEIT, "pooler", pooling=True, normalisation=HALF),
    "data2vec-vision": ModelType("Data2VecVisionModel", _BEIT, "pooler", pooling=True, normalisation=HALF),
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
    "siglip": _SIGLIP,
    "siglip_vision_model": _SIGLIP,
    "siglip2": _SIGLIP2,
    "siglip2_vision_model": _SIGLIP2,
    "resnet": _convolutional("ResNetModel"),
    "regnet": _convolutional("RegNetModel"),
    "convnext": _convolutional("ConvNextModel"),
    "convnextv2": _convolutional("ConvNextV2Model"),
    "swin": ModelType("SwinModel", POOLED, "pooler", patches=False),
    "swinv2": ModelType("Swinv2Model", POOLED, "pooler", patches=False),
    "mobilenet_v1": _convolutional("MobileNetV1Model", HALF),
    "mobilenet_v2": _convolutional("MobileNetV2Model", HALF),
    "efficientnet": _convolutional("EfficientNetModel", twice=True),
}

SOUNDS = ("feat_extract_norm", "num_mel_bins", "sampling_rate", "audio_channels", "max_source_positions")
IMAGES = ("vision_config", "image_size", "num_channels", "patch_size", "pixel_values")


def takes(config: Mapping[str, Any]) -> Literal["images", "texts", "sounds", ""]:
    """What a network is given, as the names in its config.json tell; empty where they do not."""
    if config.get("model_type") in MODEL_TYPES:
        return "images"
    if any(name in config for name in SOUNDS):
        return "sounds"
    if any(name in config for name in IMAGES):
        return "images"
    return "texts" if "vocab_size" in config else ""
