"""Files that save time and hold nothing else: in the user's cache folder, checked before they are believed, never required."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from collapse_cli.errors import CollapseError
from collapse_cli.files import whole

VARIABLE, OFF = "COLLAPSE_CACHE_DIR", "off"
MARK = (
    b"collapse cache 1\n"  # what every file begins with; another number, and none of the files before is read
)
DIGEST = 32  # hex digits of the content behind it
LARGEST = 512 << 20  # bytes of one file
MOST = 2 << 30  # bytes of all together: whoever was not read for longest goes first


def user_folder() -> Path:
    """The user's cache folder; who has no home, as a user that only a container knows by number, has it in the current folder."""
    home = os.path.expanduser("~")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("" if home == "~" else home, ".cache"), "collapse")


def folder() -> Path | None:
    """Where the files lie: COLLAPSE_CACHE_DIR, or a folder of the user's cache folder; None where that says `off`."""
    stated = os.environ.get(VARIABLE, "").strip()
    if stated.lower() == OFF:
        return None
    return Path(stated).expanduser() if stated else user_folder() / "seen"


def read(name: str) -> memoryview | None:
    """What was kept under this name; None where nothing was, where it cannot be read, and where it is damaged."""
    place = folder()
    if place is None:
        return None
    try:
        content = memoryview((place / name).read_bytes())
    except (OSError, ValueError):
        return None
    start = len(MARK) + DIGEST
    if bytes(content[: len(MARK)]) != MARK or bytes(content[len(MARK) : start]) != _digest([content[start:]]):
        return None
    with suppress(OSError):
        os.utime(place / name)  # for `_make_room`
    return content[start:]


def write(name: str, parts: Sequence[bytes | memoryview]) -> None:
    """Keep some bytes under a name, whole or not at all. Where that cannot be done, nothing is kept, and nobody is told."""
    place, size = folder(), sum(map(len, parts))
    if place is None or size > LARGEST:
        return
    with suppress(CollapseError, OSError, ValueError):
        place.mkdir(parents=True, exist_ok=True)
        _make_room(place, size)
        with whole(place / name) as draft, draft.open("wb") as file:
            file.writelines((MARK, _digest(parts), *parts))


def _digest(parts: Sequence[bytes | memoryview]) -> bytes:
    total = blake2b(digest_size=DIGEST // 2)
    for part in parts:
        total.update(part)
    return total.hexdigest().encode()


def _make_room(place: Path, size: int) -> None:
    """Remove the files that were not read for longest, until so many bytes more are allowed."""
    states = [(file, file.stat()) for file in place.iterdir() if file.is_file()]
    total = size + sum(state.st_size for _, state in states)
    for file, state in sorted(states, key=lambda each: each[1].st_mtime):
        if total <= MOST:
            return
        file.unlink(missing_ok=True)
        total -= state.st_size
