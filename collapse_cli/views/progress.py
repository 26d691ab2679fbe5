"""Training as it happens, on stderr: a bar and the last epochs on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich import box
from rich.console import Group
from rich.live import Live
from rich.progress import Progress as Bars
from rich.progress import TaskID
from rich.table import Table
from rich.text import Text

from collapse_cli.interrupts import cleaning
from collapse_cli.printable import printable
from collapse_cli.progress import Progress, silent, told_to
from collapse_cli.views.bars import columns
from collapse_cli.views.console import Console
from collapse_cli.views.words import figures

LAST = 8  # epochs in the table
BASE = 68  # letters that the table takes without a method's own numbers


class ShownEpoch(Protocol):
    """What is read of an epoch; `dimensions` is the width d of z, `extra` what the method adds."""

    @property
    def number(self) -> int: ...

    @property
    def epochs(self) -> int: ...

    @property
    def loss(self) -> float: ...

    @property
    def chance(self) -> float | None: ...

    @property
    def std_sqrt_d(self) -> float: ...

    @property
    def effective_rank(self) -> float: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def mean_cosine(self) -> float: ...

    @property
    def learning_rate(self) -> float: ...

    @property
    def images_per_second(self) -> float: ...

    @property
    def seconds(self) -> float: ...

    @property
    def extra(self) -> dict[str, float]: ...


class Display(Protocol):
    """Whatever shows epochs."""

    def update(self, epoch: ShownEpoch) -> None: ...


@contextmanager
def live(method: str, total_epochs: int, enabled: bool) -> Iterator[Display]:
    """The display of a training; `update` it with each epoch. The terminal is restored however the block ends."""
    if not enabled:
        yield Silent()
    elif not _terminal():
        yield Lines(method, total_epochs)
    else:
        console = Console(stderr=True)
        board = Board(method, total_epochs, console)
        with cleaning(), Live(board, console=console, redirect_stdout=False, refresh_per_second=4):
            yield board


@contextmanager
def steps(description: str, total: int, enabled: bool) -> Iterator[Callable[[int], None]]:
    """A bar for a long measurement, gone when it is done; call what it yields with the number of steps made."""
    console = Console(stderr=True)
    shown = enabled and _terminal()
    bars = Bars(*columns(), console=console, transient=True, redirect_stdout=False, disable=not shown)
    with _hiding(shown), bars as bar:
        task = bar.add_task(description, total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def reporter(quiet: bool, doing: str = "measuring") -> Iterator[Progress]:
    """What long work may report to, also by `counted`: its lines appear on stderr, its stages as bars where that is a terminal.

    doing: what is shown, with the seconds that have passed, while no stage is under way.
    """
    if quiet:
        yield silent
        return
    console = Console(stderr=True)
    shown = _terminal()
    bars = Bars(*columns(), console=console, transient=True, redirect_stdout=False, disable=not shown)
    report = Reporter(bars, doing)
    with _hiding(shown), bars, told_to(report):
        yield report


class Reporter:
    """A bar for each stage that is under way, the one within another below it, each gone when it is done."""

    def __init__(self, bars: Bars, doing: str) -> None:
        self.bars = bars
        self.waiting = bars.add_task(doing, total=None)
        self.stages: dict[str, TaskID] = {}

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        """Print a line, or move the bar of this stage to `done` of `total`."""
        if not total:
            print(printable(text), file=sys.stderr, flush=True)
            return
        if text not in self.stages:
            self.stages[text] = self.bars.add_task(text, total=total, visible=False)  # drawn only if it lasts
        self.bars.update(self.stages[text], completed=done, visible=True)
        if done >= total:
            self.bars.remove_task(self.stages.pop(text))
        self.bars.update(self.waiting, visible=not self.stages)


class Silent:
    """Shows nothing."""

    def update(self, epoch: ShownEpoch) -> None:
        """Nothing."""


class Lines:
    """One plain line for the first epoch, for every tenth of the way, and for the last."""

    def __init__(self, method: str, total: int) -> None:
        self.method, self.total, self.tenth = method, total, -1

    def update(self, epoch: ShownEpoch) -> None:
        """Print the line, if its turn has come."""
        tenth = 10 * epoch.number // max(self.total, 1)
        if tenth > self.tenth:
            self.tenth = tenth
            print(f"{self.method}: {_line(epoch)}", file=sys.stderr, flush=True)


class Board:
    """A bar with the time left, and under it a table of the last epochs."""

    def __init__(self, method: str, total: int, console: Console) -> None:
        self.console = console
        self.bar = Bars(*columns(), console=console)
        self.task = self.bar.add_task(method, total=total)
        self.epochs: deque[ShownEpoch] = deque(maxlen=LAST)

    def update(self, epoch: ShownEpoch) -> None:
        """Show one more epoch; the epochs before a resumed run say nothing about its pace."""
        if not self.epochs and epoch.number > 1:
            self.bar.reset(self.task, completed=epoch.number - 1)
        self.epochs.append(epoch)
        self.bar.update(self.task, completed=epoch.number)

    def __rich__(self) -> Group:
        if not self.epochs:
            return Group(self.bar)
        extra = self.epochs[-1].extra
        fits = BASE + sum(max(len(name), 6) + 2 for name in extra) <= self.console.width
        below = [] if fits or not extra else [Text(_extras(extra), "dim")]
        return Group(self.bar, _table(list(self.epochs), list(extra) if fits else []), *below)


def _hiding(cursor: bool) -> AbstractContextManager[None]:
    """Within it the cursor may be hidden, and has to be shown at the end."""
    return cleaning() if cursor else nullcontext()


def _terminal() -> bool:
    """Whether stderr can redraw what it has shown."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _table(epochs: list[ShownEpoch], extras: list[str]) -> Table:
    """One row for each epoch, the newest last and bright."""
    table = Table(
        box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim"
    )
    names = "epoch", "loss / chance level", "std·√d", "rank of z", "cosine", "rate", *extras, "images/s"
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for epoch in epochs:
        table.add_row(*_cells(epoch, extras), style="" if epoch is epochs[-1] else "dim")
    return table


def _cells(epoch: ShownEpoch, extras: list[str]) -> list[str]:
    return [
        str(epoch.number),
        _loss(epoch),
        f"{epoch.std_sqrt_d:.3f}",
        _rank(epoch),
        f"{epoch.mean_cosine:.3f}",
        figures(epoch.learning_rate),
        *(figures(epoch.extra.get(name), pad=True) for name in extras),
        f"{epoch.images_per_second:.0f}",
    ]


def _loss(epoch: ShownEpoch) -> str:
    """The loss beside its chance level: `4.12 / 6.24`."""
    return f"{epoch.loss:.2f}" + ("" if epoch.chance is None else f" / {epoch.chance:.2f}")


def _rank(epoch: ShownEpoch) -> str:
    return f"{epoch.effective_rank:.1f}/{epoch.dimensions}"


def _extras(extra: dict[str, float]) -> str:
    return " · ".join(f"{name} {figures(value)}" for name, value in extra.items())


def _line(epoch: ShownEpoch) -> str:
    """An epoch in one plain line."""
    chance = "" if epoch.chance is None else f" (chance level {epoch.chance:.2f})"
    facts = [
        f"epoch {epoch.number}/{epoch.epochs}",
        f"loss {epoch.loss:.2f}{chance}",
        f"std·√d {epoch.std_sqrt_d:.3f}",
        f"rank of z {_rank(epoch)}",
        f"cosine {epoch.mean_cosine:.3f}",
        *([_extras(epoch.extra)] if epoch.extra else []),
        f"{epoch.images_per_second:.0f} images/s",
    ]
    return " · ".join(facts)
