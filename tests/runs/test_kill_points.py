"""A kill at any write of a training leaves a folder that goes on, to the same weights bit by bit: what `kill_points.py` sees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ["begin", "overwrite", "further", "rewind", "rewind further", "within epochs", "finish"]


def killed(*sample: str) -> dict[str, dict[str, object]]:
    """What came of each scenario."""
    script = Path(__file__).with_name("kill_points.py")
    environment = os.environ | {
        "PYTHONPATH": str(script.parents[2]), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    ended = subprocess.run([sys.executable, script, *sample], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    return {line["name"]: line for line in map(json.loads, ended.stdout.splitlines())}


def test_some_kills() -> None:
    """The same points each time."""
    scenarios = killed("1")
    assert list(scenarios) == [name for name in NAMES if name not in ("further", "rewind")]
    assert {name: of["faults"] for name, of in scenarios.items()} == {name: {} for name in scenarios}
    assert all(int(str(of["points"])) > 20 for of in scenarios.values()), "writes are counted"


@pytest.mark.slow
def test_all_kills() -> None:
    scenarios = killed()
    assert {name: of["faults"] for name, of in scenarios.items()} == {name: {} for name in NAMES}
    assert all(of["tried"] == of["points"] for of in scenarios.values())
    assert sum(int(str(of["points"])) for of in scenarios.values()) > 200
