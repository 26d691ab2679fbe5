"""The one reader of files that hold arrays or tensors.

It runs no code from a file, reads regular files only, and holds what a file declares against the file's size and against
the budget of memory before anything is allocated. Formats that keep checksums are held against these: zips, with all that
torch.save, numpy.savez and torch.distributed.checkpoint write; for .npy, .safetensors, and files of torch before 2020 nothing
tells damage from numbers.
"""

from __future__ import annotations

import io
import math
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from numpy.lib import format as npy

from collapse_cli.errors import CollapseError
from collapse_cli.fence import admit
from collapse_cli.memory import OPTION, enough, memory
from collapse_cli.memory import budget as budget  # blocks asks the same question, by the same name
from collapse_cli.remote import parts as remote_parts

if TYPE_CHECKING:
    from torch import Tensor

HEADER = 10_240  # bytes in which the header of a .npy ends; numpy refuses longer ones
AT_ONCE = 1 << 20  # bytes that are read of what is only looked through
OBJECTS = "it contains Python objects, which only code can read"
MOST_WORDS = 300  # letters of what a library says
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


class Damaged(CollapseError):
    """A file that was written well and has changed since."""


class HoldsObjects(ValueError):
    """An array of Python objects, which are pickled."""


@dataclass(frozen=True)
class Objects:
    """What stands in an archive in place of an array that only code can read."""

    shape: tuple[int, ...]


def size(path: Path) -> int:
    """Bytes of a regular file. Raises CollapseError for what is not there or is not a file, before it is opened."""
    admit(path)
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
        raise CollapseError(problem, "write it to a file first, and give that file")
    return status.st_size


def refuse_too_large(path: Path, declared: int) -> None:
    """Raises CollapseError where `declared` bytes are more than files may take of the memory."""
    allowed = budget()
    if declared <= allowed:
        return
    blocks = "save the embeddings as .npy, or as a folder of .npy files, which are read a block at a time"
    raise CollapseError(
        f"{path} contains {declared:,} bytes of numbers, but files may take {allowed:,} bytes of memory",
        f"allow more with {OPTION} {enough(declared)}, or {blocks}" if declared <= memory() else blocks,
    )


def read(path: Path) -> Any:
    """What is in a .npz, a .safetensors, or a file of torch.save: a dict by name, or a tensor.

    Tensors stay on disk until they are used, where the format allows it: they are to be copied before they outlive the file,
    and never changed in place. Raises Unreadable, or another CollapseError where the remedy is another.
    """
    if path.suffix == ".safetensors":
        return safetensors(path)
    from collapse_cli.runs import npz

    if path.suffix == ".npz":
        return npz.arrays(path)
    from collapse_cli.runs import pickled

    return pickled.read(path)


def mapped(path: Path) -> numpy.ndarray:
    """The array of a .npy, mapped into memory. Raises CollapseError also for a file that ends before its last number."""
    length = size(path)
    try:
        if not length:
            raise ValueError("it is empty")
        with path.open("rb") as file:
            start, count = declared(file.read(HEADER))
        if start + count > length:
            raise ValueError(f"its header declares {count:,} bytes, but the file has {length - start:,}")
        return npy.open_memmap(path, mode="r")
    except Exception as error:  # a damaged header may trip its parser over anything
        raise Unreadable(path, words(error)) from None


def array(path: Path) -> numpy.ndarray:
    """The array of a .npy, in memory. Raises CollapseError as `mapped` does, and where it is larger than the memory."""
    remote_parts.needed(path)
    values = mapped(path)
    refuse_too_large(path, values.nbytes)
    return numpy.array(values)


def declared(head: bytes) -> tuple[int, int]:
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


def damaged(path: Path, part: str) -> Damaged:
    """The error for a part of a file whose bytes do not match its checksum."""
    problem = f"{path} is damaged: the checksum of its part {part} does not match"
    return Damaged(problem, "copy or download it again")


def words(error: Exception) -> str:
    """What a library says of a file, without the lines that only it understands."""
    if isinstance(error, HoldsObjects):
        return OBJECTS
    return next(iter(str(error).strip().splitlines()), "")[:MOST_WORDS] or type(error).__name__
