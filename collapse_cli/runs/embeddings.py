"""Embeddings on disk: an .npz as `collapse embed` writes it, a .npy or a folder of them, .pt, .safetensors, or a table."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.runs import arrays, codes, folders, shards, table_folders
from collapse_cli.runs.arrays import ROWS
from collapse_cli.runs.codes import Codes
from collapse_cli.runs.embedding_set import content, stored, text
from collapse_cli.runs.labels import LabelFile
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Embeddings, Rows, Unpacking

PERHAPS = (".pt", ".pth", ".safetensors")  # embeddings or weights, as their content tells
BY_NAME = (".npz", *PERHAPS)
"""Files that hold arrays by name, and are not joined."""

VIEWS = ("first_", "second_")


@dataclass(frozen=True)
class SavedEmbeddings:
    """The clean embeddings of N images and, where they were kept, those of two augmented views of the same images.

    every: all rows (N,D) by space, read when they are asked for, where `clean` is a sample of them that is held in memory;
    assumed: what was made of a file that could have been read otherwise; codes: what h is where it is whole numbers, else None;
    network: which encoder gave them, by the digest of its weights, empty where that is not known; places: (n,) which rows of the
    file `clean` holds, for its index may number images of a data set; labels: (N,) of every row, where there are any.
    """

    clean: Embeddings
    views: tuple[Embeddings, Embeddings] | None
    temperature: float | None
    every: Mapping[str, Rows] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    shards: int = 1
    codes: Codes | None = None
    network: str = ""
    places: Tensor | None = None
    labels: Tensor | None = None

    @property
    def layout(self) -> str:
        """What it is, in words."""
        parts = f" in {self.shards} shards" if self.shards > 1 else ""
        return f"embeddings{parts}{' with views' if self.views else ''}"


def save(path: Path, embeddings: SavedEmbeddings) -> None:
    """An .npz: representations, projections, labels, index, classes, source, network; first_… and second_… for the views."""
    clean = embeddings.clean
    named: dict[str, Any] = {
        **_arrays("", clean),
        "classes": numpy.array(clean.classes, dtype=str),
        "source": numpy.array(clean.source),
    }
    for name, view in zip(VIEWS, embeddings.views or (), strict=False):
        named |= _arrays(name, view)
    if embeddings.temperature is not None:
        named["temperature"] = numpy.array(embeddings.temperature)
    if embeddings.network:
        named["network"] = numpy.array(embeddings.network)
    with whole(path) as draft, draft.open("wb") as file:
        numpy.savez(file, **named)


def _arrays(prefix: str, embeddings: Embeddings) -> dict[str, Tensor]:
    """One set of embeddings by array name: its rows, and which images of which class they are."""
    named = {
        ROWS: embeddings.representations,
        "projections": embeddings.projections,
        "labels": embeddings.labels,
        "index": embeddings.index,
    }
    return {prefix + name: rows for name, rows in named.items() if rows is not None}


def are_at(place: Path | Source) -> bool:
    """Whether a file or folder holds embeddings; a folder with a checkpoint is a run."""
    source = Source.at(place)
    path = source.path
    if source.whole is None and path.is_dir():
        contents = table_folders.kind(path) or folders.files_in(path)
        return not (path / "checkpoint.pt").exists() and bool(contents)
    return source.holds_rows or (path.suffix in PERHAPS and arrays.are_embeddings(source))


def load(
    place: Path | Source,
    samples: int = sys.maxsize,
    seed: int = 0,
    beside: LabelFile | None = None,
    unpack: Unpacking = "none",
) -> SavedEmbeddings:
    """All rows of a file or folder, read when asked for, and in memory at most `samples`, drawn without replacement.

    Images that have views are drawn first. beside: a file of labels, in place of the file's own; unpack: how whole numbers are
    turned into what they stand for.
    Raises CollapseError for what cannot be read, and for arrays that do not fit one another.
    """
    source = Source.at(place)
    path, (entries, assumed) = source.path, content(source)
    clean = stored(entries, "", path, beside, unpack)
    pair = [
        stored(entries, part, path, unpack=unpack).numbered_as(clean)
        for part in VIEWS
        if f"{part}{ROWS}" in entries
    ]
    if len(pair) == 2:
        _refuse_unpaired(pair[0].index, pair[1].index, path)
    chosen = _drawn(clean.index, pair[0].index if pair else None, samples, seed)
    held = clean.held(chosen)
    views = [view.held(torch.isin(view.index, held.index).nonzero()[:, 0]) for view in pair]
    views = [_labelled_as(held, view) if beside or view.labels is None else view for view in views]
    temperature = _temperature(entries, path)
    both = (views[0], views[1]) if len(views) == 2 else None
    whole = codes.recognise(held.representations, clean.stored, unpack)
    parts = len(entries[ROWS].files) if isinstance(entries[ROWS], shards.Shards) else 1
    assumed += codes.sentences(whole, unpack, entries)
    network = _network(entries)
    return SavedEmbeddings(
        held, both, temperature, clean.spaces, assumed, parts, whole, network, chosen, clean.labels
    )


def _temperature(entries: Mapping[str, Any], path: Path) -> float | None:
    """Raises CollapseError for what is no number above 0."""
    if "temperature" not in entries:
        return None
    try:
        temperature = float(entries["temperature"])
    except (TypeError, ValueError, OverflowError, RuntimeError):
        temperature = math.nan
    if not 0 < temperature < math.inf:
        raise CollapseError(
            f"temperature of {path} is no number above 0",
            "write the file with `collapse embed`, or leave it out",
        )
    return temperature


def _network(entries: Mapping[str, Any]) -> str:
    """What a file of `collapse embed` says of the encoder; another's array of that name says nothing."""
    stated = text(entries.get("network", ""))
    return stated if re.fullmatch(r"[0-9a-f]{64}|raw pixels", stated) else ""


def _labelled_as(clean: Embeddings, view: Embeddings) -> Embeddings:
    """A view, with the labels that its images have among the clean rows, all of which are there."""
    order = clean.index.argsort()
    places = order[torch.searchsorted(clean.index[order], view.index)]
    labels = None if clean.labels is None else clean.labels[places]
    return replace(view, labels=labels, classes=clean.classes)


def _refuse_unpaired(first: Tensor, second: Tensor, path: Path) -> None:
    """Views (n,) of which images these are."""
    if len(first) != len(second):
        raise CollapseError(
            f"{path} has {len(first)} first and {len(second)} second views",
            "write the file with `collapse embed`",
        )
    if not torch.equal(first, second):
        raise CollapseError(
            f"{path} has first and second views of different images", "write the file with `collapse embed`"
        )


def _drawn(index: Tensor, viewed: Tensor | None, samples: int, seed: int) -> Tensor:
    """Places (n,) int64, sorted, of n <= samples rows: images `index` (N,) that are among `viewed` come first."""
    if samples >= len(index):
        return torch.arange(len(index))
    order = torch.randperm(len(index), generator=torch.Generator().manual_seed(seed))
    if viewed is not None:
        order = order[torch.isin(index[order], viewed, invert=True).byte().argsort(stable=True)]
    return order[:samples].sort().values
