"""A folder that an assistant may read, with a secret beside it, and calls as the measuring process answers them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli import fence
from collapse_cli.assistant.calls import answered

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: e.npy, 300 isotropic embeddings of 8 dimensions, and c.npy of rank 2; beside it outside/secret.npy."""
    generator = numpy.random.default_rng(0)
    place = tmp_path / "work"
    for name in (place, tmp_path / "outside", tmp_path / "data"):
        name.mkdir()
    rows = generator.standard_normal((300, 8)).astype("float32")
    numpy.save(place / "e.npy", rows)
    numpy.save(place / "c.npy", (rows[:, :2] @ generator.standard_normal((2, 8))).astype("float32"))
    numpy.save(tmp_path / "outside" / "secret.npy", rows)
    (tmp_path / "outside" / "labels.csv").write_text("label\n" + "a\nb\n" * 150)
    monkeypatch.chdir(place)
    monkeypatch.setenv("COLLAPSE_DATA_DIR", str(tmp_path / "data"))
    return place


@pytest.fixture
def ask(folder: Path) -> Ask:
    """A tool and its arguments -> what is answered, behind the fence of the folder and the data folder."""

    def call(tool: str, **arguments: Any) -> dict[str, Any]:
        around = fence.Fence(fence.roots([folder, folder.parent / "data"]), "start it in a folder above")
        with fence.within(around):
            return answered(tool, arguments)

    return call
