"""A path typed by the user -> what can be measured: the kind is recognised, said, and embedded."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collapse_cli import results
from collapse_cli.commands import options
from collapse_cli.commands.options import Measuring
from collapse_cli.errors import CollapseError
from collapse_cli.runs.record import Record
from collapse_cli.views import Output, show

if TYPE_CHECKING:
    from collapse_cli.models.momentum import KeyQueue
    from collapse_cli.runs.checkpoint import Checkpoint
    from collapse_cli.shapes import Embeddings, Images

VIEWED = 2000  # pictures whose augmented pairs are embedded


@dataclass(frozen=True)
class Subject:
    """One input: clean embeddings and, where they can be had, those of two augmented views; the checkpoint it came from."""

    name: str
    facts: Mapping[str, Any]  # for the JSON's `inputs`
    clean: Embeddings
    views: tuple[Embeddings, Embeddings] | None
    temperature: float | None
    checkpoint: Checkpoint | None = None
    record: Record | None = None

    @property
    def queue(self) -> KeyQueue | None:
        """The run's own queue, where its method keeps one."""
        return getattr(self.checkpoint.method, "queue", None) if self.checkpoint else None


def subjects(paths: Sequence[Path], measuring: Measuring, quiet: bool, views: bool = False) -> list[Subject]:
    """Every input, read and embedded; views: augmented pairs too."""
    found = [_subject(path, measuring, views) for path in paths]
    for subject in () if quiet else found:
        what = [str(subject.facts[key]) for key in ("layout", "method") if key in subject.facts]
        print(
            f"{subject.facts['path']}: {', '.join(what)}; {len(subject.clean)} of {subject.clean.source}",
            file=sys.stderr,
        )
    return found


def _subject(path: Path, measuring: Measuring, views: bool) -> Subject:
    if path.suffix in (".npy", ".npz"):
        return _of_embeddings(path)
    folder = path.is_dir()
    if folder and not (path / "checkpoint.pt").exists():
        raise CollapseError(
            f"{path} is a folder without a checkpoint.pt", "give a run folder, a checkpoint, .npz or .npy"
        )
    return _of_checkpoint(path, path / "checkpoint.pt" if folder else path, measuring, views)


def _of_embeddings(path: Path) -> Subject:
    from collapse_cli.runs import embeddings

    kept = embeddings.load(path)
    layout = "embeddings with views" if kept.views else "embeddings"
    return Subject(path.name, _facts(path, path, layout), kept.clean, kept.views, kept.temperature)


def _of_checkpoint(path: Path, file: Path, measuring: Measuring, views: bool) -> Subject:
    import torch

    from collapse_cli.embedding import embed, pairs, sample
    from collapse_cli.runs import checkpoint

    kept = checkpoint.load(file, options.device(measuring.device))
    images = pictures(kept, measuring)
    index = sample(images, measuring.samples, measuring.seed)
    clean = embed(kept.method, images, kept.normalisation, index)
    pair = None
    if views:
        view = kept.run.training.recipe, kept.run.training.strength
        chosen = torch.randperm(len(index), generator=torch.Generator().manual_seed(measuring.seed))[:VIEWED]
        pair = pairs(
            kept.method, images, kept.normalisation, index[chosen.sort().values], *view, measuring.seed
        )
    record = Record(file.parent) if (file.parent / "run.json").exists() else None
    name = str(file.parent.name if file.name == "checkpoint.pt" else file.name)
    facts = _facts(path, file, "collapse checkpoint")
    facts |= {"epoch": kept.state.epoch, "method": kept.run.method}
    temperature = getattr(kept.run.own, "temperature", None)
    return Subject(name, facts, clean, pair, temperature, kept, record)


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


def _facts(path: Path, file: Path, layout: str) -> dict[str, Any]:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"path": str(path), "sha256": digest, "layout": layout}


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
