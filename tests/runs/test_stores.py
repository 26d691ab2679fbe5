"""What is kept on disk, and what happens to files that are not what they seem."""

from __future__ import annotations

import json
import os
import pickle
import tomllib
from pathlib import Path

import numpy
import pytest
import torch

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.runs import checkpoint, embeddings
from collapse_cli.runs.record import Record
from collapse_cli.settings import resolve


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text("old")

    def fail() -> None:
        with whole(path) as draft:
            draft.write_text("ne")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_or_a_device_is_not_replaced(linked: bool, tmp_path: Path) -> None:
    """A pipe stands for them all: a new file that took the place of a device would break the machine."""
    pipe, target = tmp_path / "pipe", tmp_path / "link.json"
    os.mkfifo(pipe)
    target.symlink_to(pipe)
    with (
        pytest.raises(CollapseError, match="a pipe, a socket or a device"),
        whole(target if linked else pipe) as draft,
    ):
        draft.write_text("new")
    assert pipe.is_fifo()
    assert target.is_symlink()
    assert sorted(tmp_path.iterdir()) == [target, pipe]


def test_settings_come_back_from_toml(tmp_path: Path) -> None:
    run = resolve("mochi", {"queue": 99, "recipe": 'a"b\\c', "lr": 1e-7, "head_norm": True, "hardest": 5})
    record = Record(tmp_path / "run")
    record.begin(run, {"seed": 0}, overwrite=False)
    assert record.settings() == run
    assert tomllib.loads((tmp_path / "run" / "settings.toml").read_text())["method"]["queue"] == 99


def test_a_full_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    run = resolve("moco")
    for overwrite in (False, True):
        with pytest.raises(CollapseError):
            Record(tmp_path).begin(run, {}, overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_checkpoints_are_plain(run: Path) -> None:
    content = torch.load(run / "checkpoint.pt", weights_only=True)
    assert set(content) == {"collapse_format", "metadata", "method", "optimizer", "generator", "observer"}
    metadata = json.loads(content["metadata"])
    assert metadata["epoch"] == 2
    assert {"settings", "normalisation", "shape", "classes"} <= set(metadata)
    kept = checkpoint.load(run / "checkpoint.pt")
    assert kept.run == Record(run).settings()
    assert kept.shape == (1, 8, 8)
    assert int(kept.method.queue.seen) == 2 * 21 * 64


class Harm:
    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('code was run')",))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"just some text", "cannot be read"),
        (b"", "cannot be read"),
        (pickle.dumps(Harm()), "cannot be read"),
        (None, "no file"),
    ],
)
def test_what_is_no_checkpoint(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CollapseError, match=said):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("thing", "said"), [([1, 2], "contains a list"), ({"state_dict": {}}, "not a checkpoint of coll")]
)
def test_other_peoples_files(thing: object, said: str, tmp_path: Path) -> None:
    torch.save(thing, tmp_path / "x.pt")
    with pytest.raises(CollapseError, match=said):
        checkpoint.load(tmp_path / "x.pt")


@pytest.mark.parametrize("kind", ["float16", "float32", "float64", "int32"])
def test_npy(kind: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.arange(12).reshape(4, 3).astype(kind))
    kept = embeddings.load(tmp_path / "e.npy")
    assert kept.clean.representations.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert kept.clean.projections is None


@pytest.mark.parametrize(
    ("array", "said"),
    [(numpy.arange(3.0), "shape"), (numpy.array([["a"]]), "numbers"), (numpy.array([{}]), "cannot be read")],
)
def test_npy_that_is_no_embedding(array: numpy.ndarray, said: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", array, allow_pickle=True)
    with pytest.raises(CollapseError, match=said):
        embeddings.load(tmp_path / "e.npy")
