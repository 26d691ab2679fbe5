"""The images that a network of transformers was trained on, as its configs tell, or as is usual for its model_type."""

from __future__ import annotations

import math
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others import image_configs
from collapse_cli.runs.others.reading import ImageForm
from collapse_cli.runs.others.tensors import FileTensors
from collapse_cli.runs.others.transformers_table import ModelType

USUAL = 224
YOURSELF = "embed the images yourself, and give the embeddings as .npy"


def form(held: FileTensors, config: Any, row: ModelType) -> tuple[ImageForm, str]:
    """Channels, side and normalisation, and a sentence where the folder does not tell how its images were prepared."""
    given = image_configs.part(held.facts, "processor")
    if given.get("do_flip_channel_order"):
        raise CollapseError(
            f"{held.path} takes images whose colours are in the order blue, green, red, which is not read",
            YOURSELF,
        )
    mean, std = row.normalisation.mean, row.normalisation.std
    processor = {"image_mean": mean, "image_std": std, "include_top": row.twice, **given}
    patch = square(held, config.patch_size) if row.patches else 1
    side = image_configs.side(processor) or square(held, getattr(config, "image_size", USUAL))
    if row.takes == "patches":
        side = math.isqrt(count(held, config.num_patches)) * patch
    images = ImageForm(
        count(held, config.num_channels), side, image_configs.of_processor(processor), multiple=patch
    )
    usual = f"images: no preprocessor_config.json, so prepared as usual for {config.model_type}"
    return images, "" if given else usual


def square(held: FileTensors, side: Any) -> int:
    """One side of a square. Raises CollapseError for what is none."""
    sides = [count(held, each) for each in (side if isinstance(side, list | tuple) and side else [side])]
    if len(set(sides)) > 1:
        raise CollapseError(
            f"{held.path} takes images or patches that are not square, which are not read", YOURSELF
        )
    return sides[0]


def count(held: FileTensors, value: Any) -> int:
    """A whole number of pixels or channels. Raises CollapseError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 1 << 16:
        raise CollapseError(
            f"{held.path}: its config.json says {value!r:.80} where a number of pixels or channels is due",
            "correct it",
        )
    return value
