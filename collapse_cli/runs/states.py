"""States of rows on disk: an .npz without pickles that says what it was made of, and merges with those of other rows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from collapse_cli.answers import version
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.state import State

FORMAT = 1  # of the file; one that is read otherwise has another number
MARK = "collapse_state"  # the array that no other .npz has
AGAIN = "make it again: collapse spectrum EMBEDDINGS --save-state FILE"


@dataclass(frozen=True)
class Part:
    """Rows that went into a state: name and SHA-256 of their file, the number of the first one in it, and how many there are."""

    name: str
    sha256: str
    first: int
    count: int

    @property
    def identity(self) -> str:
        """By which its rows are sampled: wherever the file lies, and whatever lies beside it."""
        return f"{self.name}\0{self.sha256}"


@dataclass(frozen=True)
class Settings:
    """What decides which numbers a state has: states that differ in these are not merged."""

    seed: int = 0
    unpack: str = "none"
    column: str = ""


@dataclass(frozen=True)
class Labelled:
    """Labels of rows: how many rows each class has, by its name, and the class of each row of the sample (n,), or -1.

    classes: names in the order of their numbers.
    """

    classes: tuple[str, ...]
    counts: Mapping[str, int]
    sampled: Tensor


@dataclass(frozen=True)
class SavedState:
    """States by space (h, z) of the same rows, and what they were made of.

    codes: what h is where it is whole numbers, and how these were unpacked, as in `codes.Codes`; tool: the version that made it.
    """

    spaces: Mapping[str, State]
    parts: tuple[Part, ...]
    settings: Settings
    labels: Labelled | None = None
    codes: tuple[str, str] = ("", "")
    tool: str = ""

    @property
    def count(self) -> int:
        return self.spaces["h"].count

    @property
    def layout(self) -> str:
        """What it is, in words."""
        files = len({part.identity for part in self.parts})
        return f"state of {self.count:,} embeddings of {files:,} file{'s' if files > 1 else ''}"

    def merged(self, other: SavedState) -> SavedState:
        """Of the rows of both. Raises CollapseError where they differ in what decides, or have rows in common."""
        _refuse_unlike(self, other)
        _refuse_overlap(self.parts, other.parts)
        spaces = {name: state.merged(other.spaces[name]) for name, state in self.spaces.items()}
        parts = _joined((*self.parts, *other.parts))
        labels = _merged_labels(self, other, spaces["h"].keys)
        codes = self.codes if self.codes == other.codes else ("", "")
        return replace(self, spaces=spaces, parts=parts, labels=labels, codes=codes, tool=version())


def _refuse_unlike(first: SavedState, second: SavedState) -> None:
    for what, (one, other) in _differing(first, second).items():
        if one != other:
            raise CollapseError(
                f"states with another {what} cannot be merged: {one} in {_named(first)}, {other} in {_named(second)}",
                "make all of them from embeddings of one kind, with the same options",
            )


def _differing(first: SavedState, second: SavedState) -> dict[str, tuple[Any, Any]]:
    """What must agree, of each, by its name in words."""
    pairs: dict[str, tuple[Any, Any]] = {
        "number of spaces": (", ".join(first.spaces), ", ".join(second.spaces)),
        "--seed": (first.settings.seed, second.settings.seed),
        "--unpack": (first.settings.unpack, second.settings.unpack),
        "--column": (first.settings.column or "none", second.settings.column or "none"),
    }
    for name in sorted(first.spaces.keys() & second.spaces.keys()):
        states = first.spaces[name], second.spaces[name]
        pairs[f"width of {name}"] = (states[0].width, states[1].width)
        pairs[f"type of {name}"] = (_type(states[0].rows), _type(states[1].rows))
        pairs[f"size of the sample of {name}"] = (states[0].limit, states[1].limit)
    return pairs


def _refuse_overlap(first: Sequence[Part], second: Sequence[Part]) -> None:
    by_identity: dict[str, list[Part]] = {}
    for part in first:
        by_identity.setdefault(part.identity, []).append(part)
    for part in second:
        for before in by_identity.get(part.identity, []):
            if part.first < before.first + before.count and before.first < part.first + part.count:
                raise CollapseError(
                    f"{part.name} is in two of the states, and its rows would count twice",
                    "merge states of different files; two files of one name and content count as one",
                )


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """In order, with rows of one file that follow each other in one."""
    joined: list[Part] = []
    for part in sorted(parts, key=lambda part: (part.identity, part.first)):
        last = joined[-1] if joined else part
        if joined and last.identity == part.identity and last.first + last.count == part.first:
            joined[-1] = replace(last, count=last.count + part.count)
        else:
            joined.append(part)
    return tuple(joined)


def _merged_labels(first: SavedState, second: SavedState, keys: Tensor) -> Labelled | None:
    """None unless both have labels: keys (n,) are those of the sample of both."""
    if first.labels is None or second.labels is None:
        return None
    sides = [(side, side.labels) for side in (first, second) if side.labels]
    classes = tuple(sorted({name for _, labels in sides for name in labels.classes}))
    place = {name: number for number, name in enumerate(classes)}
    counts = {name: sum(labels.counts.get(name, 0) for _, labels in sides) for name in classes}
    every_key = torch.cat([side.spaces["h"].keys for side, _ in sides])
    numbers = torch.cat([_renumbered(labels, place) for _, labels in sides])
    order = every_key.argsort(stable=True)[: len(keys)]
    return Labelled(classes, counts, numbers[order])


def _renumbered(labels: Labelled, place: Mapping[str, int]) -> Tensor:
    numbers = torch.tensor([*(place[name] for name in labels.classes), -1])  # the last is that of -1
    return numbers[labels.sampled]


def _named(saved: SavedState) -> str:
    """For a sentence: of which file, or of how many."""
    return f"that of {saved.parts[0].name}" + (" and others" if len(saved.parts) > 1 else "")


def _type(rows: Tensor) -> str:
    return str(rows.dtype).removeprefix("torch.")


def is_at(path: Path) -> bool:
    """Whether a file is a state, also a damaged or newer one; nothing is unpacked."""
    if path.suffix != ".npz" or not path.is_file():
        return False
    with (
        suppress(OSError, zipfile.BadZipFile, ValueError, NotImplementedError),
        zipfile.ZipFile(path) as archive,
    ):
        return f"{MARK}.npy" in archive.namelist()
    return False


def plain(saved: SavedState) -> tuple[dict[str, Any], dict[str, numpy.ndarray]]:
    """As a file holds it: what JSON says, and arrays by name."""
    facts: dict[str, Any] = {
        "format": FORMAT, "tool": saved.tool or version(), "settings": asdict(saved.settings),
        "parts": [asdict(part) for part in saved.parts], "codes": list(saved.codes), "spaces": {},
    }  # fmt: skip
    arrays: dict[str, numpy.ndarray] = {}
    for name, state in saved.spaces.items():
        values, tensors = _of_state(state)
        facts["spaces"][name] = values
        arrays |= {f"{name}.{key}": tensor for key, tensor in tensors.items()}
    if saved.labels:
        facts["classes"] = {each: saved.labels.counts.get(each, 0) for each in saved.labels.classes}
        arrays["labels"] = saved.labels.sampled.numpy()
    return facts, arrays


def _of_state(state: State) -> tuple[dict[str, Any], dict[str, numpy.ndarray]]:
    """Numbers by name, and arrays; bfloat16, which numpy does not have, as whole numbers of the same bits."""
    values: dict[str, Any] = {"type": _type(state.rows), "count": state.count, "more": state.distinct.more}
    tensors = {"distinct.keys": state.distinct.keys, "distinct.counts": state.distinct.counts}
    for name, moments in (("raw", state.raw), ("on_sphere", state.on_sphere)):
        tensors |= {f"{name}.mean": moments.mean, f"{name}.scatter": moments.scatter}
    for field in fields(state):
        value = getattr(state, field.name)
        if isinstance(value, Tensor):
            tensors[field.name] = value
        elif isinstance(value, int | float):
            values[field.name] = value
    return values, {name: _bits(tensor).numpy() for name, tensor in tensors.items()}


def _bits(tensor: Tensor) -> Tensor:
    return tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor
