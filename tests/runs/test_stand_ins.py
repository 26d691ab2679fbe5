"""What a pickle names beside tensors is read without its code, as plain values no larger than the bytes that are there."""

from __future__ import annotations

import collections
import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.runs import reader
from collapse_cli.runs.inert import Inert
from collapse_cli.runs.reader import Unreadable


def test_arrays_of_numpy_are_as_they_were_saved(tmp_path: Path) -> None:
    arrays = {
        "columns": numpy.asfortranarray(numpy.arange(6, dtype="f4").reshape(3, 2)), "big": numpy.arange(4, dtype=">i8"),
        "words": numpy.array(["a", "größe"]), "bools": numpy.array([True, False]), "empty": numpy.zeros((0, 3)),
        "objects": numpy.array(["x", None, 3], dtype=object), "point": numpy.array(2.5), "bytes": numpy.array([b"ab"]),
    }  # fmt: skip
    torch.save(arrays, tmp_path / "e.pt")
    found = reader.read(tmp_path / "e.pt")
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype.newbyteorder("="), array.shape)
        assert numpy.array_equal(found[name], array)
        assert found[name].flags.f_contiguous == array.flags.f_contiguous


def test_scalars_paths_and_defaultdicts_become_plain(tmp_path: Path) -> None:
    gathered = collections.defaultdict(list, {"a": [torch.ones(2)]})
    content = [
        numpy.float64(0.1),
        numpy.int64(-3),
        numpy.bool_(True),
        numpy.str_("é"),
        Path("/a/b"),
        gathered,
    ]
    torch.save(content, tmp_path / "e.pt")
    found = reader.read(tmp_path / "e.pt")
    assert found[:5] == [0.1, -3, True, "é", "/a/b"]
    assert [type(value) for value in found] == [float, int, bool, str, str, dict]
    assert found[5]["a"][0].tolist() == [1, 1]


class Call:
    """What unpickles by calling something with these arguments, and then giving it a state."""

    def __init__(self, called: Any, *arguments: Any, state: Any = None) -> None:
        self.parts = (called, arguments) if state is None else (called, arguments, state)

    def __reduce__(self) -> tuple:
        return self.parts


def written(content: Any, path: Path, protocol: int = 2) -> Path:
    """The archive of torch.save with a pickle of our own in it."""
    torch.save({}, path)
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: archive.read(member) for member in archive.infolist()}
    stream = io.BytesIO()
    pickle.Pickler(stream, protocol).dump(content)
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in members.items():
            archive.writestr(name, stream.getvalue() if name.endswith("data.pkl") else old)
    return path


RECONSTRUCT = numpy.zeros(1).__reduce__()[0]  # type: ignore[misc]


@pytest.mark.parametrize("called", [numpy.ndarray, RECONSTRUCT], ids=["ndarray", "reconstruct"])
def test_a_shape_alone_allocates_nothing(called: Any, tmp_path: Path) -> None:
    """2^50 doubles are asked for, in whatever way: an empty array comes out."""
    arguments = ((1 << 50,),) if called is numpy.ndarray else (numpy.ndarray, (1 << 50,), b"d")
    found = reader.read(written([Call(called, *arguments)], tmp_path / "e.pt"))
    assert found[0].shape == (0,)


@pytest.mark.parametrize(
    ("shape", "content"),
    [((1 << 50,), b"12345678"), ((2,), b"12345678"), ((1 << 33, 1 << 31), b""), ((-1,), b"")],
)
def test_a_shape_that_its_bytes_do_not_fill_is_refused(
    shape: tuple[int, ...], content: bytes, tmp_path: Path
) -> None:
    state = (1, shape, numpy.dtype("f8"), False, content)
    array = Call(RECONSTRUCT, numpy.ndarray, (0,), b"b", state=state)
    with pytest.raises(Unreadable, match="values"):
        reader.read(written([array], tmp_path / "e.pt"))


@pytest.mark.parametrize("code", ["V4", "i4,f8", "f999", "M8", 3])
def test_other_kinds_of_numbers_are_not_made(code: Any, tmp_path: Path) -> None:
    """Neither the kind nor an array of it: both stand there by their names."""
    kind = Call(numpy.dtype, code, False, True)
    array = Call(RECONSTRUCT, numpy.ndarray, (0,), b"b", state=(1, (2,), kind, False, b"12345678"))
    found = reader.read(written([kind, array, numpy.ones(2)], tmp_path / "e.pt"))
    assert [type(value).__name__ for value in found] == ["Inert", "Inert", "Array"]
    assert [value.name for value in found[:2]] == ["numpy.dtype", "numpy.ndarray"]


@pytest.mark.parametrize("called", [eval, exec, numpy.fromfile, numpy.load, getattr, Path.mkdir, __import__])
def test_nothing_else_is_called(called: Any, tmp_path: Path) -> None:
    trapped = tmp_path / "trapped"
    found = reader.read(written([Call(called, f"open({str(trapped)!r}, 'w')")], tmp_path / "e.pt"))
    assert isinstance(found[0], Inert)
    assert not trapped.exists()
