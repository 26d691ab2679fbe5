"""A path typed by the user -> what can be measured: the kind is recognised, said, and embedded."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_cli import results
from collapse_cli.commands import options
from collapse_cli.commands.options import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record
from collapse_cli.views import Output, show

if TYPE_CHECKING:
    from torch import Tensor

    from collapse_cli.causes import Case
    from collapse_cli.models.momentum import KeyQueue
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Embeddings, Images, Rows

VIEWED = 2000  # pictures whose augmented pairs are embedded
PIXELS = "pixels:"  # before the name of a data set
LARGEST = 2 << 30  # bytes of raw pixels, in float64 as they are measured


@dataclass(frozen=True)
class Subject:
    """One input: clean embeddings and, where they can be had, those of two augmented views; the checkpoint it came from.

    split: embeds another split of the same data set by name; None where there are only these rows.
    many_views: (q, n) -> q augmented views of the same n pictures, by the recipe; None where there is no network.
    every: all rows of a file by space, streamed from disk, of which `clean` holds a sample where they are many.
    case: the network itself with its pictures, and what is known of its training; None where there is no network.
    """

    name: str
    facts: Mapping[str, Any]  # for the JSON's `inputs`
    clean: Embeddings
    views: tuple[Embeddings, Embeddings] | None
    temperature: float | None
    checkpoint: Checkpoint | None = None
    record: Record | None = None
    split: Callable[[str], Embeddings] | None = None
    many_views: Callable[[int, int], tuple[Embeddings, ...]] | None = None
    recipe: str = ""
    every: Mapping[str, Rows] = field(default_factory=dict)
    case: Case | None = None

    @property
    def rows(self) -> Mapping[str, Rows]:
        """All that can be read in one pass, by space."""
        return self.every or self.clean.spaces

    @property
    def count(self) -> int:
        return self.rows["h"].shape[0]

    @cached_property
    def untrained(self) -> Mapping[str, Tensor]:
        """The clean rows as the same network had them before training, by space; empty where that network is not known."""
        from collapse_cli.embedding import embed

        fresh = self.case.untrained if self.case else None
        if self.case is None or fresh is None:
            return {}
        return embed(fresh, self.case.images, self.case.normalisation, self.clean.index).spaces

    @cached_property
    def redrawn(self) -> Mapping[str, Tensor]:
        """The clean rows as another library's network gives them with its weights drawn anew, and batch norm settled on them."""
        from torch import nn

        from collapse_cli.embedding import CHUNK, embed, take
        from collapse_cli.models.batch_norm import settle
        from collapse_cli.models.rebuilt import redrawn

        if self.case is None:
            return {}
        network: Any = self.case.method
        device = next(network.parameters()).device
        fresh: Any = redrawn(network, self.case.seed).to(device)
        images, normalisation = self.case.images, self.case.normalisation
        some = self.clean.index[: 4 * CHUNK].to(device).split(CHUNK)
        pictures = (normalisation(take(images, chunk, device) / 255) for chunk in some)
        settle(nn.Sequential(fresh.encoder, fresh.projector), pictures)
        return embed(fresh, images, normalisation, self.clean.index).spaces

    @property
    def queue(self) -> KeyQueue | None:
        """The run's own queue, where its method keeps one."""
        return getattr(self.checkpoint.method, "queue", None) if self.checkpoint else None


def subjects(paths: Sequence[Path], measuring: Measuring, quiet: bool, views: bool = False) -> list[Subject]:
    """Every input, read and embedded; views: augmented pairs too. What it is, and what was assumed of it, is said."""
    if measuring.labels and len(paths) > 1:
        raise CollapseError("--labels are those of one file of embeddings", "give one INPUT with them")
    found = [_subject(path, measuring, views) for path in paths]
    for subject in () if quiet else found:
        what = [str(subject.facts[key]) for key in ("layout", "method") if key in subject.facts]
        print(
            f"{subject.facts['path']}: {', '.join(what)}; {subject.count:,} of {subject.clean.source}",
            file=sys.stderr,
        )
        for said in subject.facts.get("assumed", ()):
            print(f"  {said}", file=sys.stderr)
    return found


def _subject(path: Path, measuring: Measuring, views: bool) -> Subject:
    from collapse_cli.runs import embeddings

    if embeddings.are_at(path):
        return _of_embeddings(path, measuring)
    if measuring.labels:
        raise CollapseError(f"--labels go with embeddings, {path} is none", "pictures have their own")
    if str(path).startswith(PIXELS):
        return _of_pixels(str(path).removeprefix(PIXELS), measuring)
    folder = path.is_dir()
    if folder and not (path / "checkpoint.pt").exists():
        raise CollapseError(
            f"{path} is a folder without a checkpoint.pt, and holds no .npy",
            "give a run folder, a checkpoint, or embeddings",
        )
    if folder or ours(path):
        return _of_checkpoint(path, path / "checkpoint.pt" if folder else path, measuring, views)
    return _of_foreign(path, measuring, views)


def _of_embeddings(path: Path, measuring: Measuring) -> Subject:
    """All rows to be streamed, and a sample of them in memory."""
    from collapse_cli.runs import embeddings

    beside = Path(measuring.labels) if measuring.labels else None
    kept = embeddings.load(path, measuring.samples, measuring.seed, beside)
    facts = identified(path, path, kept.layout) | {"assumed": list(kept.assumed)}
    facts |= {"labels": measuring.labels} if beside else {}
    name = path.absolute().name  # also of "."
    return Subject(name, facts, kept.clean, kept.views, kept.temperature, every=kept.every)


def sampled(found: Sequence[Subject]) -> list[str]:
    """Of how many rows no more than a sample was measured, for the warnings of a command that holds them in memory."""
    return [
        f"{subject.name}: {len(subject.clean):,} of {subject.count:,} rows, drawn without replacement; --samples takes more"
        for subject in found
        if len(subject.clean) < subject.count
    ]


def _of_pixels(dataset: str, measuring: Measuring) -> Subject:
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


def _of_checkpoint(path: Path, file: Path, measuring: Measuring, views: bool) -> Subject:
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
    temperature = getattr(kept.run.own, "temperature", None)
    return Subject(
        name, facts, clean, pair, temperature, kept, record,
        split=lambda name: embedded(pictures(kept, measuring, name)),
        many_views=lambda q, n: many_views(*of, _some(clean, n, measuring.seed), *view, q), recipe=view[0],
        case=Case(*of, *view, Trained(kept.run, kept.data, kept.state.epoch), measuring.samples),
    )  # fmt: skip


def ours(path: Path) -> bool:
    """Whether a file is a checkpoint of ours; what cannot be read as one may still be another library's."""
    from collapse_cli.runs import checkpoint

    try:
        return "collapse_format" in checkpoint.read(path)
    except CollapseError:
        return False


def _of_foreign(path: Path, measuring: Measuring, views: bool) -> Subject:
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


def identified(path: Path, file: Path, layout: str) -> dict[str, Any]:
    """file: what is hashed; of a folder, the names and contents of its shards."""
    return {"path": str(path), "sha256": _hashed(file).hexdigest(), "layout": layout}


def _hashed(file: Path) -> Any:
    from collapse_cli.runs.shards import shards_in

    if not file.is_dir():
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256")
    together = hashlib.sha256()
    for shard in shards_in(file):
        together.update(shard.name.encode() + b"\0" + _hashed(shard).digest())
    return together


def finish(
    command: str,
    entries: Sequence[dict[str, Any]],
    found: Sequence[Subject],
    output: Output,
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """Show the answer, and keep it in the run folder when it is about one run."""
    document = answer(command, entries, [subject.facts for subject in found], warnings)
    if len(found) == 1 and found[0].record:
        found[0].record.keep(document)
    show(document, output)
    return document


def answer(
    command: str,
    entries: Sequence[dict[str, Any]],
    inputs: Sequence[Mapping[str, Any]] = (),
    warnings: Sequence[str] = (),
) -> dict[str, Any]:
    """The document of a command of this process."""
    return results.answer(
        command, entries, argv=sys.argv[1:], version=version(), inputs=inputs, warnings=warnings
    )


def version() -> str:
    from importlib.metadata import version

    return version("collapse-cli")
