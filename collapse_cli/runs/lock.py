"""One writer for each run folder: a lock on its file `.lock`, which names the process that holds it. Nothing here needs torch.

The file is made once. It is neither replaced nor deleted, for a lock is on a file and not on its name, and it stays when a run is
overwritten. The system frees the lock when its process ends, however it ends; the name then stays, and tells of a kill. Readers
take no lock.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from collapse_cli.errors import CollapseError
from collapse_cli.runs.holder import Holder
from collapse_cli.runs.litter import sweep
from collapse_cli.runs.shell import quoted

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = ".lock"
PATIENCE, PAUSE = 1.0, 0.05  # seconds that a second writer waits for the first, and between two tries
BUSY = {
    errno.EWOULDBLOCK,
    errno.EAGAIN,
    errno.EACCES,
}  # all else (ENOLCK, ENOTSUP …) says that there are no locks here
LONGEST = 4096  # bytes that are read of the file

Taken = Literal["free", "held", "unknown"]
"""Whether a lock could be had; unknown where the file system has none."""

_held: set[int] = set()  # descriptors through which this process holds locks


def _let_go() -> None:
    """In a child made by fork: it has a copy of each descriptor, which would hold the lock beyond its parent's end."""
    for opened in _held:
        os.close(opened)
    _held.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go)


def holder(folder: Path) -> Holder | None:
    """Who wrote to a folder last, and did not say that it ended; None where nobody is named."""
    with _looked_at(folder) as opened:
        return None if opened is None else _named(opened)


def is_free(folder: Path) -> bool:
    """Whether it is certain that no process writes to a run folder. Nothing is written to find out."""
    with _looked_at(folder) as opened:
        if opened is None:
            return False
        state, named = _try(opened, shared=True), _named(opened)
        return state == "free" or (
            state == "unknown" and (named is None or (named.here and not _lives(named)))
        )


@contextmanager
def _looked_at(folder: Path) -> Iterator[int | None]:
    """The lock file to be read; None where there is none."""
    try:
        opened = _opened(folder, os.O_RDONLY)
    except (OSError, CollapseError):
        yield None
        return
    try:
        yield opened
    finally:
        os.close(opened)


def refuse_held(folder: Path) -> None:
    """Raises CollapseError where another process writes to a folder, after a second; nothing is written, nor made."""
    with suppress(OSError):  # of a folder that cannot be read the claim tells
        opened = _opened(folder, os.O_RDONLY)
        try:
            _wait(opened, folder, shared=True)
        finally:
            os.close(opened)


@contextmanager
def claimed(folder: Path) -> Iterator[list[str]]:
    """Within it, this process alone writes to a run folder, which is made where it is missing.

    Yields what is to be warned of, in general nothing. Raises CollapseError where another process writes to it, after a second.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = _opened(folder, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise CollapseError(
            f"cannot write to {folder}: {error.strerror}", "choose a folder that you may write to"
        ) from None
    try:
        _wait(opened, folder)
        before = _named(opened)
    except BaseException:
        os.close(opened)
        raise
    _held.add(opened)
    try:
        _write(opened, asdict(Holder.of_this_process()))
        sweep(folder)
        yield list(_doubts(before, folder))
    finally:
        if opened in _held:  # a child that was forked meanwhile let go of it
            _held.discard(opened)
            _write(opened, {})
            os.close(opened)


def _doubts(before: Holder | None, folder: Path) -> Iterator[str]:
    """Of a process on another machine that never said it ended: it was killed, or this file system's locks do not reach it."""
    if before and not before.here:
        yield (
            f"{folder} was last written to by {before.in_words}, from {before.since} on, which did not say that it ended; "
            "if it still runs there, stop one of the two, for both would write to this folder"
        )


def _wait(opened: int, folder: Path, shared: bool = False) -> None:
    """Take the lock. Raises CollapseError where another process holds it for longer than a second."""
    until = time.monotonic() + PATIENCE
    while True:
        state, named = _try(opened, shared), _named(opened)
        if state == "free" or (state == "unknown" and not _lives(named)):
            return
        if time.monotonic() >= until:
            raise _in_use(folder, named)
        time.sleep(PAUSE)


def _in_use(folder: Path, named: Holder | None) -> CollapseError:
    if named is None:
        return CollapseError(
            f"{folder} is in use: another process writes to it",
            f"wait until it ends; it has {quoted(folder / NAME)} open",
        )
    where = "" if named.here else f"on {named.host}, "
    return CollapseError(
        f"{folder} is in use: {named.in_words} has been writing to it since {named.since}",
        f"wait until it ends, or stop it ({where}kill {named.pid}) and try again",
    )


def _opened(folder: Path, how: int) -> int:
    """The lock file of a folder. Raises CollapseError where something else is in its place, as a link to another file."""
    place = folder / NAME
    try:
        opened = os.open(place, how | _plain(), 0o666)
        if stat.S_ISREG(os.fstat(opened).st_mode):
            return opened
        os.close(opened)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise
    raise CollapseError(
        f"{place} is not an ordinary file", f"move it away: mv {quoted(place)} {quoted(folder / 'lock.old')}"
    )


def _plain() -> int:
    """Flags of an open that follows no link and waits for no pipe."""
    return 0 if sys.platform == "win32" else os.O_NOFOLLOW | os.O_NONBLOCK


def _try(opened: int, shared: bool = False) -> Taken:
    if fcntl is None:
        return "unknown"
    try:
        fcntl.flock(opened, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return "held" if error.errno in BUSY else "unknown"
    return "free"


def _write(opened: int, holder: dict[str, object]) -> None:
    """Over what is there, and then cut, so that a reader meets a whole line. A full disk hinders no lock."""
    line = (json.dumps(holder) + "\n").encode()
    with suppress(OSError):
        os.lseek(opened, 0, os.SEEK_SET)
        os.write(opened, line)
        os.ftruncate(opened, len(line))


def _named(opened: int) -> Holder | None:
    """The holder in an open lock file; None for a file that names none, or cannot be read."""
    try:
        os.lseek(opened, 0, os.SEEK_SET)
        return Holder.read(os.read(opened, LONGEST))
    except OSError:
        return None


def _lives(named: Holder | None) -> bool:
    """Whether a process of this machine: this one itself only where it holds a lock, for numbers are used again."""
    return named is not None and named.lives and (named.pid != os.getpid() or bool(_held))
