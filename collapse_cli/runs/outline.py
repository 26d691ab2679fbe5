"""What is in a file of torch.save or safetensors, by names, types and shapes, before torch is loaded: it takes seconds.

No tensor is read, and no code of the file is run. What this cannot read, `reader` may.
"""

from __future__ import annotations

import io
import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collapse_cli.runs import unpickled
from collapse_cli.runs.unpickled import Table
from collapse_cli.runs.zips import Archive

FORMAT = 1  # of our checkpoints
ENTRY = "/data.pkl"  # of an archive of torch.save
HEADER, PICKLE = 1 << 26, 1 << 24  # bytes of names, at most


@dataclass(frozen=True)
class Shape:
    """What stands for a tensor: its sizes."""

    sizes: tuple[int, ...]

    @property
    def numbers(self) -> int:
        return math.prod(self.sizes)


def _shape(storage: Any, offset: int, sizes: Any, *others: Any) -> Shape:
    return Shape(tuple(sizes))


def _of_parameter(tensor: Any, *others: Any) -> Any:
    return tensor


def _of_class(function: Any, kind: Any, arguments: Any, *others: Any) -> Shape:
    return _shape(*arguments)


TABLE = Table(
    {
        **{f"torch._utils._rebuild_tensor{version}": _shape for version in ("", "_v2", "_v3")},
        "torch._utils._rebuild_parameter": _of_parameter,
        "torch._utils._rebuild_parameter_with_state": _of_parameter,
        "torch._tensor._rebuild_from_type_v2": _of_class,
        "collections.OrderedDict": lambda *_: OrderedDict(),
        "collections.defaultdict": lambda *_: {},
    }
)
"""Dicts and plain types as they are, a `Shape` for each tensor, an `Inert` for all else."""


def outline(path: Path) -> Mapping[str, Any] | None:
    """The dict of a file by name, or None: for what is none, is damaged, or was written before 2020."""
    try:
        if path.suffix == ".safetensors":
            return _of_safetensors(path)
        archive = Archive(path)
        (name,) = (name for name in archive.members if name.endswith(ENTRY))
        if archive.members[name].file_size > PICKLE:
            return None
        content = unpickled.read(io.BytesIO(archive.read(name)), TABLE)
    except Exception:  # a damaged file may trip its reader over anything; whoever reads it says over what
        return None
    return content if isinstance(content, Mapping) else None


def _of_safetensors(path: Path) -> Mapping[str, Any] | None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length)) if length <= HEADER else {}
    return {
        name: Shape(tuple(facts["shape"])) for name, facts in header.items() if name != "__metadata__"
    } or None


def is_of_format(content: Mapping[str, Any]) -> bool:
    """Whether a file holds a checkpoint of ours that this version reads."""
    version = content.get("collapse_format")
    return type(version) is int and version == FORMAT


def is_whole(path: Path) -> bool:
    """Whether every part of an archive is as it was written, as far as it has checksums."""
    return next(Archive(path).damaged(), None) is None


def holds_weights(content: Mapping[str, Any]) -> bool:
    """Whether a dict, or one in it, holds matrices or kernels under names that only layers of a network have."""
    return any(name.endswith(".weight") and len(shape.sizes) > 1 for name, shape in _tensors(content, 3))


def _tensors(content: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Shape]]:
    for name, value in content.items():
        if isinstance(value, Shape):
            yield str(name), value
        elif isinstance(value, Mapping) and depth:
            yield from _tensors(value, depth - 1)
