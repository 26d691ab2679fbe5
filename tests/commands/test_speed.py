"""What costs seconds to import is imported only by what needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy

from collapse_cli import cli

ROOT = Path(cli.__file__).parent.parent
LINES = (
    "spectrum e.npy",
    "diagnose e.npy",
    "check e.npy",
    "weights RUN",
    "inspect RUN --stem cifar",
    "oracle --dataset cifar10",
    "diagnose RUN",
    "spectrum RUN",
    "alignment RUN",
    "train moco --steps 2 -q --out new",
    "train vicreg --steps 2 -q --out adam",
)
SLOW = ("torchvision", "sklearn", "pandas", "pyarrow", "matplotlib", "torch._dynamo")
SCRIPT = f"""
import contextlib, io, json, sys
from collapse_cli.cli import main
for line in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(line.split())
    print(json.dumps([line, code, [name for name in {SLOW!r} if name in sys.modules]]))
"""


def test_what_is_measured_of_rows_of_weights_and_of_a_digits_run_loads_nothing_slow(
    run: Path, tmp_path: Path
) -> None:
    """In one process, one after the other: a module that one of them loads would stay for the others to show."""
    numpy.save(tmp_path / "e.npy", numpy.random.default_rng(0).standard_normal((300, 8)))
    lines = [line.replace("RUN", str(run)) for line in LINES]
    shown = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=json.dumps(lines), capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = list(map(json.loads, shown.stdout.splitlines()))
    assert [(line, loaded) for line, _, loaded in told] == [(line, []) for line in lines]
    assert {code for _, code, _ in told} == {0}
