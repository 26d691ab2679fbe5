"""Files of torch.save that hold objects beside tensors: the tensors are read, and an `Inert` stands for each object.

Both formats are read here, the archive and that of 2019, for torch's own reader stops at the first name that it does not know.
Tensors of an archive stay on disk until they are used. Nothing is allocated by what a file declares.
"""

from __future__ import annotations

import io
import mmap
import zipfile
from argparse import Namespace
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from collapse_cli.runs import stand_ins, unpickled
from collapse_cli.runs.inert import Inert, Name
from collapse_cli.runs.unpickled import Table, Unfit

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # with which a file of 2019 begins
COUNT = 8  # bytes of the number of elements before each of its storages
ALIGNED = 8  # bytes at whose multiples numbers may be used in place
KINDS = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128,
}  # fmt: skip
TYPES = {
    **{f"{module}.{kind}Storage": dtype for module in ("torch", "torch.cuda") for kind, dtype in KINDS.items()},
    "torch.storage.UntypedStorage": torch.uint8,
}
"""The numbers in a storage, by the name of its class."""

CONSTANTS = {
    f"torch.{name}": value
    for name, value in vars(torch).items()
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme)
}


@dataclass(frozen=True)
class Storage:
    """Bytes of a file, and which numbers they are."""

    dtype: torch.dtype
    content: torch.UntypedStorage


Opened = Callable[[str, int], torch.UntypedStorage]
"""From the key of a storage and its bytes, as the pickle declares them, to the bytes themselves."""


def read(
    path: Path, start: int = 0, length: int | None = None, content: torch.UntypedStorage | None = None
) -> Any:
    """What torch.save wrote into a file, or into `length` bytes of it. content: the file, where it is mapped already.

    Raises ValueError or another Exception where it cannot be read.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        stop = len(whole) if length is None else start + length
        if not 0 <= start <= stop <= len(whole):
            raise ValueError("it ends before its last byte")
        if whole[start : start + 4] == b"PK\x03\x04":
            return _archive(path, whole, start, stop, content)
        whole.seek(start)
        return _of_2019(path, whole)


def mapped(path: Path) -> torch.UntypedStorage:
    """A file in memory as far as it is used. What is changed there is not written."""
    return torch.UntypedStorage.from_file(str(path), False, path.stat().st_size)


def _aligned(whole: torch.UntypedStorage, start: int, stop: int) -> torch.UntypedStorage:
    part = whole[start:stop]
    return part if start % ALIGNED == 0 else part.clone()


def _archive(
    path: Path, whole: mmap.mmap, start: int, stop: int, content: torch.UntypedStorage | None
) -> Any:
    part: Any = path if (start, stop) == (0, len(whole)) else io.BytesIO(whole[start:stop])
    with zipfile.ZipFile(part) as archive:
        members = {member.filename: member for member in archive.infolist()}
        (entry,) = (name for name in members if name.endswith("data.pkl") and name.count("/") == 1)
        folder = entry.removesuffix("data.pkl")
        if folder + "constants.pkl" in members:
            raise ValueError("it is a TorchScript archive")
        if folder + "byteorder" in members and archive.read(folder + "byteorder") != b"little":
            raise ValueError("its numbers have the byte order of another machine")
        if sum(member.file_size for member in members.values()) > stop - start:
            raise ValueError("its parts declare more bytes than it has")
        bytes_of_file = mapped(path) if content is None else content

        def opened(key: str, size: int) -> torch.UntypedStorage:
            member = members[f"{folder}data/{key}"]
            if not 0 <= size <= member.file_size:
                raise ValueError(f"a storage declares {size:,} bytes, but there are {member.file_size:,}")
            if not size:
                return torch.UntypedStorage(0)
            if member.compress_type != zipfile.ZIP_STORED:
                return torch.frombuffer(bytearray(archive.read(member)), dtype=torch.uint8).untyped_storage()
            first = _begins(whole, start + member.header_offset)
            if first + size > stop:
                raise ValueError("a storage ends behind the file")
            return _aligned(bytes_of_file, first, first + size)

        with archive.open(entry) as stream:
            return unpickled.read(io.BytesIO(stream.read()), table(opened))


def _begins(whole: mmap.mmap, header: int) -> int:
    """Where the bytes of a member begin, behind its header, its name, and what else stands there."""
    if whole[header : header + 4] != b"PK\x03\x04":
        raise ValueError("a part of it has no header")
    lengths = (int.from_bytes(whole[header + place : header + place + 2], "little") for place in (26, 28))
    return header + 30 + sum(lengths)


def _of_2019(path: Path, whole: mmap.mmap) -> Any:
    """Three pickles about the format, that of the content, that of the keys of its storages, and these one after another.

    The content is read twice: where the storages lie is known only behind it.
    """
    plain = Table()
    magic, protocol, system = (unpickled.read(whole, plain) for _ in range(3))
    if (magic, protocol) != (MAGIC, PROTOCOL) or not system.get("little_endian", True):
        raise ValueError("it is no file of torch.save that is known")
    begins, sizes = whole.tell(), dict[str, int]()
    unpickled.read(whole, Table(outside=lambda reference: _declared(reference, sizes)))
    places, bytes_of_file = {}, mapped(path)
    for key in unpickled.read(whole, plain):
        first = whole.tell() + COUNT
        places[str(key)] = (first, first + sizes[str(key)])
        if places[str(key)][1] > len(whole):
            raise ValueError("a storage ends behind the file")
        whole.seek(places[str(key)][1])

    def opened(key: str, size: int) -> torch.UntypedStorage:
        first, last = places[key]
        return _aligned(bytes_of_file, first, last) if last > first else torch.UntypedStorage(0)

    whole.seek(begins)
    return unpickled.read(whole, table(opened))


def _declared(reference: Any, sizes: dict[str, int]) -> None:
    """Takes down how many bytes a storage declares."""
    if reference[0] == "storage":
        kind, key, _, count = reference[1:5]
        sizes[str(key)] = max(0, int(count)) * TYPES[kind.name].itemsize


def table(opened: Opened) -> Table:
    """What a pickle of torch.save may call: what makes tensors of storages, plain types, and the stand-ins."""

    def outside(reference: Any) -> Any:
        """A storage, or the class that a file of 2019 names beside its source."""
        if reference[0] == "module":
            return reference[1]
        kind, key, _, count, *view = reference[1:]
        if not isinstance(kind, Name) or kind.name not in TYPES:  # of quantised numbers
            return Inert(str(kind))
        dtype = TYPES[kind.name]
        content = opened(str(key), int(count) * dtype.itemsize)
        if view and view[0]:  # a part of a storage
            _, first, size = view[0]
            content = content[first * dtype.itemsize : (first + size) * dtype.itemsize]
        return Storage(dtype, content)

    return Table(FUNCTIONS, CONSTANTS, STATES, outside)


def _tensor(storage: Any, offset: int, sizes: Any, strides: Any, *others: Any) -> Tensor:
    if len(others) > 2 and others[2]:
        raise Unfit("a view that is conjugate or negative")
    return _typed(storage, offset, sizes, strides, storage.dtype if isinstance(storage, Storage) else None)


def _tensor_of_type(
    storage: Any, offset: int, sizes: Any, strides: Any, grad: Any, hooks: Any, dtype: Any, *others: Any
) -> Tensor:
    return _typed(storage, offset, sizes, strides, dtype)


def _typed(storage: Any, offset: int, sizes: Any, strides: Any, dtype: Any) -> Tensor:
    if not isinstance(storage, Storage) or not isinstance(dtype, torch.dtype):
        raise Unfit("a tensor of numbers that are not known")
    if min((offset, *sizes, *strides)) < 0 or len(sizes) != len(strides):
        raise ValueError(f"a tensor of sizes {tuple(sizes)} and strides {tuple(strides)}")
    return torch.empty(0, dtype=dtype).set_(storage.content, offset, torch.Size(sizes), tuple(strides))


def _same(tensor: Any, *others: Any) -> Any:
    """A Parameter is its tensor."""
    return tensor


def _of_class(function: Any, kind: Any, arguments: Any, state: Any) -> Any:
    """A tensor of another class, or with attributes: the tensor alone."""
    if not isinstance(function, Name) or function.name not in REBUILT:
        raise Unfit("a tensor of a class that is not known")
    return REBUILT[function.name](*arguments)


def _bytes(content: Any = b"", encoding: str = "") -> bytes:
    return content.encode("latin1") if isinstance(content, str) else bytes(_sequence(content))


def _sequence(content: Any) -> Any:
    """The same. Raises Unfit for a number, which would be as many bytes."""
    if not isinstance(content, bytes | bytearray | list | tuple):
        raise Unfit("bytes")
    return content


def _set(members: Any = ()) -> set[Any]:
    return set(map(unpickled.hashable, _sequence(members)))


def _counter(counts: Any = None) -> Counter[Any]:
    return Counter(counts if isinstance(counts, dict) else {})


def _settings(namespace: Namespace, state: Any) -> None:
    vars(namespace).update({name: value for name, value in state.items() if isinstance(name, str)})


REBUILT: Mapping[str, Callable[..., Any]] = {
    **{f"torch._utils._rebuild_tensor{version}": _tensor for version in ("", "_v2")},
    "torch._utils._rebuild_tensor_v3": _tensor_of_type,
    "torch._utils._rebuild_parameter": _same,
    "torch._utils._rebuild_parameter_with_state": _same,
    "torch.nn.parameter.Parameter": _same,
    "torch._utils._rebuild_device_tensor_from_numpy": lambda array, *others: torch.from_numpy(array.copy()),
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _same,
}
FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: stand_in for stand_in, name in stand_ins.allowed()},
    **REBUILT,
    "torch._tensor._rebuild_from_type_v2": _of_class,
    "torch.device": lambda *parts: ":".join(map(str, parts)),
    "torch.Size": lambda sizes=(): torch.Size(_sequence(sizes)),
    "collections.OrderedDict": lambda *_: OrderedDict(),
    "collections.Counter": _counter,
    "_codecs.encode": _bytes,
    "builtins.bytearray": _bytes,
    "builtins.set": _set,
    "builtins.frozenset": lambda members=(): frozenset(_set(members)),
}
STATES: Mapping[type, Callable[[Any, Any], Any]] = {
    stand_ins.Kind: stand_ins.Kind.__setstate__,
    stand_ins.Array: stand_ins.Array.__setstate__,
    Namespace: _settings,
}
