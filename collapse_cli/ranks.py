"""Which of several processes this is, as torchrun tells each of them. Nothing here needs torch."""

from __future__ import annotations

import os


def world() -> int:
    """How many processes train together; 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Which of the processes this is."""
    return int(os.environ.get("RANK", "0"))


def first() -> bool:
    """Whether this is the process that prints and writes."""
    return os.environ.get("RANK", "0") == "0"
