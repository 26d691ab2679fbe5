"""SIGTERM, SIGUSR1 and Ctrl-C while a command trains: what is written, the exit code, and handlers that are put back."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collapse_cli import stepping
from collapse_cli.cli import main
from collapse_cli.errors import CollapseError
from collapse_cli.runs import checkpoint, signals
from collapse_cli.runs.signals import listening
from collapse_cli.stage import Stage

Capture = pytest.CaptureFixture[str]
HEARD = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
STEPS = 21  # of an epoch of digits
At = Callable[[int, signal.Signals], None]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Send this process a signal during its nth step, from 1."""

    def send(number: int, what: signal.Signals) -> None:
        step, done = stepping.accumulated, []

        def stepped(*given: Any) -> Any:
            done.append(1)
            if len(done) == number:
                os.kill(os.getpid(), what)
            return step(*given)

        monkeypatch.setattr(stepping, "accumulated", stepped)

    return send


def status(folder: Path) -> str:
    return str(json.loads((folder / "run.json").read_text())["status"])


@pytest.mark.parametrize(
    ("what", "number", "code", "written", "word", "contents"),
    [
        (signal.SIGTERM, 30, 143, "interrupted", "terminated", "epoch 1"),
        (signal.SIGTERM, 5, 143, "interrupted", "terminated", "the network before its first step"),
        (signal.SIGINT, 30, 130, "interrupted", "interrupted", "epoch 1"),
        (signal.SIGUSR1, 30, 75, "requeue", "stopped", "epoch 1 and 9 of 21 steps of the next"),
        (signal.SIGUSR1, 5, 75, "requeue", "stopped", "5 of 21 steps of the first epoch"),
        (signal.SIGUSR1, STEPS, 75, "requeue", "stopped", "epoch 1"),
    ],
)
def test_a_signal_ends_a_training(
    what: signal.Signals, number: int, code: int, written: str, word: str, contents: str,
    at: At, tmp_path: Path, capsys: Capture,
) -> None:  # fmt: skip
    """In two lines on stderr, the second of which goes on. SIGUSR1 waits for the end of the step, and saves."""
    out, handlers = tmp_path / "run", [signal.getsignal(each) for each in HEARD]
    at(number, what)
    assert main(["train", "--epochs", "2", "--out", str(out), "-q"]) == code
    assert capsys.readouterr() == (
        "",
        f"collapse: {word}; {out / 'checkpoint.pt'} contains {contents}\n  continue with: collapse train --resume {out}\n",
    )
    assert status(out) == written
    assert [signal.getsignal(each) for each in HEARD] == handlers
    assert main(["train", "--resume", str(out), "-q"]) == 0
    assert status(out) == "done"
    assert len((out / "history.jsonl").read_text().splitlines()) == 2


def test_a_signal_in_the_last_step_is_too_late(at: At, tmp_path: Path, capsys: Capture) -> None:
    at(STEPS, signal.SIGUSR1)
    assert main(["train", "--epochs", "1", "--out", str(tmp_path / "run"), "-q"]) == 0
    assert status(tmp_path / "run") == "done"


def test_sigterm_leaves_what_the_clock_has_saved(at: At, tmp_path: Path, capsys: Capture) -> None:
    """With an interval of next to nothing every step is saved; the interval may be another when the run goes on."""
    out = tmp_path / "run"
    at(4, signal.SIGTERM)
    assert main(["train", "--epochs", "1", "--out", str(out), "-q", "--checkpoint-minutes", "1e-9"]) == 143
    assert "contains 3 of 21 steps of the first epoch" in capsys.readouterr().err
    part = checkpoint.load(out / "checkpoint.pt").state.part
    assert part is not None
    assert part.step == 3
    assert main(["train", "--resume", str(out), "-q", "--checkpoint-minutes", "0"]) == 0


def test_a_long_computation_is_ended_from_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler would run only after it: a thread writes what there is to write, and ends the process.

    The computation is a lock of C that is taken twice: Python hears nothing until somebody opens it, at the end or late.
    """
    ended: list[int] = []
    written: list[str] = []
    c, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    late = threading.Timer(60, c.pthread_mutex_unlock, (mutex,))

    def end(code: int) -> None:
        ended.append(code)
        c.pthread_mutex_unlock(mutex)

    monkeypatch.setattr(signals, "GRACE", 0.05)
    monkeypatch.setattr(os, "_exit", end)

    def terminated() -> None:
        with listening() as heard:
            heard.last = lambda: written.append("interrupted")
            threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGTERM)).start()
            c.pthread_mutex_lock(mutex)

    c.pthread_mutex_init(mutex, None)
    c.pthread_mutex_lock(mutex)
    late.start()
    with pytest.raises(CollapseError) as raised:
        terminated()
    late.cancel()
    assert raised.value.code == 143
    assert (written, ended) == (["interrupted"], [143])


def test_nothing_is_written_late_where_the_training_has_ended_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    before = set(threading.enumerate())
    monkeypatch.setattr(signals, "GRACE", 10.0)
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(CollapseError), listening():
        os.kill(os.getpid(), signal.SIGTERM)
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert ended == []


def test_whoever_was_woken_by_signals_is_still_woken() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing)
    try:
        with listening():
            os.kill(os.getpid(), signal.SIGUSR1)
            assert os.read(reading, 1) == bytes([signal.SIGUSR1])
        assert signal.set_wakeup_fd(writing) == writing
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def test_a_thread_of_somebody_else_takes_no_handlers() -> None:
    handlers, there = [signal.getsignal(each) for each in HEARD], []

    def listen() -> None:
        with listening() as heard:
            there.extend([heard, *(signal.getsignal(each) for each in HEARD)])

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert there[1:] == handlers
    assert not there[0].requeue


def test_of_several_processes_the_first_alone_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others end at once, by the signal itself, so that nobody waits for them."""
    monkeypatch.setenv("RANK", "1")
    with listening() as heard:
        assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == [signal.SIG_DFL] * 2
        os.kill(os.getpid(), signal.SIGUSR1)
        assert heard.requeue


def test_a_run_to_be_requeued_is_one_that_can_go_on() -> None:
    stage = Stage("requeue", 0, 4, "", 5, 21)
    assert stage.in_words == "no epoch of 4 is completed, and 5 of 21 steps of the first are"
    assert Stage("requeue", 4, 4, "", 5, 21).in_words == "after 4 of 4 epochs and 5 of 21 steps of the next"


def test_a_signal_while_handlers_are_put_back_is_still_told_by_its_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, put_back = signal.getsignal(signal.SIGTERM), []
    set_handler = signal.signal

    def as_it_arrives(number: signal.Signals, handler: Any) -> Any:
        if number == signal.SIGUSR1 and put_back:
            put_back.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return set_handler(number, handler)

    monkeypatch.setattr(signal, "signal", as_it_arrives)
    try:
        with pytest.raises(CollapseError) as raised, listening():
            put_back.append(True)
    finally:
        set_handler(signal.SIGTERM, before)
        set_handler(signal.SIGUSR1, signal.SIG_DFL)
    assert raised.value.code == 143
