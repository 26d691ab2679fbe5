"""A network of ours or of another library, and pictures -> a Subject."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_cli.commands import options
from collapse_cli.commands.answers import identified
from collapse_cli.commands.options import Measuring
from collapse_cli.commands.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Embeddings, Images

VIEWED = 2000  # pictures whose augmented pairs are embedded


def of_checkpoint(path: Path, file: Path, measuring: Measuring, views: bool) -> Subject:
    from collapse_cli.causes import Case, Trained
    from collapse_cli.embedding import embed, many_views, pairs, sample
    from collapse_cli.runs import checkpoint

    def embedded(images: Images) -> Embeddings:
        index = sample(images, measuring.samples, measuring.seed)
        return embed(kept.method, images, kept.normalisation, index)

    kept = checkpoint.load(file, options.device(measuring.device))
    images = pictures(kept, measuring)
    clean = embedded(images)
    view = kept.run.training.recipe, kept.run.training.strength, measuring.seed
    of = kept.method, images, kept.normalisation
    pair = pairs(*of, _some(clean, VIEWED, measuring.seed), *view) if views else None
    record = Record(file.parent) if (file.parent / "run.json").exists() else None
    name = str(file.parent.name if file.name == "checkpoint.pt" else file.name)
    facts = identified(path, file, "collapse checkpoint")
    facts |= {"epoch": kept.state.epoch, "method": kept.run.method}
    temperature = kept.method.temperature
    return Subject(
        name, facts, clean, pair, temperature, kept, record,
        split=lambda name: embedded(pictures(kept, measuring, name)),
        many_views=lambda q, n: many_views(*of, _some(clean, n, measuring.seed), *view, q), recipe=view[0],
        case=Case(*of, *view, Trained(kept.run, kept.data, kept.state.epoch), measuring.samples),
    )  # fmt: skip


def of_foreign(path: Path, measuring: Measuring, views: bool) -> Subject:
    """Another library's network, on the pictures that --dataset names, at the side it was trained on where they have none."""
    from collapse_cli import data
    from collapse_cli.causes import Case
    from collapse_cli.embedding import embed, many_views, pairs, sample
    from collapse_cli.runs import foreign

    found = foreign.load(path, measuring)
    if not measuring.dataset:
        raise CollapseError(
            f"{path} ({found.layout}, {found.arch}) needs pictures to be measured on",
            "name them with --dataset; its weights alone: collapse weights",
        )
    device = options.device(measuring.device)
    network: Any = foreign.Frozen(found.encoder, found.projector, found.cluster_head).to(device).eval()

    def load(split: str) -> Images:
        images = data.load(
            measuring.dataset, split, data_dir=measuring.data_dir or None, download=measuring.download, size=found.size
        )  # fmt: skip
        if images.shape[0] != found.channels:
            raise CollapseError(
                f"{images.name} has pictures of {images.shape[0]} channels, {path} takes {found.channels}",
                "choose another --dataset",
            )
        return images

    def embedded(images: Images) -> Embeddings:
        index = sample(images, measuring.samples, measuring.seed)
        return embed(network, images, found.normalisation, index)

    images = load(measuring.split)
    clean, recipe = embedded(images), "digits" if found.channels == 1 else "moco_v2"
    of, view = (network, images, found.normalisation), (recipe, 1.0, measuring.seed)
    pair = pairs(*of, _some(clean, VIEWED, measuring.seed), *view) if views else None
    for said in found.warnings:
        print(f"warning: {path}: {said}", file=sys.stderr)
    known = {"prefix": found.prefix or None, "epoch": found.epoch, "views": recipe if views else None}
    facts = identified(path, path, found.layout) | {
        "architecture": found.arch, "matched": f"{found.matched} of {found.total}",
        **{name: value for name, value in known.items() if value is not None},
        "assumed": [*found.assumed, *found.unknown],
    }  # fmt: skip
    return Subject(
        path.name, facts, clean, pair, None, split=lambda name: embedded(load(name)),
        many_views=lambda q, n: many_views(*of, _some(clean, n, measuring.seed), *view, q), recipe=recipe,
        case=Case(*of, *view, samples=measuring.samples),
    )  # fmt: skip


def _some(clean: Embeddings, count: int, seed: int) -> Tensor:
    """(n,) sorted: the pictures of `clean` of which views are embedded, `count` at most."""
    import torch

    drawn = torch.randperm(len(clean), generator=torch.Generator().manual_seed(seed))[:count]
    return clean.index[drawn.sort().values]


def pictures(kept: Checkpoint, measuring: Measuring, split: str = "") -> Images:
    """The split of the run's data set, or of another of the same shape, on the run's device."""
    from collapse_cli import data

    training = kept.run.training
    images = data.load(
        measuring.dataset or training.dataset, split or measuring.split,
        data_dir=measuring.data_dir or None, download=measuring.download, size=training.size,
    )  # fmt: skip
    if images.shape != kept.shape:
        raise CollapseError(
            f"{images.name} has pictures of {images.shape}, the run saw {kept.shape}",
            "choose another --dataset",
        )
    return images
