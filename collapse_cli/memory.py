"""How much memory this machine has, and the refusal of settings that would take more."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping

from collapse_cli.errors import CollapseError

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")


def memory() -> int:
    """Bytes of this machine's memory; without end where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # names that only some systems have
        return sys.maxsize


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
