"""Ctrl-C from the first line on: one line, 130; a second one ends at once. Nothing large is imported here: this comes first.

While modules are imported and nothing has to be cleaned up, the process ends there and then: a library may swallow a
KeyboardInterrupt in the middle of its import, or make another error of it. Else it is raised.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys

TYPE_CHECKING = False  # importing `typing` takes as long as all of this
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

REQUEUE, INTERRUPTED, TERMINATED = 75, 130, 143
STOPPED = (REQUEUE, INTERRUPTED, TERMINATED)
"""Exit codes of what somebody wants to be over: at once, without what Python tidies up."""

LINE = b"collapse: interrupted\n"
CURSOR = b"\x1b[?25h"  # a bar hides it
AGAIN = 0.02  # seconds until a KeyboardInterrupt that Python could not pass on is raised once more


class _Now:
    """How things stand in this process."""

    heard = False
    over = False
    cleaning = 0


_now = _Now()


def listen() -> None:
    """From now on Ctrl-C is ours; where it is ignored, as in the background of a script, it stays so."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    signal.signal(signal.SIGINT, _hear)
    signal.signal(signal.SIGALRM, _hear_again)
    sys.unraisablehook = _not_passed_on
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    _thread.start_new_thread(_watch, (reading,))


def heard() -> bool:
    """Whether somebody has pressed Ctrl-C: whatever error came of it, it is no other."""
    return _now.heard


class cleaning:
    """Within it something is at the end to be removed, told or restored, also after a Ctrl-C."""

    def __enter__(self) -> None:
        _now.cleaning += 1

    def __exit__(self, *_: object) -> None:
        _now.cleaning -= 1


def over(code: int) -> None:
    """All is done but for what Python tidies up at the end, where nobody hears a KeyboardInterrupt; it takes torch over a second.

    After a stop it is left out.
    """
    _now.over = True
    if code in STOPPED:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        _free_semaphores()
        os._exit(code)


def _free_semaphores() -> None:
    """Those of a pool of processes: whoever counts them for Python would tell of each that is left."""
    pools = sys.modules.get("multiprocessing.util")
    if pools is not None:
        pools._run_finalizers()


def leave() -> None:
    """End at once."""
    try:
        os.write(2, (CURSOR if os.isatty(2) else b"") + LINE)
    finally:
        os._exit(INTERRUPTED)


def _hear(number: int, frame: FrameType | None) -> None:
    if _now.heard or _now.over or (not _now.cleaning and _importing(frame)):
        leave()
    _now.heard = True
    raise KeyboardInterrupt


def _hear_again(number: int, frame: FrameType | None) -> None:
    _now.heard = False
    _hear(number, frame)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _not_passed_on(unraisable: Any) -> None:
    """Python drops what is raised in a finaliser, and prints it."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
    else:
        sys.__unraisablehook__(unraisable)


def _watch(reading: int) -> None:
    """In a thread of its own: the second Ctrl-C ends the process also while it computes, and Python hears no signal."""
    count = 0
    while count < 2:
        count += os.read(reading, 64).count(signal.SIGINT)
    leave()
