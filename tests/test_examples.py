"""The examples that a user would copy, run as they stand."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def finding(command: Path) -> dict[str, str]:
    """An environment in which a script finds this `collapse` first."""
    return ENVIRONMENT | {"PATH": f"{command.parent}{os.pathsep}{ENVIRONMENT['PATH']}"}


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
def test_gate(method: str, code: int, tmp_path: Path, warm: Path) -> None:
    script = ["bash", str(ROOT / "examples" / "gate.sh"), method, str(tmp_path / "run")]
    ended = subprocess.run(script, capture_output=True, text=True, env=finding(warm))
    assert ended.returncode == code, ended.stderr


def test_seeds(tmp_path: Path, warm: Path) -> None:
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
        env=finding(warm) | {"SEEDS": "0 1", "EPOCHS": "1", "SAMPLES": "200"},
    )
    assert ended.returncode == 0, ended.stderr
    assert "end-to-end" in ended.stdout
    assert "2 runs each" in ended.stdout
    assert (tmp_path / "runs" / "compare.png").stat().st_size > 10_000


Job = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A start of the batch script -> its exit code, what run.json says, and what was asked of SLURM, of which this is no part."""
    slurm, run = tmp_path / "slurm", tmp_path / "run"
    slurm.mkdir()
    (slurm / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path / "asked"}\n')
    (slurm / "scontrol").chmod(0o755)
    environment = ENVIRONMENT | {
        "PATH": f"{slurm}{os.pathsep}{ENVIRONMENT['PATH']}",
        "SLURM_JOB_ID": "7",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }

    def start(
        *options: str, sent: signal.Signals | None = None, processes: int = 1
    ) -> tuple[int, str, list[str]]:
        script = ["bash", str(ROOT / "examples" / "scale" / "train.sbatch"), "moco", str(run), *options]
        process = subprocess.Popen(
            script, env=environment | {"PROCESSES": str(processes)}, stderr=subprocess.PIPE, text=True
        )
        history = run / "history.jsonl"
        before = history.stat().st_mtime_ns if history.exists() else 0
        until = time.monotonic() + 200
        while sent and time.monotonic() < until and process.poll() is None:
            lines = history.read_text().count("\n") if history.exists() else 0
            if lines and history.stat().st_mtime_ns > before and lines > len(epochs):
                process.send_signal(sent)
                break
            time.sleep(0.05)
        _, errors = process.communicate(timeout=200)
        epochs[:] = history.read_text().splitlines() if history.exists() else []
        assert "collapse_cli/" not in errors, "no traceback of ours"
        asked = tmp_path / "asked"
        status = json.loads((run / "run.json").read_text())["status"] if run.exists() else ""
        return process.returncode, status, asked.read_text().splitlines() if asked.exists() else []

    epochs: list[str] = []
    return start


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_job_is_requeued_until_its_run_is_done(job: Job, processes: int) -> None:
    """SIGUSR1, as before the end of the time, requeues it; SIGTERM, as by scancel, does not; a run that is done is no work."""
    small = ["--encoder", "mlp", "--dim", "8", "--queue", "64", "--epochs", "5000"]
    assert job(*small, sent=signal.SIGUSR1, processes=processes) == (0, "requeue", ["requeue 7"])
    assert job(*small, sent=signal.SIGTERM, processes=processes) == (143, "interrupted", ["requeue 7"])


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_job_whose_run_is_done_is_over(job: Job, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"status": "done"}')
    assert job() == (0, "done", [])


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_job_that_is_refused_is_not_requeued(job: Job, tmp_path: Path) -> None:
    """Whatever a job before it wrote."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"status": "requeue"}')
    (tmp_path / "run" / "checkpoint.pt").write_text("")
    assert job() == (1, "requeue", [])


PLOTS = (ROOT / "examples" / "plots.sh").read_text()
DRAWN = re.findall(r"^plot (\w+)", PLOTS, re.MULTILINE)


def test_every_plot_of_the_gallery_is_shown() -> None:
    """Each is drawn by one line of the script, and stands in the folder and on its page, at the width of a column."""
    folder = ROOT / "examples" / "plots"
    shown = re.findall(r"\((\w+)\.png\)", (folder / "README.md").read_text())
    assert sorted(shown) == sorted(DRAWN) == sorted(path.stem for path in folder.glob("*.png"))
    assert {Image.open(folder / f"{name}.png").width for name in DRAWN} == {990}, "3.3 inches of 300 dots"


@pytest.mark.slow
def test_one_command_draws_the_gallery(tmp_path: Path) -> None:
    script = ["bash", str(ROOT / "examples" / "plots.sh"), str(tmp_path)]
    subprocess.run(script, check=True, env=ENVIRONMENT | {"EPOCHS": "2", "STEPS": "60"}, cwd=tmp_path)
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == sorted(DRAWN)
