"""The body of every command that asks one measurement of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from functools import reduce
from types import MappingProxyType
from typing import Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Saved, Shown
from collapse_cli.settings import fill

INCONCLUSIVE = 3


def ask(
    name: str,
    inputs: Sequence[Path],
    typed: dict[str, Any],
    together: bool = False,
    beside: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    **options: Any,
) -> None:
    """Load, measure, show; 3 where every verdict is inconclusive. options: those of the measurement itself; together: the inputs
    are states, to be merged; beside: other measurements that are shown with this one, with their options."""
    shown, measuring, saved = fill(Shown, typed), fill(Measuring, typed), fill(Saved, typed)
    output = shown.output()
    from collapse_cli.analysis.catalogue import measurement
    from collapse_cli.analysis.measured import measured
    from collapse_cli.analysis.parts import ready
    from collapse_cli.answers import joined
    from collapse_cli.commands.output import finish, save
    from collapse_cli.ranks import first
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        loaded = ready(inputs, measuring, saved.save_state, together, progress)
        answer = measured(measurement(name), loaded, **options)
        others = [measured(measurement(other), loaded, **its) for other, its in beside.items()]
    finish(reduce(joined, others, answer), output)
    if len(loaded) == 1 and (record := loaded[0].record) and first():
        for each in (answer, *others):
            save(record, each)
    if answer.undecided():
        raise typer.Exit(INCONCLUSIVE)
