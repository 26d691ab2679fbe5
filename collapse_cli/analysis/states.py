"""Rows -> what is kept of them, in a file that merges with others; and such files -> a Subject that is measured as rows are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collapse_cli import distributed
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.metrics.passes import at_once, is_many, worker_count
from collapse_cli.metrics.row_sample import limit, row_keys
from collapse_cli.metrics.state import Growing, State, grown
from collapse_cli.metrics.threads import in_turn
from collapse_cli.progress import Progress, counted, silent
from collapse_cli.runs import state_files
from collapse_cli.runs.codes import Codes
from collapse_cli.runs.shards import Shards
from collapse_cli.runs.source import digest
from collapse_cli.runs.states import Labelled, Part, SavedState, Settings
from collapse_cli.shapes import Embeddings, Rows

UNMERGED = ("groups", "second", "views_of", "centre")  # options of what needs all rows at once
PART = "a state is of a part of them"


@dataclass(frozen=True)
class KeptRows:
    """In place of rows (N,D) of which a state is left: their shape."""

    shape: tuple[int, int]

    def __getitem__(self, chosen: slice | Tensor) -> Tensor:
        """Raises CollapseError: they are not there."""
        raise CollapseError(
            "a state holds a sample of its embeddings, and this needs all of them",
            "measure the embeddings themselves",
        )


def state_of(subject: Subject) -> SavedState:
    """What is kept of all embeddings of an input. Raises CollapseError for a network, and for what cannot be merged."""
    if subject.case is not None or subject.raw:
        raise CollapseError(
            f"a state is made of a file of embeddings, and {subject.name} is none",
            "save its embeddings first: collapse embed writes an .npz",
        )
    _refuse_options(subject.measuring, UNMERGED, PART)
    if subject.groups is not None:
        raise CollapseError(f"groups need all embeddings at once, and {PART}", "leave out groups")
    if subject.states:
        raise CollapseError(f"{subject.name} is a state already", "collapse merge writes several as one")
    with concerning(subject.name):
        parts = list(_parts(subject))
        width = max(rows.shape[1] for rows in subject.rows.values())
        mine = distributed.share(subject.count, at_once(width))
        if mine is None:
            return _state_of_parts(subject, parts, 0)
        every = distributed.shared(
            lambda: _state_of_parts(subject, parts_within(parts, mine), mine.start) if mine else None
        )
        return reduce(SavedState.merged, (each for each in every if each))


def parts_within(parts: Sequence[Part], chosen: range) -> list[Part]:
    """What of the parts, one below the other, lies in a range of all rows."""
    begins, inside = 0, []
    for part in parts:
        first, last = max(chosen.start - begins, 0), min(chosen.stop - begins, part.count)
        if first < last:
            inside.append(replace(part, first=part.first + first, count=last - first))
        begins += part.count
    return inside


def _refuse_options(measuring: Measuring, names: Sequence[str], why: str) -> None:
    for option in (f"--{name.replace('_', '-')}" for name in names if getattr(measuring, name)):
        raise CollapseError(f"{option} needs all embeddings at once, and {why}", f"leave out {option}")


def only_one(loaded: Sequence[Subject]) -> Subject:
    """Raises CollapseError for several inputs, of which one state would say nothing."""
    if len(loaded) > 1:
        raise CollapseError(
            "--save-state takes one INPUT", "save a state of each, and merge those that belong together"
        )
    return loaded[0]


def _state_of_parts(subject: Subject, parts: Sequence[Part], begins: int) -> SavedState:
    """Of the rows from `begins` on that are in the parts."""
    measuring, rows = subject.measuring, subject.rows
    settings = Settings(measuring.seed, measuring.unpack, measuring.column)
    most = limit(tuple(each.shape[1] for each in rows.values()))
    count, width = sum(part.count for part in parts), max(each.shape[1] for each in rows.values())
    many = is_many(count, width)
    workers = [
        {space: Growing(each.shape[1], each[0:1].dtype, most, many) for space, each in rows.items()}
        for _ in range(worker_count(count, width) if many else 1)
    ]
    read = (
        (keys, {space: each[start:stop] for space, each in rows.items()})
        for start, stop, keys in _blocks(parts, begins, settings.seed, width)
    )
    in_turn(read, [partial(_add, worker) for worker in workers], torch.get_num_threads())
    spaces = {space: grown([worker[space] for worker in workers]) for space in rows}
    labels, codes = _labelled(subject, parts, begins, settings.seed, spaces["h"]), subject.codes
    return SavedState(
        spaces, tuple(parts), settings, labels, (codes.kind, codes.unpacked) if codes else ("", "")
    )


def _add(worker: Mapping[str, Growing], block: tuple[Tensor, Mapping[str, Tensor]]) -> None:
    keys, rows = block
    for space, each in rows.items():
        worker[space].add(each, keys)


def _parts(subject: Subject) -> Iterator[Part]:
    """The files of the rows, in their order; what is in memory is one."""
    rows = subject.rows["h"]
    if isinstance(rows, Shards):
        for file, (start, end) in zip(rows.files, pairwise(rows.starts), strict=True):
            yield Part(file.name, digest(file), 0, end - start)
        return
    stated = subject.facts.get("sha256")
    name = Path(str(subject.facts["path"])).absolute().name if stated else subject.name
    yield Part(name, str(stated or _content(subject.rows)), 0, rows.shape[0])


def _content(rows: Mapping[str, Rows]) -> str:
    """SHA-256 of rows in memory."""
    together = sha256()
    for space, each in rows.items():
        tensor = each[0 : each.shape[0]].contiguous()
        together.update(f"{space} {tuple(tensor.shape)} {tensor.dtype}\0".encode())
        together.update(tensor.view(torch.uint8).numpy().data)
    return together.hexdigest()


def _blocks(parts: Sequence[Part], begins: int, seed: int, width: int) -> Iterator[tuple[int, int, Tensor]]:
    """Where each block begins and ends among all rows, and the keys of its rows."""
    size, blocks = at_once(width), []
    for part in parts:
        for first in range(0, part.count, size):
            count = min(size, part.count - first)
            blocks.append((part, begins + first, part.first + first, count))
        begins += part.count
    for part, start, first, count in counted(blocks, "rows read", lambda block: block[3]):
        yield start, start + count, row_keys(part.identity, seed, first, count)


def _labelled(
    subject: Subject, parts: Sequence[Part], begins: int, seed: int, state: State
) -> Labelled | None:
    """Labels of a state's sample, and how many rows each class has."""
    labels, classes = subject.all_labels, subject.clean.classes
    if labels is None or not classes:
        return None
    numbers = torch.where((labels >= 0) & (labels < len(classes)), labels, -1)  # (N,)
    sampled = torch.full_like(state.keys, -1)
    for start, stop, keys in _blocks(parts, begins, seed, 1):
        place = torch.searchsorted(state.keys, keys).clamp_max(len(state.keys) - 1)
        held = state.keys[place] == keys
        sampled[place[held]] = numbers[start:stop][held]
    numbers = numbers[begins : begins + sum(part.count for part in parts)]
    counts = torch.bincount(numbers[numbers >= 0], minlength=len(classes)).tolist()
    return Labelled(tuple(classes), dict(zip(classes, counts, strict=True)), sampled)


def subject_of(saved: SavedState, name: str, facts: Mapping[str, Any], measuring: Measuring) -> Subject:
    """A state, to be measured as the rows would be: the spectrum of all of them, all else of its sample.

    Its seed is that of the sample, and of all nulls.
    """
    measuring = replace(measuring.settled(""), seed=saved.settings.seed)
    labels = saved.labels
    rows = {space: state.rows[: measuring.samples] for space, state in saved.spaces.items()}
    floats = {space: each if each.dtype == torch.float64 else each.float() for space, each in rows.items()}
    count = len(floats["h"])
    clean = Embeddings(
        floats["h"], floats.get("z"), None if labels is None else labels.sampled[:count], torch.arange(count),
        labels.classes if labels else (), name,
    )  # fmt: skip
    streamed = {space: KeptRows((state.count, state.width)) for space, state in saved.spaces.items()}
    story = (f"{facts['path']}: {saved.layout}, a sample of {len(saved.spaces['h'].rows):,} of them in it",)
    stated = {
        **facts,
        "layout": saved.layout,
        "parts": [f"{part.name} ({part.count:,})" for part in saved.parts],
    }
    codes = Codes(*saved.codes) if saved.codes[0] else None
    return Subject(name, stated, clean, measuring, streamed, states=saved.spaces, story=story, codes=codes)


def loaded(path: Path, measuring: Measuring, facts: Mapping[str, Any]) -> Subject:
    """The state in a file. Raises CollapseError for options that need all embeddings."""
    _refuse_options(measuring, (*UNMERGED, "labels"), "a state holds a sample of them")
    return subject_of(state_files.load(path), path.absolute().name, {"path": str(path), **facts}, measuring)


def saved_as(subject: Subject, path: Path) -> Subject:
    """An input as the state that is now in the file `path`, where it is measured as it will be after merging."""
    saved = state_of(subject)
    state_files.save(path, saved)
    facts = {key: value for key, value in subject.facts.items() if key != "layout"}
    return replace(subject_of(saved, subject.name, facts, subject.measuring), story=())


def merged(paths: Sequence[Path], out: Path | None = None, progress: Progress = silent) -> Subject:
    """Several states as one, which is saved as `out` where that is named. Raises CollapseError for those that do not fit."""
    if not paths:
        raise CollapseError("there is no state to merge", "name the files that --save-state wrote")
    whole = state_files.load(paths[0])
    for path in paths[1:]:
        other = state_files.load(path)
        with concerning(str(path)):
            whole = whole.merged(other)
    if out is not None:
        state_files.save(out, whole)
    name = out.name if out else paths[0].name if len(paths) == 1 else f"merge of {len(paths)} states"
    facts = {"path": str(out or name)} | ({"sha256": digest(out)} if out else {})
    subject = subject_of(whole, name, facts, Measuring())
    for line in subject.story:
        progress(line)
    return subject
