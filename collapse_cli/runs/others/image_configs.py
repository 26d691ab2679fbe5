"""How images are prepared, as the configs beside weights say it: mean, standard deviation, side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.shapes import Normalisation

BYTE = 1 / 255
MOST = 1e6  # no mean of pixels is larger, whatever they are counted in
Config = Mapping[str, Any]


def part(config: Any, *names: str) -> Config:
    """What stands in a config under these names; empty where there is nothing, or no object."""
    for name in names:
        config = config.get(name) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def normalisation(facts: Mapping[str, Any]) -> Normalisation | None:
    """Of images in [0, 1]; None where no config tells it. Raises CollapseError for what is not of numbers."""
    for config in (part(facts, "config", "pretrained_cfg"), part(facts, "open_clip", "preprocess_cfg")):
        if {"mean", "std"} <= config.keys():
            return _divisible(_plain(config["mean"], config["std"]))
    processor = part(facts, "processor")
    return of_processor(processor) if {"image_mean", "image_std"} <= processor.keys() else None


def of_processor(processor: Config) -> Normalisation:
    """What a processor of Hugging Face does to images in [0, 1], of which it takes the bytes: scale, shift, divide.

    It computes (255 s x - o - mean) / std, where s is its factor and the offset o is 0 or 1, which is
    (x - (mean + o) / 255 s) / (std / 255 s). EfficientNet's divides by std twice where `include_top` is set.
    """
    mean, std = processor.get("image_mean", 0.5), processor.get("image_std", 0.5)
    if processor.get("do_normalize", True) is False:
        mean, std = 0.0, 1.0
    scaled = processor.get("do_rescale", True) is not False
    factor = _number(processor.get("rescale_factor", BYTE)) if scaled else 1.0
    scale = factor / BYTE  # 1 for the usual factor
    offset = 1.0 if scaled and processor.get("rescale_offset") else 0.0
    plain = _plain(mean, std)
    twice = bool(processor.get("include_top")) and processor.get("do_normalize", True) is not False
    stds = tuple(s * s for s in plain.std) if twice else plain.std
    if scale == 0:
        raise CollapseError(
            "the images' processor makes every pixel 0: its rescale_factor is 0",
            "correct preprocessor_config.json",
        )
    means = tuple((m + offset) / scale for m in plain.mean)
    return _divisible(Normalisation(means, tuple(s / scale for s in stds)))


def side(processor: Config) -> int:
    """H = W of the images that a processor gives; 0 where it does not tell. Raises CollapseError for other forms."""
    size = processor.get("size")
    crop = processor.get("crop_size") if processor.get("do_center_crop") else None
    for stated in (crop, size):
        if isinstance(stated, Mapping):
            height, width = (stated.get(name, stated.get("shortest_edge", 0)) for name in ("height", "width"))
            if height != width:
                raise CollapseError(
                    f"the images of this network are {height} x {width} pixels, and only square ones are read",
                    "embed them yourself, and give the embeddings as .npy",
                )
            return _side(height)
        if stated:
            return _square(list(stated) if isinstance(stated, list | tuple) else [stated])
    return 0


def input_side(facts: Mapping[str, Any]) -> int:
    """H = W of the images, where a config.json of timm tells it, or 0. Raises CollapseError for a side that is none."""
    size = part(facts, "config", "pretrained_cfg").get("input_size")
    if not isinstance(size, list) or len(size) != 3 or not all(isinstance(n, int) for n in size):
        return 0
    return _square(size[1:])


def _square(sides: list[Any]) -> int:
    if any(side != sides[0] for side in sides):
        raise CollapseError(
            f"the images of this network are {' x '.join(map(str, sides))} pixels, and only square ones are read",
            "embed them yourself, and give the embeddings as .npy",
        )
    return _side(sides[0])


def _side(value: Any) -> int:
    """Raises CollapseError for what is no number of pixels; 0 says that none is told."""
    if not 0 <= (side := _number(value)) < 1 << 16:
        raise CollapseError(f"a config says that images have a side of {value} pixels", "correct the config")
    return int(side)


def _plain(mean: Any, std: Any) -> Normalisation:
    means, stds = (value if isinstance(value, list | tuple) else [value] * 3 for value in (mean, std))
    if len(means) != len(stds) or not means:
        raise CollapseError(
            f"a config says that images have {len(means)} means and {len(stds)} standard deviations",
            "correct the config",
        )
    return Normalisation(tuple(map(_number, means)), tuple(map(_number, stds)))


def _divisible(plain: Normalisation) -> Normalisation:
    if not min(plain.std) > 0:
        raise CollapseError(
            f"a config says that images are divided by a standard deviation of {min(plain.std):g}",
            "correct the config",
        )
    return plain


def _number(value: Any) -> float:
    stated = isinstance(value, int | float) and not isinstance(value, bool)
    if not stated or not abs(value) < MOST:
        raise CollapseError(
            f"a config says {value!r:.80} where the preparation of its images has a number",
            "correct the config",
        )
    return float(value)
