"""collapse claims: listed, and run end to end on a claim small enough for a test."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from collapse_cli import claims
from collapse_cli.analysis import claims as running
from collapse_cli.claims.claim import PIXELS, Arm, Check, Claim
from collapse_cli.cli import main
from tests.processes import alive, children, needs_linux, used

Capture = pytest.CaptureFixture[str]
SHORT = {"encoder": "mlp", "epochs": 1, "batch": 256}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every claim is this one: a loss is at most chance and k-means on pixels matches .79 of digits (C10 of .79 to .80)."""
    claim = Claim(
        says="Small things are quick",
        source="nobody",
        arms={"moco": Arm("moco", SHORT), "pixels": Arm(PIXELS)},
        measures=("accuracy", "seconds"),
        checks=(
            Check("pixels: ACC, least", lambda found: min(found.of("pixels", "accuracy")), low=0.75, high=0.85),
            Check("moco: ACC, least", lambda found: min(found.of("moco", "accuracy")), low=2.0),
        ),
    )  # fmt: skip
    monkeypatch.setattr(claims, "load", lambda name: claim)


def test_without_a_name_they_are_listed(capsys: Capture) -> None:
    assert main(["claims"]) == 0
    assert "class-oracle" in capsys.readouterr().out
    assert main(["claims", "--json"]) == 0
    assert [row["claim"] for row in json.loads(capsys.readouterr().out)] == list(claims.NAMES)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_claim_is_run_measured_and_judged(small: None, jobs: str, capsys: Capture) -> None:
    """Of two checks one cannot hold: the claim does not, and the command still ends in 0, for it informs."""
    assert main(["claims", "momentum", "--seeds", "2", "--jobs", jobs, "--json"]) == 0
    moco, pixels, judgement = json.loads(capsys.readouterr().out)["results"]
    assert (moco["of"], pixels["of"], judgement["of"]) == ("moco", "pixels", "momentum")
    assert moco["settings"] == {"method": "moco", **SHORT, "seeds": 2}
    assert pixels["metrics"]["accuracy"]["value"] == pytest.approx(0.79, abs=0.01)
    low, high = moco["metrics"]["accuracy"]["interval"]
    assert low <= moco["metrics"]["accuracy"]["value"] <= high
    assert "seconds" in moco["metrics"]
    assert "seconds" not in pixels["metrics"]
    assert judgement["verdict"]["status"] == "does not hold"
    assert [reason.split(":")[0] for reason in judgement["verdict"]["reasons"]] == ["holds", "FAILS"]
    assert judgement["metrics"]["passed"]["value"] == 1


@pytest.mark.parametrize(("jobs", "processes"), [(1, []), (2, [2])])
def test_one_job_needs_no_other_process(
    jobs: int, processes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Pool(contextlib.nullcontext[None]):
        def __init__(self, count: int, initializer: object) -> None:
            asked.append(count)

        def imap_unordered(self, function: object, tasks: list[str]) -> list[str]:
            return tasks

        def __enter__(self) -> Pool:  # type: ignore[override]
            return self

    monkeypatch.setattr(running, "get_context", lambda way: SimpleNamespace(Pool=Pool))
    monkeypatch.setattr(running, "_outcome", lambda task: task)
    assert list(running._performed(["a", "b"], jobs)) == ["a", "b"]
    assert asked == processes


def test_the_terminal_says_whether_it_holds(small: None, capsys: Capture) -> None:
    assert main(["claims", "momentum", "--seeds", "1", "--jobs", "1", "-q"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["claims", "momentum", "--seeds", "1", "--jobs", "1"]) == 0
    shown = capsys.readouterr().out
    assert "Does not hold" in shown
    assert "FAILS: moco: ACC, least" in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["momentun"], "no claim named 'momentun'"),
        (["--plot", "x.png"], "there is no claim to plot"),
        (["momentum", "--seeds", "0"], "--seeds"),
        (["momentum", "--plot", "x.bmp"], "unknown suffix"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_trained(
    argv: list[str], message: str, capsys: Capture
) -> None:
    assert main(["claims", *argv]) == 2
    assert message in capsys.readouterr().err


@needs_linux
def test_sigterm_ends_every_process(tmp_path: Path) -> None:
    """143 and one line, without a traceback, and nobody trains on."""
    argv = [sys.executable, "-m", "collapse_cli", "claims", "momentum", "--jobs", "2"]
    stderr, began, trainers = tmp_path / "stderr", time.monotonic(), []
    with stderr.open("w") as story:
        asked = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=story)
    try:
        while len(trainers) < 3 and time.monotonic() - began < 120:  # two, and one that tracks resources
            trainers = children(asked.pid)
            time.sleep(0.05)
        time.sleep(1)
        asked.send_signal(signal.SIGTERM)
        before = {trainer: used(trainer) for trainer in trainers}
        assert asked.wait(120) == 143
        began = time.monotonic()
        while any(map(alive, trainers)) and time.monotonic() - began < 120:
            assert all(used(trainer) - before[trainer] < 10 for trainer in trainers), "alone they use none"
            time.sleep(0.02)
        assert not any(map(alive, trainers))
    finally:
        asked.kill()
    assert [
        line for line in stderr.read_text().splitlines() if "resource_tracker" not in line and line[:1] != " "
    ] == ["collapse: terminated"]
