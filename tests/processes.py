"""Other processes, for the tests of what a signal ends: their children, and what they show on a terminal."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from torch import multiprocessing

needs_linux = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="needs Linux, to find the children of a process"
)


def children(process: int) -> list[int]:
    """Of a process and of all its threads; none once it has ended."""
    with suppress(OSError):
        threads = list(Path(f"/proc/{process}/task").iterdir())
        return [int(child) for each in threads for child in (each / "children").read_text().split()]
    return []


def alive(process: int) -> bool:
    """Whether it runs: not where it has ended and nobody has asked how."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def used(process: int) -> float:
    """Seconds of a processor that it has used; 0 once it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def drawn(terminal: int, words: bytes | None = None, seconds: float = 120) -> bytes:
    """What appears on a pseudo-terminal until these words do, or the other end is closed; an error after so many seconds."""
    text, end = b"", time.monotonic() + seconds
    while words is None or words not in text:
        assert select.select([terminal], [], [], max(end - time.monotonic(), 0))[0], text.decode(
            errors="replace"
        )
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # as Linux says that the other end is closed
            break
        if not part:
            break
        text += part
    return text


def two(work: Callable[..., None], *given: Any) -> None:
    """Run `work(rank, *given)` in two processes at once, forked from one that has imported torch and nothing of this one."""
    multiprocessing.set_forkserver_preload(["torch", "collapse_cli.training", "collapse_cli.cli"])
    multiprocessing.start_processes(work, given, nprocs=2, start_method="forkserver")
