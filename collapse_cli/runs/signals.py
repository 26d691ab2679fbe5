"""What signals ask of a command that trains: SIGTERM to end at once, SIGUSR1 to save after the step under way and end.

They are listened to by a command, which owns its process, and only while it trains: never on behalf of a library.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.interrupts import TERMINATED
from collapse_cli.ranks import first

GRACE = 1.0  # seconds that a long computation may still take after SIGTERM
POSIX = os.name == "posix"


class Terminated(BaseException):
    """SIGTERM has arrived. Raised in the main thread wherever that is, as KeyboardInterrupt is."""


@dataclass
class Signals:
    """What has arrived so far. last: writes what is still to be written where a process has to end within a long computation."""

    requeue: bool = False
    terminated: bool = False
    last: Callable[[], None] | None = None

    def _terminate(self, *_: Any) -> None:
        if not self.terminated:
            self.terminated = True
            raise Terminated

    def _requeue(self, *_: Any) -> None:
        self.requeue = True


@contextmanager
def listening() -> Iterator[Signals]:
    """Within it signals are listened to, where this is the main thread. Handlers of before are put back.

    Raises CollapseError with code 143 in place of Terminated. Of several processes the first alone has something to write:
    SIGTERM and Ctrl-C end the others at once.
    """
    signals = Signals()
    if not POSIX or threading.current_thread() is not threading.main_thread():
        yield signals
        return
    handlers: dict[signal.Signals, Any] = {
        signal.SIGUSR1: signals._requeue,
        signal.SIGTERM: signals._terminate,
    }
    if not first():
        handlers |= {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.SIG_DFL}
    try:
        with _handled(handlers), _in_time(signals):
            yield signals
    except Terminated:  # also one that arrives while the handlers of before are put back
        raise CollapseError("terminated", "", TERMINATED) from None


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in handlers}
    try:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _in_time(signals: Signals) -> Iterator[None]:
    """A handler runs between two instructions of Python, and one of torch may take long: a thread ends the process instead.

    Whoever was woken by signals before is still woken, by this thread.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    left = threading.Event()

    def watch() -> None:
        while arrived := os.read(reading, 1):
            if before >= 0:
                os.write(before, arrived)
            if arrived[0] == signal.SIGTERM and not left.wait(GRACE):
                if signals.last:
                    signals.last()
                os._exit(TERMINATED)
        os.close(reading)

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        left.set()
        signal.set_wakeup_fd(before)
        os.close(writing)
