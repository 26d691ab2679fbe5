"""How much memory there is, how much of it a file may take, and the refusal of settings that would take more."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from collapse_cli.errors import CollapseError

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgtp])(i?))?b?", re.IGNORECASE)
OPTION, VARIABLE = "--max-memory", "COLLAPSE_MAX_MEMORY"
SHARE = (
    2  # what is free, by the part of it that a file may take: the other half is for what is computed of it
)
UNLIMITED = 1 << 60  # a limit of a cgroup above this is none

_chosen: list[int] = []  # the budgets of the commands that run, the innermost last


def memory() -> int:
    """Bytes of this machine's memory; without end where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # names that only some systems have
        return sys.maxsize


def budget() -> int:
    """Bytes that may be allocated for what is read from files; what is mapped or streamed does not count.

    What --max-memory says, or COLLAPSE_MAX_MEMORY, else half of what is free. Within one command it stays the same, for what
    was allocated already counts against it. Raises CollapseError where the variable holds no size.
    """
    if _chosen and not _chosen[-1]:
        _chosen[-1] = _usual()
    return _chosen[-1] if _chosen else _usual()


def _usual() -> int:
    stated = os.environ.get(VARIABLE, "").strip()
    return parsed(stated, VARIABLE) if stated else free(int(time.monotonic())) // SHARE


@contextmanager
def bounded(size: str) -> Iterator[None]:
    """Within it the budget is `size`, as --max-memory has it; empty: the usual. Raises CollapseError for what is no size."""
    stated = os.environ.get(VARIABLE, "").strip()
    _chosen.append(parsed(size, OPTION) if size else parsed(stated, VARIABLE) if stated else 0)
    try:
        yield
    finally:
        _chosen.pop()


def parsed(text: str, name: str) -> int:
    """Bytes of `4GB`, `1.5GiB` or `500000`; units are powers of 1000, with an i of 1024. Raises CollapseError for others."""
    match = SIZE.fullmatch(text.strip())
    size = 0
    if match:
        base = 1024 if match[3] else 1000
        size = int(float(match[1]) * base ** " kmgtp".index((match[2] or " ").lower()))
    if not 0 < size < sys.maxsize:
        raise CollapseError(f"{name} {text!r} is not an amount of memory", f"write it as {name_of(name)}")
    return size


def enough(size: int) -> str:
    """`1.3GB`: a value of the option that allows `size` bytes."""
    power = max(0, min(5, (len(str(size)) - 1) // 3))
    return f"{math.ceil(10 * size / 1000**power) / 10:g}{' kMGTP'[power].strip()}B"


def name_of(name: str) -> str:
    """An example that can be typed, of the option or of the variable."""
    return f"{name} 4GB" if name == OPTION else f"{name}=4GB"


@lru_cache(maxsize=1)  # of one second
def free(second: int) -> int:
    """Bytes that this process can still have: the least of what the machine, its cgroup and its address space have left."""
    return max(0, min((_of_machine(), *_of_cgroups(), *_of_address_space())))


def _of_machine() -> int:
    """What the kernel counts as available; where it does not say, all that is built in."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return memory()


def _of_cgroups() -> Iterator[int]:
    """What the groups of this process have left, each and those above it; what can be taken back from caches counts as left.

    In a container the path of a group may be that of the host; then what is mounted is the group itself.
    """
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory") or "memory" in controllers.split(","):
                root = Path("/sys/fs/cgroup") / ("memory" if controllers else "")
                folder = root / path.lstrip("/")
                for group in (folder, *folder.parents):
                    if group.is_relative_to(root):
                        yield from _of_group(group, bool(controllers))


def _of_group(group: Path, first_version: bool) -> Iterator[int]:
    limit, usage, cache = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        if first_version
        else ("memory.max", "memory.current", "inactive_file")
    )
    with suppress(OSError, ValueError):  # no such group, or `max`
        most = int((group / limit).read_text())
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        if most < UNLIMITED:
            yield most - int((group / usage).read_text()) + int(counts.get(cache, 0))


def _of_address_space() -> Iterator[int]:
    """What RLIMIT_AS leaves, where there is one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            yield limit - pages * os.sysconf("SC_PAGE_SIZE")


def refuse_beyond(
    takes: Callable[[Mapping[str, int]], float],
    sizes: Mapping[str, int],
    usual: Mapping[str, int],
    there: int,
) -> None:
    """Raises CollapseError where `takes(sizes)` bytes are more than `there` are.

    It names the option without which least is taken, that is with its usual value in place of the size given.
    """
    needed = takes(sizes)
    if needed <= there:
        return
    without = {name: takes({**sizes, name: usual[name]}) for name in sizes if sizes[name] != usual[name]}
    name = min(without, key=without.__getitem__, default="")
    option = f"--{name.replace('_', '-')} {sizes[name]}" if name else "this"
    amount = "more memory than can be addressed" if needed >= sys.maxsize else f"{in_words(needed)} of memory"
    raise CollapseError(
        f"{option} would take {amount}, more than the {in_words(there)} there are",
        f"lower --{name.replace('_', '-')}; the default is {usual[name]}" if name else "use a larger machine",
    )


def in_words(size: float) -> str:
    """`1.5 GB`: bytes to two digits, in powers of 1000."""
    power = 0
    while size >= 1000 and power < len(UNITS) - 1:
        size, power = size / 1000, power + 1
    return f"{size:.1f} {UNITS[power]}" if power and size < 100 else f"{size:.0f} {UNITS[power]}"
