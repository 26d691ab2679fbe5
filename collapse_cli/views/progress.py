"""Training as it happens, on stderr: a bar and the last epochs where stderr is a terminal, a plain line now and then else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from collapse_cli.views.words import figures

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.progress import Progress
    from rich.table import Table

LAST = 8  # epochs in the table


class Epoch(Protocol):
    """What the display reads of an epoch; `dimensions` is the width d of z, `extra` what the method adds."""

    number: int
    epochs: int
    loss: float
    chance: float | None
    std_sqrt_d: float
    effective_rank: float
    dimensions: int
    mean_cosine: float
    learning_rate: float
    images_per_second: float
    seconds: float
    extra: dict[str, float]


class Silent:
    """Nothing is shown."""

    def update(self, epoch: Any) -> None:
        """Nothing."""


class Lines:
    """One plain line at the first epoch, at every tenth of the way, and at the last."""

    def __init__(self, method: str, total: int) -> None:
        self.method, self.total, self.tenth = method, total, -1

    def update(self, epoch: Any) -> None:
        """Print the line, if its turn has come."""
        tenth = 10 * epoch.number // max(self.total, 1)
        if tenth > self.tenth:
            self.tenth = tenth
            print(f"{self.method} {line(epoch)}", file=sys.stderr, flush=True)


class Table_:
    """A bar with the time that is left, and a table of the last epochs; redrawn in place."""
