"""What was seen of a source when all its images were looked at, kept so that a measurement need not look at all of them again.

It is believed as long as no file of the source has another size, time of change or place on the disk than it had then. Every
change, renaming or replacement of a file through the system moves one of these, and then all images are looked at again. What
does not move them is damage beneath the file system: of that only the images that are decoded tell.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import PIL

from collapse_cli.data import cache
from collapse_cli.data.encoded import formats
from collapse_cli.data.survey import Look
from collapse_cli.shapes import Framing

FORMAT = 1  # raised with the rules by which images are looked at
SETTLED = (
    2.0  # seconds for which a file did not change: within one tick of its clock two changes have one time
)
DISTINCT = 1 << 16  # kinds of looks, above which nothing is kept
_wanted: ContextVar[bool] = ContextVar("wanted", default=False)


@contextmanager
def as_needed() -> Iterator[None]:
    """Within it images that were looked at before, and have not changed since, are decoded when they are asked for."""
    before = _wanted.set(True)
    try:
        yield
    finally:
        _wanted.reset(before)


def wanted() -> bool:
    return _wanted.get()


@dataclass(frozen=True)
class Survey:
    """looks: of the images of a split; beside: of the others. decoded: all of the split were, so that none of them is damaged."""

    looks: Sequence[Look]
    beside: Sequence[Look]
    decoded: bool


def key(files: Sequence[Path], chosen: Sequence[int], skip_broken: bool) -> str:
    """The name under which a survey is kept: of the state of the files, and of what is chosen of them.

    Empty where it cannot be told by their times that they stay as they are: without files, with one that is not there, and
    with one that changed just now.
    """
    total, latest = sha256(), 0.0
    rules = (FORMAT, PIL.__version__, *formats(), skip_broken, len(files))
    total.update(repr(rules).encode())
    for file in files:
        try:
            state = file.stat()
        except (OSError, ValueError):
            return ""
        latest = max(latest, state.st_mtime, state.st_ctime)
        times = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev)
        total.update(f"{file.absolute()} {times}\n".encode("utf-8", "surrogatepass"))
    total.update(array("q", chosen).tobytes())
    return f"{total.hexdigest()[:40]}" if files and latest < time.time() - SETTLED else ""


def of_pixels(name: str, framing: Framing, background: str, white: float) -> str:
    """The name under which images of a survey are kept once they are decoded so."""
    return sha256(repr((name, sorted(asdict(framing).items()), background, white)).encode()).hexdigest()[:40]


def read(name: str) -> Survey | None:
    """The survey of this name; None where there is none."""
    content = cache.read(f"{name}.survey") if name else None
    if content is None:
        return None
    try:
        fields = json.loads(bytes(content))
        table = [_look(each) for each in fields["table"]]
        parts = (_unpacked(fields[part]) for part in ("looks", "beside"))
        looks, beside = ([table[code] for code in part] for part in parts)
        return Survey(looks, beside, fields["decoded"] is True)
    except (LookupError, TypeError, ValueError, zlib.error):
        return None


def write(name: str, survey: Survey) -> None:
    """Keep it, if it has a name, and where few of its looks differ: as a table of those, and numbers in it."""
    numbers: dict[Look, int] = {}
    codes = [
        [numbers.setdefault(look, len(numbers)) for look in part] for part in (survey.looks, survey.beside)
    ]
    if not name or len(numbers) > DISTINCT:
        return
    looks, beside = map(_packed, codes)
    table = [_fields(look) for look in numbers]
    fields = {"table": table, "looks": looks, "beside": beside, "decoded": survey.decoded}
    cache.write(f"{name}.survey", [json.dumps(fields).encode()])


def _fields(look: Look) -> list[object]:
    deep = (look.least, look.most, look.full)
    return [list(look.size), sorted(look.traits), look.name, look.mode, *deep, look.broken]


def _look(fields: list[Any]) -> Look:
    (width, height), traits, *others = fields
    return Look((width, height), frozenset(traits), *others)


def _packed(codes: Sequence[int]) -> str:
    return base64.b64encode(zlib.compress(array("I", codes).tobytes())).decode()


def _unpacked(text: str) -> array[int]:
    codes = array("I")
    codes.frombytes(zlib.decompress(base64.b64decode(text)))
    return codes
