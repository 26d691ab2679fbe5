"""Freed memory is kept for the next step of a computation, where glibc by default gives large pieces back to the system.

A step of training frees and allocates the same few hundred megabytes each time. What comes from the system anew is zeroed page
by page, which takes a quarter of a training on a CPU.
"""

from __future__ import annotations

import functools
import os
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # as malloc.h numbers them
PIECES = (
    1 << 28,
    1 << 25,
)  # bytes up to which a piece is kept: arrays of data are larger; and what old versions allow
UNUSED = 1 << 30  # bytes that are kept in all, at the end of the heap
STATED = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")
"""Variables by which a user decides it: then nothing is changed."""


@functools.cache
def keep_freed_memory() -> bool:
    """Of this process, once; whether it could be done: the system is glibc's, and no variable says otherwise.

    It is the process's own matter, so commands ask for it, and the Python API does not.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in STATED):
        return False
    try:
        import ctypes

        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018 - of glibc alone: musl has neither this nor such thresholds
        kept = any(library.mallopt(MMAP_THRESHOLD, size) for size in PIECES)
        return kept and bool(library.mallopt(TRIM_THRESHOLD, UNUSED))
    except (ImportError, OSError, AttributeError):
        return False
