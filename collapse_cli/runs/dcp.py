"""A folder that torch.distributed.checkpoint wrote -> what was saved, by name, without running code from it.

`.metadata` is a pickle that says of which parts each tensor is made, and where they lie in the files beside it; each part is what
torch.save wrote. The states of optimizers, which are most of such a folder, are left where they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import archives, shell, storages, unpickled, zips
from collapse_cli.runs.inert import Inert
from collapse_cli.runs.others.array_names import is_aside
from collapse_cli.runs.reader import Unreadable, damaged, refuse_too_large, size

METADATA = ".metadata"
PARTS = 4096  # of one tensor
SMALL = 1 << 20  # bytes of what is no tensor: an epoch, settings
TABLE = unpickled.Table(
    {"torch.Size": lambda sizes=(): tuple(sizes), "collections.OrderedDict": lambda *_: {}},
    storages.CONSTANTS,
)


@dataclass(frozen=True)
class Part:
    """A part of a tensor: where it begins in it, its sizes, and where its bytes lie."""

    begins: tuple[int, ...]
    sizes: tuple[int, ...]
    place: Mapping[str, Any]


@dataclass(frozen=True)
class Whole:
    """A tensor as the folder declares it."""

    name: str
    sizes: tuple[int, ...]
    dtype: torch.dtype
    parts: tuple[Part, ...]

    @property
    def declared(self) -> int:
        """Bytes of it in memory; none where it is used in its file."""
        return math.prod(self.sizes) * self.dtype.itemsize if len(self.parts) > 1 else 0


def is_at(path: Path) -> bool:
    """Whether a path is such a folder."""
    return path.is_dir() and (path / METADATA).is_file()


def files(folder: Path) -> list[Path]:
    """Everything that belongs to it, in the order of the names."""
    return sorted(file for file in folder.iterdir() if file.name == METADATA or file.suffix == ".distcp")


def parts(folder: Path) -> tuple[Path, ...]:
    """The files with its numbers."""
    return tuple(file for file in files(folder) if file.name != METADATA)


def read(folder: Path) -> dict[str, Any]:
    """Tensors and plain values under the names that they were saved by, in dicts as they were saved.

    Raises CollapseError, with the line that converts the folder, for what cannot be read.
    """
    converted = shell.unused("weights.pt")
    remedy = (
        f"{shell.TRUST}python -m torch.distributed.checkpoint.format_utils dcp_to_torch "
        f"{shell.quoted(folder)} {converted}"
    )
    try:
        return _Folder(folder).content()
    except Unreadable as error:
        raise Unreadable(folder, error.reason, hint=remedy) from None
    except CollapseError:
        raise
    except Exception as error:  # a damaged folder may trip its reader over anything
        raise Unreadable(folder, str(error).strip() or type(error).__name__, hint=remedy) from None


class _Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_too_large(path, size(path / METADATA))
        with (path / METADATA).open("rb") as file:
            about = unpickled.read(file, TABLE).attributes
        self.declared: Mapping[str, Inert] = about["state_dict_metadata"]
        self.paths: Mapping[str, Sequence[Any]] = about.get("planner_data") or {}
        self.places = {
            (index.attributes["fqn"], index.attributes.get("offset")): info.attributes
            for index, info in about["storage_data"].items()
        }
        self.mapped: dict[Path, torch.UntypedStorage] = {}

    def content(self) -> dict[str, Any]:
        """Raises CollapseError where the tensors of several parts do not fit into memory."""
        names = [name for name in self.declared if not is_aside(str(self._path(name)[0]))]
        wholes = {name: self._declared(name) for name in names if "chunks" in self.declared[name].attributes}
        refuse_too_large(self.path, sum(whole.declared for whole in wholes.values()))
        content: dict[str, Any] = {}
        for name in names:
            inner = content
            *above, last = self._path(name)
            for step in above:
                inner = inner.setdefault(step, {})
            inner[last] = self._tensor(wholes[name]) if name in wholes else self._plain(name)
        return content

    def _path(self, name: str) -> Sequence[Any]:
        """The dicts in which something was saved, and its name there; of an optimizer without them, what its name begins with."""
        path: Sequence[Any] = self.paths.get(name, ()) if isinstance(self.paths, dict) else ()
        if path:
            return path
        first, dot, rest = name.partition(".")
        return (first, rest) if dot and is_aside(first) else (name,)

    def _declared(self, name: str) -> Whole:
        about = self.declared[name].attributes
        properties = about["properties"].state
        values = properties.values() if isinstance(properties, dict) else properties
        dtype = next(value for value in values if isinstance(value, torch.dtype))
        chunks = [chunk.attributes for chunk in about["chunks"]]
        parts = (
            Part(chunk["offsets"], chunk["sizes"], self.places[name, chunk["offsets"]]) for chunk in chunks
        )
        whole = Whole(name, about["size"], dtype, tuple(parts))
        for problem in _problems(whole):
            raise ValueError(f"{name} {problem}")
        return whole

    def _tensor(self, whole: Whole) -> Tensor:
        if len(whole.parts) == 1:
            return self._part(whole, whole.parts[0])
        joined = torch.empty(whole.sizes, dtype=whole.dtype)
        for part in whole.parts:
            region = tuple(slice(b, b + s) for b, s in zip(part.begins, part.sizes, strict=True))
            joined[region] = self._part(whole, part)
        return joined

    def _part(self, whole: Whole, part: Part) -> Tensor:
        tensor = self._saved(part.place)
        if not isinstance(tensor, Tensor) or tuple(tensor.shape) != part.sizes or tensor.dtype != whole.dtype:
            raise ValueError(f"a part of {whole.name} is not what {METADATA} declares")
        return tensor

    def _plain(self, name: str) -> Any:
        """What is no tensor, where it is small and can be read: nothing else depends on it."""
        place = self.places.get((name, None))
        if place is None or place["length"] > SMALL:
            return None
        try:
            return self._saved(place)
        except CollapseError:  # it is damaged
            raise
        except Exception:
            return None

    def _saved(self, place: Mapping[str, Any]) -> Any:
        """What torch.save wrote at a place in one of the files."""
        file = self.path / place["relative_path"]
        if not file.resolve().is_relative_to(self.path.resolve()) or not file.is_file():
            raise ValueError(f"there is no {place['relative_path']} in it")
        if place.get("transform_descriptors"):
            raise ValueError("its parts are compressed")
        if file not in self.mapped:
            self.mapped[file] = archives.mapped(file)
        try:
            return archives.read(file, place["offset"], place["length"], self.mapped[file])
        except zips.Damaged as error:
            raise damaged(file, str(error)) from None


def _problems(whole: Whole) -> Iterator[str]:
    """What is wrong with the parts of a tensor: they lie in it, do not overlap, and are all of it."""
    if not 0 < len(whole.parts) <= PARTS:
        yield f"is made of {len(whole.parts):,} parts"
    for part in whole.parts:
        if not len(part.begins) == len(part.sizes) == len(whole.sizes):
            yield "has a part with other axes"
        ends = (b + s for b, s in zip(part.begins, part.sizes, strict=False))
        if min((*part.begins, *part.sizes, 0)) < 0 or any(
            e > s for e, s in zip(ends, whole.sizes, strict=False)
        ):
            yield "has a part that lies outside of it"
        if math.prod(part.sizes) * whole.dtype.itemsize > part.place["length"]:
            yield "has a part that is larger than its bytes"
    if sum(math.prod(part.sizes) for part in whole.parts) != math.prod(whole.sizes):
        yield "is more or less than its parts"
    if any(_overlap(one, other) for one, other in combinations(whole.parts, 2)):
        yield "has parts that overlap"


def _overlap(first: Part, second: Part) -> bool:
    sides = zip(first.begins, first.sizes, second.begins, second.sizes, strict=False)
    return all(a < b + t and b < a + s for a, s, b, t in sides)
