"""A file of embeddings, or the raw pixels of a data set -> a Subject."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from collapse_cli.commands.answers import identified
from collapse_cli.commands.options import Measuring
from collapse_cli.commands.subject import Subject
from collapse_cli.errors import CollapseError

if TYPE_CHECKING:
    from collapse_cli.shapes import Embeddings, Images

PIXELS = "pixels:"  # before the name of a data set
LARGEST = 2 << 30  # bytes of raw pixels, in float64 as they are measured


def of_embeddings(path: Path, measuring: Measuring) -> Subject:
    """All rows to be streamed, and a sample of them in memory."""
    from collapse_cli.runs import embeddings

    beside = Path(measuring.labels) if measuring.labels else None
    kept = embeddings.load(path, measuring.samples, measuring.seed, beside)
    facts = identified(path, path, kept.layout) | {"assumed": list(kept.assumed)}
    facts |= {"labels": measuring.labels} if beside else {}
    name = path.absolute().name  # also of "."
    return Subject(name, facts, kept.clean, kept.views, kept.temperature, every=kept.every)


def of_pixels(dataset: str, measuring: Measuring) -> Subject:
    """What the data give without a network: raw pixels as representations, no projections, no views."""
    from collapse_cli import data

    def embedded(split: str) -> Embeddings:
        folder = measuring.data_dir or None
        return _pixels(data.load(dataset, split, data_dir=folder, download=measuring.download), measuring)

    name = f"{PIXELS}{dataset}"
    facts = {"path": name, "layout": "pixels"}
    return Subject(name, facts, embedded(measuring.split), None, None, split=embedded)


def _pixels(images: Images, measuring: Measuring) -> Embeddings:
    """Pictures in [0, 1], flattened (N,C*H*W) float32, read in chunks."""
    import torch

    from collapse_cli import embedding, shapes

    index = embedding.sample(images, measuring.samples, measuring.seed)
    width = math.prod(images.shape)
    if 8 * len(index) * width > LARGEST:
        raise CollapseError(
            f"{len(index)} pictures of {width} pixels are more than {LARGEST >> 30} GiB in float64",
            f"lower --samples to {LARGEST // (8 * width)}",
        )
    rows = torch.empty(len(index), width)
    for start in range(0, len(index), embedding.CHUNK):
        chunk = index[start : start + embedding.CHUNK]
        rows[start : start + len(chunk)] = embedding.take(images, chunk, rows.device).flatten(1).div(255)
    labels = None if images.labels is None else images.labels[index]
    return shapes.Embeddings(rows, None, labels, index, images.classes, images.name)
