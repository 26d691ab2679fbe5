"""What a path is: decided here alone. A file is read once and hashed once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from collapse_cli import remote
from collapse_cli.analysis import networks, stored, texts
from collapse_cli.analysis import states as kept
from collapse_cli.analysis.grouping import grouped
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.paired import paired
from collapse_cli.analysis.subject import Subject, about_mean
from collapse_cli.errors import CollapseError
from collapse_cli.printable import as_shown
from collapse_cli.progress import Progress, silent
from collapse_cli.runs import (
    checkpoint,
    embeddings,
    folders,
    monitor_lines,
    states,
    text_encoders,
    unread,
    weight_folders,
)
from collapse_cli.runs.source import Source
from collapse_cli.walks import refuse_impossible

PIXELS = "pixels:"  # before the name of a data set


class Kind(Enum):
    """What an input may be."""

    ANSWER = "an answer that was saved with --json"
    STATE = "a state of embeddings"
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

    @property
    def name(self) -> str:
        """What it is called: a set of a folder by what tells it from the others, all else by the name of its path."""
        return self.source.whole.name if self.source.whole else self.path.absolute().name


Loaded = Path | Recognised | Subject
"""What a command takes: a path, a set of a folder, or what was loaded already."""


def recognise(path: Path, column: str = "") -> Recognised:
    """column: which columns of a table are the embeddings.

    Raises CollapseError for a folder that holds neither a run nor embeddings, and for what cannot be read.
    """
    path = remote.local_path(path)
    refuse_impossible(str(path))
    if str(path).startswith(PIXELS):
        return Recognised(path, Kind.PIXELS, Source(path))
    if path.suffix == ".json":
        return Recognised(path, Kind.ANSWER, Source(path))
    source = Source(path, column)
    if states.is_at(path):
        return Recognised(path, Kind.STATE, source)
    if source.is_network:
        return Recognised(path, Kind.FOREIGN, source)
    if embeddings.are_at(source):
        return Recognised(path, Kind.EMBEDDINGS, source)
    if path.is_dir():
        if not (path / "checkpoint.pt").exists():
            unread.refuse(path)
            weight_folders.refuse_without_weights(path)
            monitor_lines.refuse_alone(path)
            raise CollapseError(
                f"{path} is a folder without a checkpoint.pt, and contains no .npy and no .parquet{_but(path)}",
                "give a run folder, a checkpoint, or embeddings",
            )
        return Recognised(path, Kind.RUN, Source(path / "checkpoint.pt"))
    kind = Kind.CHECKPOINT if checkpoint.is_ours(source) else Kind.FOREIGN
    return Recognised(path, kind, source)


def expanded(inputs: Sequence[Loaded], measuring: Measuring) -> list[Loaded]:
    """The same, with the sets of a folder that holds several in place of the folder.

    Raises CollapseError for a folder of more sets than are measured side by side, for what cannot be read, where one file of
    labels would stand for several inputs, and where --column fits none of them.
    """
    sets = [part for each in inputs for part in (_sets(each) if isinstance(each, Path) else [each])]
    _refuse_unfit(measuring, sets)
    return sets


def _refuse_unfit(measuring: Measuring, inputs: Sequence[Loaded]) -> None:
    """Raises CollapseError where labels of one file would stand for several inputs, and where --column fits none of them."""
    if (
        measuring.labels
        and not measuring.dataset
        and sum(not isinstance(each, Subject) for each in inputs) > 1
    ):
        raise CollapseError(
            "--labels are those of one INPUT",
            "give a single INPUT with --labels, or name the images of all networks with --dataset",
        )
    tables = (isinstance(each, Path) and Source(remote.local_path(each)).has_columns for each in inputs)
    if measuring.column and not any(tables):
        names = ", ".join(str(each) if isinstance(each, Path) else each.name for each in inputs)
        raise CollapseError(f"--column goes with a table, but {names} is not a table", "leave out --column")


def _sets(path: Path) -> Sequence[Loaded]:
    """One recognised input for each set of a folder, and the path itself where it is one input."""
    path = remote.local_path(path)
    source = Source(path)
    if not path.is_dir() or (path / "checkpoint.pt").exists() or source.is_table or source.is_network:
        return [path]
    if not embeddings.are_at(path):
        files = [
            file for file in path.iterdir() if file.suffix in embeddings.BY_NAME and embeddings.are_at(file)
        ]
        return folders.apart(path, files) or [path]
    sets = folders.parts(path)
    folders.refuse_too_many(path, sets)
    if len(sets) == 1:
        return [path]
    return [Recognised(part.path, Kind.EMBEDDINGS, Source(part.path, whole=part)) for part in sets]


def _but(folder: Path) -> str:
    """What a folder holds instead, in words."""
    names = sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))[:4]
    return f", only {', '.join(names[:3])}{' …' if len(names) > 3 else ''}" if names else ""


def load(input: Path | Recognised, measuring: Measuring, progress: Progress = silent) -> Subject:
    """One input, read and embedded; what it is, and what was assumed of it, is told to `progress`."""
    if isinstance(input, Path):
        _refuse_unfit(measuring, [input])
        input = recognise(input, measuring.column)
    recognised = input
    if measuring.unpack != "none" and recognised.kind is not Kind.EMBEDDINGS:
        raise CollapseError(
            f"--unpack goes with embeddings, but {recognised.path} is not a file of embeddings",
            "leave out --unpack",
        )
    subject = _identified(_subject(recognised, measuring), recognised)
    for line in subject.story:
        progress(line)
    return subject


def load_all(inputs: Sequence[Loaded], measuring: Measuring, progress: Progress = silent) -> list[Subject]:
    """Every input, as many for a folder as it holds sets; what they are is told once all are read."""
    recognised = [
        recognise(each, measuring.column) if isinstance(each, Path) else each
        for each in expanded(inputs, measuring)
    ]
    subjects = [each if isinstance(each, Subject) else load(each, measuring) for each in recognised]
    fresh = [subject for subject in subjects if not any(subject is each for each in recognised)]
    for line in (line for subject in fresh for line in subject.story):
        progress(line)
    return subjects


def _identified(subject: Subject, recognised: Recognised) -> Subject:
    """With the address, size and tag of an input that lies elsewhere; without the digest of one that is read in parts."""
    elsewhere = remote.origin(recognised.path)
    if elsewhere is None:
        return subject
    facts = {k: v for k, v in subject.facts.items() if k != "sha256" or not recognised.source.in_parts}
    return replace(subject, facts={**facts, "path": as_shown(str(facts["path"])), **elsewhere.facts()})


def _subject(recognised: Recognised, measuring: Measuring) -> Subject:
    source = recognised.source if recognised.kind is Kind.EMBEDDINGS else None
    return finished(grouped(_ungrouped(recognised, measuring), source), source)


def finished(subject: Subject, source: Source | None = None) -> Subject:
    """With the views that were named, and about the mean if that was asked for. source: the file that it was read from."""
    viewed = paired(subject, source)
    return about_mean(viewed) if subject.measuring.centre else viewed


def _ungrouped(recognised: Recognised, measuring: Measuring) -> Subject:
    path, source = recognised.path, recognised.source
    match recognised.kind:
        case Kind.ANSWER:
            unread.refuse_json(path)
            raise CollapseError(
                f"{path} is a saved answer, of which nothing more can be measured",
                "`collapse compare` and `collapse check` take answers; here, give the run or the embeddings",
            )
        case Kind.STATE:
            return kept.loaded(path, measuring, {"sha256": source.sha256})
        case Kind.EMBEDDINGS:
            return stored.of_embeddings(source, measuring)
        case Kind.PIXELS:
            return stored.of_pixels(str(path).removeprefix(PIXELS), measuring)
        case Kind.FOREIGN:
            of_folder = texts.of_folder if text_encoders.is_at(source.path) else networks.of_foreign
            return of_folder(source, measuring)
    return networks.of_checkpoint(path, source, measuring)
