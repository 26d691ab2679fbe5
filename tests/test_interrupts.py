"""Ctrl-C at any moment of a process: 130, one line, no traceback; a second one ends it at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from collapse_cli import interrupts
from collapse_cli.cli import main

ROOT = Path(__file__).parent.parent
START = "import sys; sys.path.insert(0, {root!r}); sys.argv = ['collapse', 'methods']\n"
PATIENCE = 120  # seconds, on a machine that has much else to do
SIGINT = 1 << (signal.SIGINT - 1)
READY = "from collapse_cli import interrupts; interrupts.listen()\n"


def started(script: str, ignored: bool = False) -> subprocess.Popen[str]:
    """A process that has printed a line; SIGINT is as in a terminal, whatever it is here."""

    def reset() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-c", START.format(root=str(ROOT)) + script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=reset,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def ended(script: str, presses: int = 1, ignored: bool = False) -> tuple[int, str]:
    """Exit code and stderr after so many Ctrl-C."""
    process = started(script, ignored)
    for _ in range(presses):
        process.send_signal(signal.SIGINT)
        taken(process)
    _, error = process.communicate(timeout=PATIENCE)
    return process.returncode, error


def taken(process: subprocess.Popen[str]) -> None:
    """Wait until the process has been given its SIGINT: two that wait for it at once would be one."""
    until = time.monotonic() + PATIENCE
    while process.poll() is None and SIGINT & pending(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)


def pending(process: int) -> int:
    """The signals that wait for a process, a bit each; none where the system does not say."""
    with suppress(OSError):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return sum(int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd:"))
    return 0


LINE = (130, "collapse: interrupted\n")


def test_while_a_module_is_imported(tmp_path: Path) -> None:
    """One that swallows everything that is raised in it, and goes on."""
    (tmp_path / "stubborn.py").write_text(
        "import time\nprint('ready', flush=True)\ntry:\n    time.sleep(600)\nexcept BaseException:\n    pass\ntime.sleep(20)\n"
    )
    assert ended(f"{READY}sys.path.insert(0, {str(tmp_path)!r}); import stubborn") == LINE


def test_where_something_is_to_be_cleaned_up(tmp_path: Path) -> None:
    """It is, and the file from before stays."""
    (tmp_path / "a").write_text("before")
    script = (
        f"{READY}import time, pathlib; from collapse_cli.files import whole\n"
        f"with whole(pathlib.Path({str(tmp_path / 'a')!r})) as part:\n"
        "    part.write_text('after'); print('ready', flush=True); time.sleep(20)\n"
    )
    assert "KeyboardInterrupt" in ended(script)[1]
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


BODY = (
    "from collapse_cli import cli, __main__ as start; import time\n"
    "def body():\n    print('ready', flush=True)\n    {}\n"
    "import collapse_cli.commands.methods as m; m.methods = body\n"
    "sys.exit(start.main())\n"
)


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(20)",
        "exec('try: time.sleep(20)\\nexcept BaseException as e: raise RecursionError from e')",
        "exec('try: time.sleep(20)\\nexcept BaseException: return_ = 1')",
        "exec('class A:\\n  def __del__(self): time.sleep(1)\\nA(); time.sleep(20)')",
    ],
    ids=["raised", "made another error", "swallowed", "dropped in a finaliser"],
)
def test_in_a_command(body: str) -> None:
    assert ended(BODY.format(body)) == LINE


def test_semaphores_of_a_pool_are_given_back() -> None:
    """Else Python warns of each that is left, after the end."""
    semaphore = "import multiprocessing; held = multiprocessing.get_context('spawn').Lock()\n"
    assert ended(semaphore + BODY.format("time.sleep(20)")) == LINE


def test_the_second_ends_at_once() -> None:
    """Also where the first is swallowed, and where Python hears nothing as it computes."""
    for body in (
        "exec('while True:\\n try: time.sleep(600)\\n except BaseException: pass')",
        "import ctypes; ctypes.CDLL(None).usleep(600_000_000)",
    ):
        assert ended(BODY.format(body), presses=2) == LINE


def test_in_the_background_of_a_script_it_stays_ignored() -> None:
    assert ended(f"{READY}import time; print('ready', flush=True); time.sleep(0.3)", ignored=True) == (0, "")


def test_what_comes_of_it_is_no_other_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal and a gate's code among them."""
    monkeypatch.setattr(interrupts._now, "heard", True)
    for argv in (["spectrum", "missing.npy"], ["methods"]):
        assert main(argv) == 130
        assert capsys.readouterr().err == "collapse: interrupted\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", ["methods", "spectrum x.npy", "train moco --epochs 40 -q --out RUN", "report RUN"]
)
def test_at_any_moment(words: str, tmp_path: Path) -> None:
    """From our first line on; what Python does before it is Python's, which ends in a signal or in a traceback of its own."""
    import numpy

    numpy.save(tmp_path / "x.npy", numpy.random.default_rng(0).standard_normal((400, 16)))
    run = tmp_path / "run"
    if words.startswith("report"):
        assert main(["train", "moco", "--epochs", "1", "-q", "--out", str(run)]) == 0
    script = (
        "import shutil, os; from collapse_cli import interrupts, __main__ as start\n"
        f"os.chdir({str(tmp_path)!r}); sys.argv[1:] = {words.split()!r}\n"
        "sys.argv = [word.replace('RUN', 'run') for word in sys.argv]\n"
        "really = interrupts.listen\n"
        "def listen():\n    really(); print('ready', flush=True)\n"
        "interrupts.listen = listen; sys.exit(start.main())\n"
    )
    for place in range(20):
        process = started(script)
        time.sleep(3 * (place / 19) ** 2)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
        assert process.returncode in ((130,) if process.returncode else (0,))
        assert "Traceback" not in error
        assert process.returncode == 0 or "interrupted" in error
        if words.startswith("train") and run.exists():
            import shutil

            shutil.rmtree(run)


def test_closed_streams_give_their_numbers_to_no_file(tmp_path: Path) -> None:
    """The first file that is opened would be written to by whatever writes to stdout beneath Python."""
    script = f"'{sys.executable}' -m collapse_cli methods <&- >&- 2>&-"
    assert subprocess.run(["bash", "-c", script], cwd=ROOT, env=os.environ).returncode == 2
