"""The examples that a user would copy, run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def test_std_is_blind() -> None:
    """A k-sphere has effective rank k, while std·√D is .90 already for k = 2 (the table that RankMe was made for)."""
    script = [sys.executable, str(ROOT / "examples" / "std_is_blind.py")]
    lines = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = {int(words[0]): words for words in (line.split() for line in lines[1:])}
    assert [round(float(rows[k][2])) for k in (1, 2, 8, 32, 64)] == [1, 2, 8, 32, 64]
    assert float(rows[2][1]) == pytest.approx(0.90, abs=0.02)
    assert float(rows[64][4]) == pytest.approx((2 - 2 * 0.5**0.5) ** 0.5, abs=0.005), "√(2 - 2√(k/D))"
    assert [float(rows[k][5]) for k in rows] == sorted((float(rows[k][5]) for k in rows), reverse=True)
    assert " ".join(rows[8][6:]) == "dimensional collapse"
    assert " ".join(rows[128][6:]) == "healthy"


@pytest.mark.parametrize(("method", "code"), [("moco", 0), ("positive-only", 1)])
def test_gate(method: str, code: int, tmp_path: Path) -> None:
    script = ["bash", str(ROOT / "examples" / "gate.sh"), method, str(tmp_path / "run")]
    ended = subprocess.run(script, capture_output=True, text=True, env=ENVIRONMENT)
    assert ended.returncode == code, ended.stderr


def test_seeds(tmp_path: Path) -> None:
    """Four runs become two groups of two; the differences are paired by seed."""
    script = [
        "bash",
        str(ROOT / "examples" / "seeds.sh"),
        "end-to-end",
        "positive-only",
        str(tmp_path / "runs"),
    ]
    ended = subprocess.run(
        script,
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"SEEDS": "0 1", "EPOCHS": "1", "SAMPLES": "200"},
    )
    assert ended.returncode == 0, ended.stderr
    assert "end-to-end" in ended.stdout
    assert "2 runs each" in ended.stdout
    assert (tmp_path / "runs" / "compare.png").stat().st_size > 10_000
