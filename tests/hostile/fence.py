"""A fence around a process: from here on it, and what it forks, can change files below one folder only. Linux's Landlock.

Hostile cases write to `/`, to `~` and to devices where they can, and whoever runs the tests may be root.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

CREATE, ADD, RESTRICT = 444, 445, 446  # the same numbers on every machine
WRITE, TRUNCATE = 1 << 1, 1 << 14
CHANGES = WRITE | sum(1 << right for right in range(4, 14))  # removing and making of every kind, and moving
NO_NEW_PRIVILEGES = 38


def _call(number: int, *values: object) -> int:
    return int(ctypes.CDLL(None, use_errno=True).syscall(number, *values))


def version() -> int:
    """Of Landlock; 0 where there is none."""
    return max(_call(CREATE, None, 0, 1), 0) if sys.platform == "linux" else 0


def possible() -> bool:
    """From the second version on files can be moved within the folder."""
    return version() >= 2


def needed() -> bool:
    """Nothing else protects the machine from a command of its administrator."""
    return os.name == "posix" and os.geteuid() == 0


def put_around(room: Path) -> None:
    """Only files below `room` can be written, made, moved or removed; no way back."""
    rights = CHANGES | (TRUNCATE if version() >= 3 else 0)
    rules = _call(CREATE, struct.pack("Q", rights), 8, 0)
    for place, allowed in (
        (room, rights),
        (Path(os.devnull), WRITE),
        (Path("/proc/self/clear_refs"), WRITE),
    ):
        opened = os.open(place, os.O_PATH)
        _checked(_call(ADD, rules, 1, struct.pack("<Qi", allowed, opened), 0))
        os.close(opened)
    ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _checked(_call(RESTRICT, rules, 0))
    os.close(rules)


def _checked(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
