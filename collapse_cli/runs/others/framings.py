"""How images become squares for a network: as its processor, its config or the code of its layout makes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collapse_cli.runs.others.image_configs import Config, part
from collapse_cli.shapes import Framing, Resample

NAMED: Mapping[str, Framing] = {
    "square": Framing(224),
    "imagenet": Framing(224, 256, False, "bilinear"),
    "dino": Framing(224, 256),
    "clip": Framing(224, 224),
    "stretch": Framing(224, 224, True),
}
"""Those that can be asked for, at the side of 224; of other sides in proportion."""

BY_LAYOUT: Mapping[str, str] = {
    **dict.fromkeys(
        ("MoCo v1/v2", "MoCo v3", "SimSiam", "Barlow Twins", "SwAV/DeepCluster", "DirectCLR", "VISSL"),
        "imagenet",
    ),
    "DINO": "dino",
    **dict.fromkeys(("open_clip", "CLIP of Hugging Face"), "clip"),
}
"""Layout -> how the code that writes it evaluates on images of any size."""

SMALL = 128  # pixels: smaller images are evaluated as they are, unless a config says otherwise
FILTERS: tuple[Resample, ...] = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")
"""By Pillow's numbers, which processors write."""


@dataclass(frozen=True)
class StatedFraming:
    """What a network tells of its framing: the framing and why it is this one, or what is told and not done; or nothing."""

    framing: Framing | None = None
    origin: str = ""
    undone: str = ""


NOTHING = StatedFraming()


@dataclass(frozen=True)
class Processor:
    """What an image processor of transformers does where its config does not say: see its class there."""

    resample: Resample = "bicubic"
    stretched: bool = True  # by a size that is one number
    crops: bool = False


PROCESSORS: Mapping[str, Processor] = {
    "ViT": Processor("bilinear"),
    "DINOv3ViT": Processor("bilinear"),
    "DeiT": Processor(crops=True),
    "Beit": Processor(),
    "EfficientNet": Processor(),
    "Siglip": Processor(stretched=False),
    "CLIP": Processor(stretched=False, crops=True),
    "Bit": Processor(stretched=False, crops=True),
    "ConvNext": Processor(stretched=False),
    "MobileNetV1": Processor("bilinear", stretched=False, crops=True),
    "MobileNetV2": Processor("bilinear", stretched=False, crops=True),
}
BY_MODEL_TYPE: Mapping[str, str] = {
    **dict.fromkeys(("vit", "vit_mae", "vit_msn", "ijepa", "swin", "swinv2"), "ViT"),
    **dict.fromkeys(("dinov2", "dinov2_with_registers"), "Bit"),
    **dict.fromkeys(("dinov3_vit", "dinov3_convnext"), "DINOv3ViT"),
    **dict.fromkeys(("clip", "clip_vision_model"), "CLIP"),
    **dict.fromkeys(("siglip", "siglip_vision_model"), "Siglip"),
    **dict.fromkeys(("beit", "data2vec-vision"), "Beit"),
    **dict.fromkeys(("resnet", "regnet", "convnext", "convnextv2"), "ConvNext"),
    "deit": "DeiT", "efficientnet": "EfficientNet", "mobilenet_v1": "MobileNetV1", "mobilenet_v2": "MobileNetV2",
}  # fmt: skip
"""The processor of a model_type, where the config does not name its class."""

MOST = 16  # times the side of the square
WARPED = 384  # side from which ConvNeXt's processor stretches


def scaled(framing: Framing, side: int) -> Framing:
    """The same for images of another side: as large a part is cut off."""
    resized = side * framing.resized // framing.side if framing.side else framing.resized
    return replace(framing, side=side, resized=resized)


def named(name: str, side: int) -> Framing:
    return scaled(NAMED[name], side)


def told(facts: Mapping[str, Any], side: int) -> StatedFraming:
    """As the configs beside weights tell, for images of this side; those of timm first, as for the normalisation."""
    if {"crop_pct", "interpolation", "crop_mode"} & (timm := part(facts, "config", "pretrained_cfg")).keys():
        return of_timm(timm, side, "pretrained_cfg in config.json")
    if part(facts, "open_clip"):
        return _of_open_clip(part(facts, "open_clip", "preprocess_cfg"), side)
    if processor := part(facts, "processor"):
        return _of_processor(processor, str(part(facts, "config").get("model_type")), side)
    return NOTHING


def decided(
    asked: str, facts: Mapping[str, Any], layout: str, usual: StatedFraming, side: int
) -> StatedFraming:
    """As asked for, or as configs tell; else as the layout's code or networks of this kind have it, but for small images."""
    if asked != "auto":
        return StatedFraming(named(asked, side), "as given")
    stated = told(facts, side)
    if stated != NOTHING or side < SMALL:
        return stated
    if layout in BY_LAYOUT:
        return StatedFraming(named(BY_LAYOUT[layout], side), f"as {layout} evaluates")
    return replace(usual, framing=scaled(usual.framing, side)) if usual.framing else usual


def of_timm(config: Config, side: int, origin: str) -> StatedFraming:
    """Of timm's crop_pct (7/8 where it is not stated), interpolation and crop_mode: resized to side / crop_pct, then cut."""
    share, mode = config.get("crop_pct") or 0.875, config.get("crop_mode") or "center"
    resample = config.get("interpolation") or "bicubic"
    if not _is_share(share) or mode not in ("center", "squash") or resample not in FILTERS:
        stated = ", ".join(
            f"{name} {config.get(name)!r:.40}" for name in ("crop_pct", "crop_mode", "interpolation")
        )
        return StatedFraming(undone=f"{origin} says {stated}")
    return StatedFraming(Framing(side, int(side / share), mode == "squash", resample), f"as {origin} says")


def _of_open_clip(config: Config, side: int) -> StatedFraming:
    origin, mode = "open_clip_config.json", config.get("resize_mode") or "shortest"
    resample = config.get("interpolation") or "bicubic"
    if mode not in ("shortest", "squash"):
        return StatedFraming(undone=f"{origin} says resize_mode {mode!r:.40}, which adds borders")
    framing = Framing(side, side, mode == "squash", "bilinear" if resample == "bilinear" else "bicubic")
    return StatedFraming(framing, f"as {origin} says")


def _of_processor(config: Config, model_type: str, side: int) -> StatedFraming:
    """Of a processor of transformers. Which sizes its config leaves out, its class has."""
    origin, says = "preprocessor_config.json", "as preprocessor_config.json says"
    stated = config.get("image_processor_type") or config.get("feature_extractor_type")
    kind = re.sub(
        r"(ImageProcessor|FeatureExtractor)(Fast|Pil)?$", "", str(stated or BY_MODEL_TYPE.get(model_type, ""))
    )
    usual = PROCESSORS.get(kind)
    if usual is None:
        return StatedFraming(
            undone=f"{origin} names {stated}, which is not read"
            if stated
            else f"{origin} names no class that is read"
        )
    if config.get("do_resize", True) is False or config.get("do_pad"):
        return StatedFraming(
            undone=f"{origin} says {'do_pad true' if config.get('do_pad') else 'do_resize false'}"
        )
    resample = config.get("resample", FILTERS.index(usual.resample))
    size = config.get("size", side)
    stretched = "height" in size if isinstance(size, Mapping) else usual.stretched
    if (
        type(resample) is not int
        or not 0 <= resample < len(FILTERS)
        or (isinstance(size, Mapping) and "longest_edge" in size)
    ):
        return StatedFraming(undone=f"{origin} says resample {resample!r:.40}, size {size!r:.60}")
    resized = _resized(size) or side
    if not resized <= MOST * side:
        return StatedFraming(undone=f"{origin} says size {size!r:.60}")
    crops = config.get("do_center_crop", usual.crops)
    if kind == "ConvNext" and not _is_share(share := config.get("crop_pct", 0.875)):
        return StatedFraming(undone=f"{origin} says crop_pct {share!r:.40}")
    if kind == "ConvNext":
        return StatedFraming(scaled(_of_convnext(config, resized, FILTERS[resample]), side), says)
    if not stretched and not crops:
        return StatedFraming(undone=f"{origin} cuts nothing off: its images are no squares")
    cut = _resized(config.get("crop_size")) or side
    return StatedFraming(
        scaled(Framing(cut if crops else resized, resized, stretched, FILTERS[resample], floored=True), side),
        says,
    )


def _of_convnext(config: Config, side: int, resample: Resample) -> Framing:
    """Below 384 pixels a part is cut off; from there on the image is stretched."""
    if side >= WARPED:
        return Framing(side, side, True, resample, floored=True)
    return Framing(side, int(side / config.get("crop_pct", 0.875)), False, resample, floored=True)


def _resized(size: Any) -> int:
    """The side that a processor resizes to, by its `size`, whose form was looked at already; 0 where it has none."""
    value = size.get("height", size.get("shortest_edge", 0)) if isinstance(size, Mapping) else size
    value = value[0] if isinstance(value, list | tuple) and value else value
    return int(value) if _number(value) else 0


def _is_share(value: Any) -> bool:
    """Whether a part of a side can be so large; a smaller one would take an image of any size."""
    return _number(value) and 1 / MOST <= value <= 1


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def in_words(framing: Framing) -> str:
    """`the shorter side resized to 256 pixels, bilinear, then the middle square`."""
    how = {"bilinear": "bilinearly", "bicubic": "bicubically"}.get(framing.resample, f"by {framing.resample}")
    if not framing.resized:
        return f"the middle square of each, scaled {how}"
    if framing.stretched:
        cut = "" if framing.resized == framing.side else ", then the middle square"
        return f"each stretched to a square of {framing.resized}, {how}{cut}"
    return f"the shorter side of each scaled to {framing.resized}, {how}, then the middle square"
