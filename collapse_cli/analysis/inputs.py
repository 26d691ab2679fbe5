"""What a path is: decided here alone. A file is read once and hashed once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from collapse_cli.analysis import networks, stored
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress, silent
from collapse_cli.runs import checkpoint, embeddings, unread
from collapse_cli.runs.source import Source

PIXELS = "pixels:"  # before the name of a data set


class Kind(Enum):
    """What an input may be."""

    ANSWER = "an answer that was saved with --json"
    EMBEDDINGS = "embeddings"
    PIXELS = "raw pixels of a data set"
    RUN = "run folder"
    CHECKPOINT = "collapse checkpoint"
    FOREIGN = "another library's checkpoint"


@dataclass(frozen=True)
class Recognised:
    """A path as it was typed, what it is, and the file that is read: of a run its checkpoint."""

    path: Path
    kind: Kind
    source: Source


def recognise(path: Path, column: str = "") -> Recognised:
    """column: which columns of a table are the embeddings.

    Raises CollapseError for a folder that holds neither a run nor embeddings, and for what cannot be read.
    """
    if str(path).startswith(PIXELS):
        return Recognised(path, Kind.PIXELS, Source(path))
    if path.suffix == ".json":
        return Recognised(path, Kind.ANSWER, Source(path))
    source = Source(path, column)
    if embeddings.are_at(source):
        return Recognised(path, Kind.EMBEDDINGS, source)
    if path.is_dir():
        if not (path / "checkpoint.pt").exists():
            unread.refuse(path)
            raise CollapseError(
                f"{path} is a folder without a checkpoint.pt, and holds no .npy, no .parquet, and no data set of `datasets`",
                "give a run folder, a checkpoint, or embeddings",
            )
        return Recognised(path, Kind.RUN, Source(path / "checkpoint.pt"))
    kind = Kind.CHECKPOINT if checkpoint.is_ours(source) else Kind.FOREIGN
    return Recognised(path, kind, source)


def load(given: Path | Recognised, measuring: Measuring, progress: Progress = silent) -> Subject:
    """One input, read and embedded; what it is, and what was assumed of it, is told to `progress`."""
    recognised = recognise(given, measuring.column) if isinstance(given, Path) else given
    if given is not recognised:
        refuse_unfit(measuring, [given])
    if measuring.labels and recognised.kind is not Kind.EMBEDDINGS:
        raise CollapseError(
            f"--labels go with embeddings, {recognised.path} is none", "images have their own"
        )
    subject = _subject(recognised, measuring)
    for line in subject.story:
        progress(line)
    return subject


def load_all(paths: Sequence[Path], measuring: Measuring, progress: Progress = silent) -> list[Subject]:
    """Every input; what they are is told once all are read."""
    refuse_unfit(measuring, paths)
    subjects = [load(recognise(path, measuring.column), measuring) for path in paths]
    for line in (line for subject in subjects for line in subject.story):
        progress(line)
    return subjects


def refuse_unfit(measuring: Measuring, inputs: Sequence[Any]) -> None:
    """Raises CollapseError where labels of one file would stand for several inputs, and where --column fits none of them."""
    if measuring.labels and len(inputs) > 1:
        raise CollapseError("--labels are those of one file of embeddings", "give one INPUT with them")
    paths = [given for given in inputs if isinstance(given, Path)]
    if measuring.column and not any(Source(path).has_columns for path in paths):
        said = ", ".join(map(str, inputs))
        raise CollapseError(f"--column goes with a table, {said} is none", "leave it out")


def _subject(recognised: Recognised, measuring: Measuring) -> Subject:
    path, source = recognised.path, recognised.source
    match recognised.kind:
        case Kind.ANSWER:
            unread.refuse_json(path)
            raise CollapseError(
                f"{path} is an answer that was saved: nothing more can be measured of it",
                "collapse compare and collapse check take answers; give the run or the embeddings",
            )
        case Kind.EMBEDDINGS:
            return stored.of_embeddings(source, measuring)
        case Kind.PIXELS:
            return stored.of_pixels(str(path).removeprefix(PIXELS), measuring)
        case Kind.FOREIGN:
            return networks.of_foreign(source, measuring)
    return networks.of_checkpoint(path, source, measuring)
