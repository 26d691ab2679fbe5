"""What is said at a glance is what `inspection` says with torch, and takes none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest

from collapse_cli import cli
from collapse_cli.analysis import glance, inspection, training
from collapse_cli.analysis.catalogue import CATALOGUE
from collapse_cli.cli import main
from collapse_cli.runs import checkpoint
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.record import Record
from collapse_cli.settings import METHODS, resolve

ROOT = Path(cli.__file__).parent.parent


def begun(home: Path, method: str, **settings: Any) -> Path:
    """A run folder with its first checkpoint, before any step."""
    run = resolve(method, settings)
    fresh = training.fresh(run, training.images(run, "cpu"))
    Record(home).begin(fresh.run, {}, overwrite=False)
    checkpoint.save(home / "checkpoint.pt", fresh)
    return home


def both(path: Path) -> tuple[Any, Any]:
    """What is said at a glance, and with torch, with the order in which it is told."""
    seen, told = glance.facts(path), inspection.facts(path, Choices())
    return seen and list(seen.items()), list(told.items())


@pytest.mark.parametrize("method", METHODS)
def test_a_run_of_every_method(method: str, tmp_path: Path) -> None:
    home = begun(tmp_path / "run", method)
    for path in (home, home / "checkpoint.pt"):
        seen, told = both(path)
        assert seen == told


def test_a_run_that_was_measured(run: Path) -> None:
    seen, told = both(run)
    assert seen == told
    assert dict(seen)["epoch"] == 2


@pytest.mark.parametrize("encoder", ["mlp", "resnet8"])
def test_other_encoders(encoder: str, tmp_path: Path) -> None:
    seen, told = both(begun(tmp_path / "run", "moco", encoder=encoder, head_layers=3, head_norm=True))
    assert seen == told


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows(dtype: str, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((50, 8)).astype(dtype))
    seen, told = both(tmp_path / "e.npy")
    assert seen == told


def test_what_takes_torch_is_left_to_it(run: Path, tmp_path: Path) -> None:
    """Codes, rows of more axes, a damaged file, a checkpoint of an earlier version, and what is not there."""
    numpy.save(tmp_path / "codes.npy", numpy.eye(8))
    numpy.save(tmp_path / "whole.npy", numpy.eye(8, dtype="int8"))
    numpy.save(tmp_path / "cube.npy", numpy.full((4, 4, 4), 0.5))
    (tmp_path / "bad.npy").write_bytes(b"hello")
    content = bytearray((run / "checkpoint.pt").read_bytes())
    content[len(content) // 2] ^= 255
    (tmp_path / "damaged.pt").write_bytes(bytes(content))
    names = ("codes.npy", "whole.npy", "cube.npy", "bad.npy", "damaged.pt", "none.npy", ".")
    assert [glance.facts(tmp_path / name) for name in names] == [None] * len(names)


def test_the_catalogue_is_read_as_it_is() -> None:
    assert glance.rows() == [(row.name, row.needs or "", row.command) for row in CATALOGUE.values()]
    for has in ((True, True, True), (False, False, False), (True, False, False), (False, True, False)):
        assert glance.measurable(*has) == inspection.measurable(*has)


@pytest.mark.parametrize("what", ["run", "rows"])
def test_inspect_loads_no_torch(what: str, run: Path, tmp_path: Path) -> None:
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((50, 8)))
    argv = ["inspect", str(run if what == "run" else tmp_path / "e.npy")]
    script = f"import sys; from collapse_cli.cli import main; main({argv}); print('torch' in sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert ended.stderr.strip() == "False"
    assert "measure with" in ended.stdout


def test_choices_are_held_against_the_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With an option `inspect` does not answer at a glance, and says the same of a run."""
    assert main(["inspect", str(run)]) == 0
    seen = capsys.readouterr().out
    assert main(["inspect", str(run), "--stem", "cifar"]) == 0
    assert capsys.readouterr().out == seen
