"""What the guide of promises says of repetition: the same number of threads gives the same bits, another one nearly the same.

Nearly: eigenvalues differ by 1e-12 of the largest from the same embeddings in float64, by 1e-5 of it behind a network in float32.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from collapse_cli.cli import COMMANDS, main

Capture = pytest.CaptureFixture[str]
LINES = (
    "spectrum moco",
    "spectrum rows.npy --save-state state.npz",
    "diagnose moco --samples 300",
    "causes moco --samples 300",
    "alignment moco",
    "oracle moco",
    "probe moco",
    "clusters moco",
    "classes moco",
    "lidar moco",
    "weights moco",
    "layers moco",
    "coverage rows.npy other.npy",
    "codes codes.npy --size 20 --tokens",
    "compare moco rows.npy --fresh --samples 300",
    "check moco --fresh --require effective_rank>1 --samples 300",
    "linear --steps 50 --points 500 --width 8 --seeds 1",
    "gan --steps 5",
)
LEFT_OUT = {
    "demo calibration claims": "they take minutes, and call what is here",
    "train embed": "tests/test_deterministic.py and the test below compare what they write",
    "merge": "it prints what the line with --save-state prints: tests/commands/test_merge.py",
    "report watch inspect methods datasets env explain mcp": "they measure nothing of their own",
}
ROWS = numpy.random.default_rng(0).standard_normal((500, 24)) * numpy.logspace(0, -4, 24)


@pytest.fixture
def threads() -> Iterator[None]:
    """A test may set how many there are."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def answered(folder: Path, run: Path, line: str, patch: pytest.MonkeyPatch, capsys: Capture) -> Any:
    """The whole answer, of files that lie in a new folder, so that nothing is there that was measured before."""
    shutil.copytree(run, folder / "moco")
    numpy.save(folder / "rows.npy", ROWS)
    numpy.save(folder / "other.npy", ROWS[::-1] + ROWS / 8)
    numpy.save(folder / "codes.npy", ROWS.argsort(axis=1)[:, :20] % 20)
    patch.chdir(folder)
    capsys.readouterr()
    assert main([*line.split(), "--json"]) in (0, 1, 3)
    return json.loads(capsys.readouterr().out, object_hook=timeless)


def timeless(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name != "seconds"}


def test_every_command_that_measures_is_here() -> None:
    assert {line.split()[0] for line in LINES} == set(COMMANDS) - set(" ".join(LEFT_OUT).split())


@pytest.mark.parametrize("line", LINES)
def test_the_same_threads_give_the_same_bits(
    line: str, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    first, again = (answered(tmp_path / name, run, line, monkeypatch, capsys) for name in ("first", "again"))
    assert first["results"]
    assert again == first


@pytest.mark.parametrize(("line", "most"), [("spectrum rows.npy", 1e-12), ("spectrum moco", 1e-5)])
def test_other_threads_give_nearly_the_same(
    line: str, most: float, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture,
    threads: None,
) -> None:  # fmt: skip
    spectra = []
    for count in (1, 2):
        torch.set_num_threads(count)
        document = answered(tmp_path / str(count), run, line, monkeypatch, capsys)
        spectra.append([result["metrics"]["eigenvalues"]["values"] for result in document["results"]])
    for one, two in zip(*(map(numpy.array, values) for values in spectra), strict=True):
        assert len(one) > 16
        assert numpy.abs(one - two).max() <= most * one.max()


def test_embedding_twice_gives_the_same_bits(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "again"):
        assert main(["embed", str(run), "--out", f"{name}.npz"]) == 0
    first, again = numpy.load("first.npz"), numpy.load("again.npz")
    assert first.files == again.files
    assert all(numpy.array_equal(first[name], again[name]) for name in first.files)
