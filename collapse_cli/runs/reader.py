"""The one reader of files that hold arrays or tensors.

It runs no code from a file, reads regular files only, and holds what a file declares against the file's size and against
this machine's memory before anything is allocated.
"""

from __future__ import annotations

import io
import math
import stat
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.lib import format as npy

from collapse_cli.errors import CollapseError
from collapse_cli.memory import memory as memory  # blocks asks the same question, by the same name

if TYPE_CHECKING:
    from torch import Tensor

HEADER = 10_240  # bytes in which the header of a .npy ends; numpy refuses longer ones
ZIP = b"PK\x03\x04"  # the first bytes of what torch.save writes since 2020
OBJECTS = "it contains Python objects, which only code can read"
CONTAINERS = 1 << 20  # dicts and lists in one file
DEEP = 100  # of them inside of each other; one that holds itself has no end
warnings.filterwarnings("ignore", "Detected pickle protocol")  # such a file is refused in words of our own


class Unreadable(CollapseError):
    """A file that is damaged or is not what its name says; reason: in the words of the library that could not read it."""

    def __init__(
        self, path: Path, reason: str, words: str = "", hint: str = "copy or download it again"
    ) -> None:
        super().__init__(words or f"{path} cannot be read ({reason})", hint)
        self.path = path
        self.reason = reason

    def wanted_as(self, kind: str, hint: str, reason: str = "") -> Unreadable:
        """The same error as a sentence about what was wanted, with its remedy; reason: to show instead of the whole one."""
        words = f"{self.path} cannot be read as {kind} ({reason or self.reason})"
        return Unreadable(self.path, self.reason, words, hint)


class HoldsObjects(ValueError):
    """An array of Python objects, which are pickled."""


@dataclass(frozen=True)
class Objects:
    """What stands in an archive in place of an array that only code can read."""

    shape: tuple[int, ...]


def size(path: Path) -> int:
    """Bytes of a regular file. Raises CollapseError for what is not there or is not a file, before it is opened."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise CollapseError(f"there is no file {path}", "check the path") from None
    except OSError as error:
        raise Unreadable(path, str(error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise Unreadable(path, "it is a folder")
    if not stat.S_ISREG(status.st_mode):
        problem = f"{path} is a pipe, a socket or a device, not a file"
        raise CollapseError(problem, "write its content to a file, and give that file")
    return status.st_size


def refuse_too_large(path: Path, declared: int) -> None:
    """Raises CollapseError where `declared` bytes do not fit into memory."""
    if declared > memory():
        raise CollapseError(
            f"{path} contains {declared:,} bytes of numbers, but this machine has {memory():,} bytes of memory",
            "save the embeddings as .npy, or as a folder of .npy files, which are read a block at a time",
        )


def read(path: Path) -> Any:
    """What is in a .npz, a .safetensors, or a file of torch.save: a dict by name, or a tensor.

    Tensors stay on disk until they are used, where the format allows it: they are to be copied before they outlive the file,
    and never changed in place. Raises Unreadable, or another CollapseError where the remedy is another.
    """
    readers: dict[str, Callable[[Path], Any]] = {".npz": arrays, ".safetensors": safetensors}
    return readers.get(path.suffix, pickled)(path)


def mapped(path: Path) -> numpy.ndarray:
    """The array of a .npy, mapped into memory. Raises CollapseError also for a file that ends before its last number."""
    length = size(path)
    try:
        if not length:
            raise ValueError("it is empty")
        with path.open("rb") as file:
            start, declared = _declared(file.read(HEADER))
        if start + declared > length:
            raise ValueError(f"its header declares {declared:,} bytes, but the file has {length - start:,}")
        return npy.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header may trip its parser over anything
        raise Unreadable(path, _words(error)) from None


def array(path: Path) -> numpy.ndarray:
    """The array of a .npy, in memory. Raises CollapseError as `mapped` does, and where it is larger than the memory."""
    values = mapped(path)
    refuse_too_large(path, values.nbytes)
    return numpy.array(values)


def arrays(path: Path) -> dict[str, numpy.ndarray | Objects]:
    """The arrays of a .npz by name, in memory, `Objects` in place of pickled ones.

    Raises CollapseError also for an archive that unpacks to more than the memory.
    """
    size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            refuse_too_large(path, sum(member.file_size for member in members))
            return {member.filename.removesuffix(".npy"): _member(archive, member) for member in members}
    except CollapseError:
        raise
    except Exception as error:  # so may a damaged archive
        raise Unreadable(path, _words(error)) from None


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> numpy.ndarray | Objects:
    """Raises ValueError where the header declares another size than the archive does."""
    with archive.open(member) as stream:
        try:
            start, declared = _declared(stream.read(HEADER))
        except HoldsObjects as error:
            return Objects(error.args[1])
    if start + declared != member.file_size:
        raise ValueError(
            f"{member.filename} declares {declared:,} bytes, but it has {member.file_size - start:,}"
        )
    with archive.open(member) as stream:
        values: numpy.ndarray = npy.read_array(stream, allow_pickle=False)
    return values


def _declared(head: bytes) -> tuple[int, int]:
    """Where the numbers begin in a .npy, and how many bytes they take. Raises HoldsObjects, or another ValueError."""
    stream = io.BytesIO(head)
    read_header = npy.read_array_header_1_0 if npy.read_magic(stream) == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(stream)
    if dtype.hasobject:
        raise HoldsObjects(OBJECTS, shape)
    if min(shape, default=0) < 0:
        raise ValueError(f"it is of shape {shape}")
    return stream.tell(), math.prod(shape) * dtype.itemsize


def safetensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a .safetensors by name, mapped into memory; the library holds header and offsets against the file."""
    size(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        words = f"{path} cannot be read as safetensors ({error})"
        raise CollapseError(words, "copy or download it again") from None


def pickled(path: Path) -> Any:
    """What torch.save wrote, on the CPU: tensors, plain types, what has a stand-in, and an `Inert` for each other object."""
    import torch

    from collapse_cli.runs import archives, stand_ins, storages

    length = size(path)
    try:
        zipped = _is_zip(path, length)
        if not zipped:  # of old files all is read at once
            refuse_too_large(path, length)
        archives.refuse_long_tuples(path)
        with torch.serialization.safe_globals([*stand_ins.allowed()]):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except CollapseError:
        raise
    except Exception as error:  # so may a damaged pickle
        content = _with_objects(path, error)
    declared = storages.declared(_tensors(content, path))
    if declared > length:  # a few numbers, repeated
        refuse_too_large(path, declared)
    return content


def _with_objects(path: Path, error: Exception) -> Any:
    """What torch refused, perhaps for the objects in it. Raises Unreadable for what is damaged."""
    from collapse_cli.runs import archives

    try:
        return archives.read(path)
    except Exception as other:
        refused = type(error).__name__ == "UnpicklingError"  # so torch says of what is whole as far as it got
        raise Unreadable(path, _words(other if refused else error)) from None


def _is_zip(path: Path, length: int) -> bool:
    """Whether torch takes a file for an archive. Raises Unreadable where its parts are larger than the file of `length` bytes."""
    with path.open("rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return False
    with suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:  # torch says what is damaged
        declared = sum(member.file_size for member in archive.infolist())
        if declared > length:
            raise Unreadable(path, f"its parts declare {declared:,} bytes, but the file has {length:,}")
    return True


def _tensors(content: Any, path: Path) -> Iterator[Tensor]:
    """Every tensor in dicts and lists of dicts and lists. Raises Unreadable where they have no end."""
    from torch import Tensor

    waiting, seen = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping | list | tuple):
            seen += 1
            if seen > CONTAINERS or depth > DEEP:
                raise Unreadable(
                    path,
                    f"it contains more than {CONTAINERS:,} dicts and lists, or {DEEP} inside of each other",
                )
            parts = value.values() if isinstance(value, Mapping) else value
            waiting += [
                (part, depth + 1) for part in parts if isinstance(part, Tensor | Mapping | list | tuple)
            ]


def _words(error: Exception) -> str:
    return OBJECTS if isinstance(error, HoldsObjects) else str(error).strip() or type(error).__name__
