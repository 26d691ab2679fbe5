"""Arrays by name: numbers keep what they are, and no file runs code."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.runs import arrays, embeddings


class Trap:
    """What unpickles by making a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return Path.mkdir, (self.folder,)


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    torch.save({"representations": torch.ones(3, 2), "more": Trap(tmp_path / "trapped")}, tmp_path / "e.pt")
    assert torch.equal(embeddings.load(tmp_path / "e.pt").every["h"][0:3], torch.ones(3, 2))
    numpy.savez(tmp_path / "e.npz", rows=numpy.array([Trap(tmp_path / "trapped")], dtype=object))
    with pytest.raises(CollapseError, match="cannot be read as numpy embeddings"):
        embeddings.load(tmp_path / "e.npz")
    assert not (tmp_path / "trapped").exists()


def test_numbers_keep_what_they_are(tmp_path: Path) -> None:
    """Whole ones as int64, but for bytes, whatever their byte order; fractions in their own precision; words as they are."""
    numpy.savez(
        tmp_path / "e.npz",
        small=numpy.array([1, -2], "int8"), large=numpy.array([2**40], ">i8"),
        half=numpy.array([0.5], "float16"), double=numpy.array([0.1], ">f8"), words=numpy.array(["a"]),
    )  # fmt: skip
    found = arrays.read(tmp_path / "e.npz")
    kinds = {name: value.dtype for name, value in found.items() if name != "words"}
    assert kinds == {
        "small": torch.int8, "large": torch.int64, "half": torch.float16, "double": torch.float64,
    }  # fmt: skip
    assert (found["small"].tolist(), found["large"].tolist(), found["double"].tolist()) == (
        [1, -2],
        [2**40],
        [0.1],
    )
    assert found["words"].tolist() == ["a"]
