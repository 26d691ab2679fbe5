"""The papers' claims, one file each: what is run, what is measured, when it holds. Nothing here opens a file.

Each file holds one `CLAIM`. Its arms are trained for several seeds (`trial`), its measures taken of each, and its checks asked
of all of them together.
"""

from __future__ import annotations

from importlib import import_module

from collapse_cli.claims.claim import Arm, Check, Claim
from collapse_cli.errors import CollapseError, nearest

NAMES = (
    "positive-only",
    "momentum",
    "momentum-batch-norm",
    "class-oracle",
    "mechanisms",
    "stop-gradient",
    "uniformity",
    "clustering",
    "cures",
    "causes",
)

__all__ = ["NAMES", "Arm", "Check", "Claim", "load"]


def load(name: str) -> Claim:
    """The claim of that name. Raises CollapseError for an unknown one."""
    if name not in NAMES:
        raise CollapseError(f"there is no claim named '{name}'", nearest(name, list(NAMES)))
    claim: Claim = import_module(f"{__name__}.{name.replace('-', '_')}").CLAIM
    return claim
