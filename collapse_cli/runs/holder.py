"""The process that writes to a run folder, as its lock names it."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from collapse_cli.printable import printable

LONGEST = 80  # letters that are read of a name


@dataclass(frozen=True)
class Holder:
    """A process that writes to a folder, or was killed while it did. born: tells it from a later one of the same number."""

    pid: int
    host: str
    since: str
    born: str

    @classmethod
    def of_this_process(cls) -> Holder:
        return cls(os.getpid(), _host(), time.strftime("%Y-%m-%d %H:%M:%S"), born(os.getpid()))

    @classmethod
    def read(cls, text: bytes) -> Holder | None:
        """From a line of JSON; None where it names no process, or something else wrote it."""
        try:
            fields = json.loads(text.splitlines()[0])
            host, since = (printable(str(fields[name])[:LONGEST]) for name in ("host", "since"))
            return cls(abs(int(fields["pid"])) or 1, host, since, str(fields["born"]))
        except (LookupError, TypeError, ValueError, ArithmeticError, RecursionError):
            return None

    @property
    def in_words(self) -> str:
        return f"process {self.pid} on {self.host}"

    @property
    def here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == _host()

    @property
    def lives(self) -> bool:
        """Whether this machine still has it."""
        return self.here and alive(self.pid) and self.born == born(self.pid)


def alive(pid: int) -> bool:
    """Whether this machine has a process of this number."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        process = kernel.OpenProcess(0x100000, False, pid)  # SYNCHRONIZE
        lives = bool(process) and kernel.WaitForSingleObject(process, 0) == 0x102  # WAIT_TIMEOUT
        kernel.CloseHandle(process)
        return lives
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def born(pid: int) -> str:
    """When a process of this machine began, by the kernel's clock; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _host() -> str:
    return printable((platform.node() or "this machine")[:LONGEST])
