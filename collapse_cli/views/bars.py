"""The columns of a bar: what is done, how much of how much, at which rate, and how long it will take yet."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from collapse_cli.views.words import figures


class Count(MofNCompleteColumn):
    """`12/50`; nothing where nobody knows of how many."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class Rate(ProgressColumn):
    """`256/s`, once it is known."""

    def render(self, task: Task) -> Text:
        return Text(f"{figures(float(f'{task.speed:.2g}'))}/s" if task.speed else "", "dim")


class Left(TimeRemainingColumn):
    """The time left; the time since the start where nobody knows of how many."""

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return super().render(task)
        return Text(f"{int(task.elapsed or 0)} s", "dim")


def columns() -> tuple[ProgressColumn, ...]:
    """For a bar of rich."""
    description = TextColumn("{task.description}", markup=False)
    return description, BarColumn(bar_width=32), Count(), Rate(), Left(elapsed_when_finished=True)
