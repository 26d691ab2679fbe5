"""What a run remembers of encoded images, to know them again: digests of some, as they are kept, and of the sizes of all."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from pathlib import Path

from collapse_cli.data.encoded import Encoded
from collapse_cli.fingerprint import Contents, digest, sampled

Read = Callable[[int], Encoded]


def contents(read: Read, count: int, files: bool) -> Contents:
    """Of `count` images. files: each is a file of its own, whose size is cheap to ask for."""
    sizes = (b"%d" % _size(read(place).content) for place in range(count))
    return Contents(digest(sizes) if files else "", tuple(_digest(read(place)) for place in sampled(count)))


def _size(content: Path | bytes) -> int:
    """-1 for what is not there any more."""
    try:
        return content.stat().st_size if isinstance(content, Path) else len(content)
    except OSError:
        return -1


def _digest(encoded: Encoded) -> str:
    """Empty for what is no ordinary file, or not there any more: to decode it says why it cannot be read."""
    if isinstance(encoded.content, bytes):
        return digest([encoded.content])
    try:
        if not stat.S_ISREG(encoded.content.stat().st_mode):
            return ""
        with encoded.content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError:
        return ""
