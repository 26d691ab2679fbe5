"""The children of a process, as Linux tells of them, for the tests of what a signal ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

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
