"""The arrays of a .npz: sizes are held against the budget before anything is unpacked, and every part against its checksum."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy
from numpy.lib import format as npy

from collapse_cli.errors import CollapseError
from collapse_cli.runs import reader
from collapse_cli.runs.reader import HEADER, HoldsObjects, Objects, Unreadable

ENCRYPTED = 1  # the bit of a part's flags


def arrays(path: Path) -> dict[str, numpy.ndarray | Objects]:
    """The arrays of a .npz by name, in memory, `Objects` in place of pickled ones.

    Raises CollapseError also for an archive that unpacks to more than the budget, and for a part that is damaged.
    """
    reader.size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            reader.refuse_too_large(path, sum(member.file_size for member in members))
            _refuse_twice(members)
            return {
                member.filename.removesuffix(".npy"): _member(archive, member, path) for member in members
            }
    except CollapseError:
        raise
    except Exception as error:  # a damaged archive may trip its reader over anything
        raise Unreadable(path, reader.words(error)) from None


def _refuse_twice(members: list[zipfile.ZipInfo]) -> None:
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two of its arrays have the same name")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> numpy.ndarray | Objects:
    """Raises CollapseError for a part that is damaged, ValueError where its header declares another size than the archive."""
    if member.flag_bits & ENCRYPTED:
        raise ValueError("it is encrypted")
    try:
        with archive.open(member) as stream:
            try:
                start, declared = reader.declared(stream.read(HEADER))
            except HoldsObjects as error:
                return Objects(error.args[1])
        if start + declared != member.file_size:
            raise ValueError(
                f"{member.filename} declares {declared:,} bytes, but it has {member.file_size - start:,}"
            )
        with archive.open(member) as stream:
            values: numpy.ndarray = npy.read_array(stream, allow_pickle=False)
            stream.read()  # behind the last byte the checksum is compared
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise reader.damaged(path, member.filename) from None
    return values
