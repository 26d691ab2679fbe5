"""One writer for each run folder, whoever the second is and whatever the file system; and what a kill leaves is swept."""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from collapse_cli.errors import CollapseError
from collapse_cli.runs import lock
from collapse_cli.runs.holder import alive, born
from collapse_cli.runs.litter import is_draft, sweep

DEAD = 4_194_304 + 77  # above the largest number that Linux gives a process
HOLD = """
import sys, time
from pathlib import Path
from collapse_cli.runs import lock
with lock.claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the folder's lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def becomes_free(folder: Path, seconds: float = 20.0) -> bool:
    """Whether a lock is free at the latest after these seconds: a process that is forked or killed takes its time under load."""
    until = time.monotonic() + seconds
    while not lock.is_free(folder) and time.monotonic() < until:
        time.sleep(0.02)
    return lock.is_free(folder)


def written(folder: Path, **fields: Any) -> None:
    """What a holder would have written: this process on this machine, unless fields say otherwise."""
    names = {"pid": os.getpid(), "host": platform.node(), "since": "2026-01-01 00:00:00", "born": ""}
    folder.mkdir(exist_ok=True)
    (folder / ".lock").write_text(json.dumps(names | fields))


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """A file system whose answer to flock is an error, or a Python without it."""

    def take(answer: int | None) -> None:
        def refuse(opened: int, how: int) -> None:
            raise OSError(answer, "no locks here")

        if answer is None:
            monkeypatch.setattr(lock, "fcntl", None)
        else:
            monkeypatch.setattr(lock.fcntl, "flock", refuse)

    return take


def test_a_second_writer_waits_a_second_and_is_refused(tmp_path: Path) -> None:
    """It is told who writes, where and since when, and how to stop that; the file is the same one before and after."""
    folder = tmp_path / "my run"
    with another(folder) as process:
        before = (folder / ".lock").stat().st_ino
        for refused in (lock.refuse_held, lambda folder: lock.claimed(folder).__enter__()):
            began = time.monotonic()
            with pytest.raises(CollapseError) as raised:
                refused(folder)
            assert 0.9 < time.monotonic() - began < 30
            assert raised.value.message.startswith(
                f"{folder} is in use: process {process.pid} on {platform.node()} has been writing to it since 2"
            )
            assert raised.value.hint == f"wait until it ends, or stop it (kill {process.pid}) and try again"
            assert raised.value.code == 2
        assert not lock.is_free(folder)
        process.kill()
        process.wait()
        assert lock.is_free(folder)
        holder = lock.holder(folder)
        assert holder is not None
        assert (holder.pid, holder.lives) == (process.pid, False)
    with lock.claimed(folder) as doubts:
        assert doubts == []
        assert (folder / ".lock").stat().st_ino == before
        holder = lock.holder(folder)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert not lock.is_free(folder)
    assert lock.holder(folder) is None
    assert (folder / ".lock").stat().st_ino == before
    assert lock.is_free(folder)


def test_a_writer_that_ends_within_the_second_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within half a minute, here: the machine may be busy."""
    assert lock.PATIENCE == 1
    monkeypatch.setattr(lock, "PATIENCE", 30.0)
    with another(tmp_path) as process:
        timer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {process.pid}"])
        with lock.claimed(tmp_path):
            assert lock.holder(tmp_path).pid == os.getpid()  # type: ignore[union-attr]
        timer.wait()


def test_workers_do_not_hold_the_lock(tmp_path: Path) -> None:
    """Neither one that is forked nor one that is started: both outlive their parent here, and the lock is free."""
    script = HOLD.replace("time.sleep(60)", "import os, subprocess\n    child = os.fork()\n    if child:\n"
                          "        other = subprocess.Popen(['sleep', '60'])\n"
                          "        print(child, other.pid, flush=True)\n    time.sleep(60)")  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        workers = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
        process.wait()
        try:
            assert [alive(pid) for pid in workers] == [True, True]
            assert becomes_free(tmp_path)
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGKILL)


def test_a_forked_child_frees_nothing_of_its_parent(tmp_path: Path) -> None:
    """Its way out leads through the claim of its parent."""
    with ExitStack() as claim:
        claim.enter_context(lock.claimed(tmp_path))
        if not (child := os.fork()):
            claim.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not lock.is_free(tmp_path)
        assert lock.holder(tmp_path).lives  # type: ignore[union-attr]


ANSWERS = [None, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS]


@pytest.mark.parametrize("answer", ANSWERS)
def test_without_locks_a_living_process_of_this_machine_alone_refuses(
    answer: int | None,
    tmp_path: Path,
    without_locks: Callable[[int | None], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another machine's is warned of; a dead one, and an older one of the same number, are passed over."""
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    without_locks(answer)
    folder = tmp_path / "run"
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        written(folder, pid=sleeper.pid, born=born(sleeper.pid))
        assert not lock.is_free(folder)
        with pytest.raises(CollapseError, match=f"process {sleeper.pid} on"), lock.claimed(folder):
            pass
        written(folder, pid=sleeper.pid, born="1")
        assert lock.is_free(folder)
        with lock.claimed(folder) as doubts:
            assert doubts == []
            assert not lock.is_free(folder)
        written(folder, pid=sleeper.pid, born=born(sleeper.pid), host="node7\x1b[31m")
        assert not lock.is_free(folder), "it may run there still"
        with lock.claimed(folder) as doubts:
            assert [doubt.partition(",")[0] for doubt in doubts] == [
                f"{folder} was last written to by process {sleeper.pid} on node7\\x1b[31m"
            ]
    finally:
        sleeper.kill()
        sleeper.wait()
    written(folder, pid=DEAD)
    assert lock.is_free(folder)
    with lock.claimed(folder) as doubts:
        assert doubts == []
    assert lock.is_free(folder)


def test_a_lock_of_this_process_number_is_of_another_life(
    tmp_path: Path, without_locks: Callable[[int | None], None]
) -> None:
    """As in a container, where each life's first process has the same number on the same host."""
    without_locks(errno.ENOLCK)
    written(tmp_path, born=born(os.getpid()))
    assert lock.is_free(tmp_path)
    with lock.claimed(tmp_path) as doubts:
        assert doubts == []
        assert not lock.is_free(tmp_path)


def test_another_machine_is_warned_of_where_the_lock_was_free(tmp_path: Path) -> None:
    """It was killed, or this file system's locks do not reach it."""
    written(tmp_path, pid=12, host="node7")
    with lock.claimed(tmp_path) as doubts:
        assert len(doubts) == 1
        assert "process 12 on node7, from 2026-01-01 00:00:00 on" in doubts[0]
    with lock.claimed(tmp_path) as doubts:
        assert doubts == []


@pytest.mark.parametrize(
    "text", ["", "\n", "{", "[]", "null", '{"pid": null}', '{"pid": "x", "host": 1, "since": 2, "born": 3}', "\xff\xfe",
             '{"pid": 1e999, "host": "a", "since": "", "born": ""}', "9" * 5000, "[" * 4000],
)  # fmt: skip
def test_a_lock_that_names_nobody(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    (tmp_path / ".lock").write_text(text, encoding="latin-1")
    assert lock.holder(tmp_path) is None
    with lock.claimed(tmp_path) as doubts:
        assert doubts == []
        (tmp_path / ".lock").write_text(text, encoding="latin-1")
        with pytest.raises(CollapseError, match="is in use: another process writes to it"):
            lock.refuse_held(tmp_path)


def test_what_stands_in_place_of_the_lock_is_not_written_to(tmp_path: Path) -> None:
    """A link to a file of the user's, a pipe, a folder: each is refused at once, and left as it is."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    made = {
        "link": lambda place: place.symlink_to(mine),
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
    }
    for name, make in made.items():
        folder = tmp_path / name
        folder.mkdir()
        make(folder / ".lock")
        with pytest.raises(CollapseError, match="is not an ordinary file") as raised, lock.claimed(folder):
            pass
        assert raised.value.hint == f"move it away: mv {folder}/.lock {folder}/lock.old"
        assert not lock.is_free(folder)
    assert mine.read_text() == "mine"


def test_a_folder_that_cannot_be_claimed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/below"):
        with (
            pytest.raises(CollapseError, match=f"cannot write to {tmp_path / place}"),
            lock.claimed(tmp_path / place),
        ):
            pass
        lock.refuse_held(tmp_path / place)
    lock.refuse_held(tmp_path / "nothing")
    assert not lock.is_free(tmp_path / "nothing")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    """Not a living one's, nor a young draft of an answer, which a reader on another machine may be writing."""
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        stale = [f".checkpoint.pt.{DEAD}.part", f".run.json.{os.getpid()}.part", f"epochs/.0003.pt.{DEAD}.part",
                 f"results/.spectrum.json.{DEAD}.part", f".report.html.{DEAD}.part"]  # fmt: skip
        there = [f".checkpoint.pt.{sleeper.pid}.part", f"results/.probe.json.{DEAD}.part", "checkpoint.pt",
                 "results/probe.json", ".mine.part", "notes.12.part"]  # fmt: skip
        for name in (*stale, *there):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("x")
        for name in stale[-2:]:
            os.utime(tmp_path / name, (time.time() - 100,) * 2)
        sweep(tmp_path)
        assert sorted(
            str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
        ) == sorted(there)
    finally:
        sleeper.kill()
        sleeper.wait()


def test_drafts_are_named_as_files_are_written(tmp_path: Path) -> None:
    from collapse_cli.files import whole

    with whole(tmp_path / "run.json") as draft:
        assert is_draft(draft.name)
        draft.write_text("x")
