"""Embeddings in a file or in memory, or the raw pixels of a data set -> a Subject."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from collapse_cli import embedding, remote
from collapse_cli.analysis import image_sets
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.data.on_demand import prepare
from collapse_cli.data.surveyed import as_needed
from collapse_cli.errors import CollapseError
from collapse_cli.runs import codes, embeddings
from collapse_cli.runs.codes import Codes
from collapse_cli.runs.labels import LabelFile
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings, Framing, Images

LARGEST = 2 << 30  # bytes of raw pixels, in float64 as they are measured


def story(facts: dict[str, Any], count: int, source: str, unknown: Sequence[str] = ()) -> tuple[str, ...]:
    """What an input is, what was assumed of it, and what is not known, a line each. unknown: of what is assumed of a network."""
    what = [str(facts[key]) for key in ("layout", "method") if key in facts]
    network = "architecture" in facts  # what is said of a file of embeddings says itself what it is
    words = {
        each: "not known: " if each in unknown else "assumed: " * network for each in facts.get("assumed", ())
    }
    lines = [f"  {word}{each}" for each, word in words.items()]
    return (f"{facts['path']}: {', '.join(what)}; {count:,} of {source}", *lines)


def of_embeddings(source: Source, measuring: Measuring) -> Subject:
    """All rows to be streamed, and a sample of them in memory."""
    path, measuring = source.path, measuring.settled("")
    named = remote.local_path(Path(measuring.labels), whole=True) if measuring.labels else None
    beside = LabelFile(named, measuring.label_column) if named else None
    if measuring.label_column and not beside:
        raise CollapseError(
            f"--label-column {measuring.label_column} is a column of the file that --labels names, and there is none",
            f"add --labels FILE; where {path} has a column of labels, it is called label",
        )
    stored = embeddings.load(source, measuring.samples, measuring.seed, beside, measuring.unpack)
    facts: dict[str, Any] = {"path": str(path), "sha256": source.sha256, "layout": stored.layout}
    in_order = [f"labels: the rows of {measuring.labels}, in the order of the embeddings"] if beside else []
    facts |= {"assumed": [*stored.assumed, *in_order]} | ({"labels": measuring.labels} if beside else {})
    facts |= _coded(stored.codes)
    facts |= {"column": source.column} if source.column and source.has_columns else {}
    name = source.whole.name if source.whole else path.absolute().name  # also of "."
    facts |= {"part": name} if source.whole else {}
    count = stored.every["h"].shape[0]
    return Subject(
        name, facts, stored.clean, measuring, stored.every, stored.views, stored.temperature, codes=stored.codes,
        stated_network=stored.network, places=stored.places, all_labels=stored.labels,
        story=story(facts, count, stored.clean.source),
    )  # fmt: skip


def of_memory(clean: Embeddings, measuring: Measuring, name: str = "array", kind: str = "float32") -> Subject:
    """Embeddings that are in memory; of more than --samples all are measured. kind: the type that they were given in."""
    measuring = measuring.settled("")
    if measuring.unpack != "none" and codes.is_whole(kind):
        rows = codes.unpacked(clean.representations, kind, measuring.unpack, {}, Path(name))
        clean = replace(clean, representations=rows[: len(clean)])
    whole = codes.recognise(clean.representations, kind, measuring.unpack)
    assumed = codes.sentences(whole, measuring.unpack, {})
    facts = {"path": name, "layout": "embeddings in memory"} | ({"assumed": list(assumed)} if assumed else {})
    facts |= _coded(whole)
    lines = story(facts, len(clean), clean.source)
    return Subject(name, facts, clean, measuring, codes=whole, story=lines, all_labels=clean.labels)


def _coded(whole: Codes | None) -> dict[str, str]:
    """What whole numbers are, and how they were unpacked, among the facts of an input."""
    if whole is None:
        return {}
    return {"codes": whole.kind} | ({"unpacked": whole.unpacked} if whole.unpacked else {})


def of_pixels(dataset: str, measuring: Measuring) -> Subject:
    """What the data give without a network: raw pixels as representations, no projections, no views."""

    def read(split: str) -> Images:
        folder, download = measuring.data_dir, measuring.download
        with as_needed():
            return image_sets.load(dataset, split, measuring, folder, download, Framing())

    def embedded(split: str) -> Embeddings:
        return _pixels(read(split), measuring)

    name, measuring = f"pixels:{dataset}", measuring.settled(dataset)
    facts = {"path": name, "layout": "pixels", "split": measuring.split}
    images = read(measuring.split)
    clean = _pixels(images, measuring)
    return Subject(
        name, facts, clean, measuring, load_split=embedded, raw=True, notes=images.notes, images=images,
        story=story(facts, len(clean), clean.source), available=len(images), count_images=lambda split: len(read(split)),
    )  # fmt: skip


def _pixels(images: Images, measuring: Measuring) -> Embeddings:
    """Images in [0, 1], flattened (N,C*H*W) float32, read in chunks."""
    index = embedding.sample(images, measuring.samples, measuring.seed)
    width = math.prod(images.shape)
    if 8 * len(index) * width > LARGEST:
        raise CollapseError(
            f"{len(index)} images of {width} pixels need more than {LARGEST >> 30} GiB in float64",
            f"lower --samples to {LARGEST // (8 * width)}",
        )
    prepare(images, index)
    rows = torch.empty(len(index), width)
    for start in range(0, len(index), embedding.CHUNK):
        chunk = index[start : start + embedding.CHUNK]
        rows[start : start + len(chunk)] = embedding.take(images, chunk, rows.device).flatten(1).div(255)
    labels = None if images.labels is None else images.labels[index]
    return Embeddings(rows, None, labels, index, images.classes, images.name)
