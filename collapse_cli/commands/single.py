"""The body of every command that asks one measurement of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from collapse_cli.analysis.measuring import Measuring
from collapse_cli.commands.options import Saved, Shown
from collapse_cli.settings import fill

INCONCLUSIVE = 3

Beside = Callable[[Any, Sequence[Any]], Any]
"""An answer about subjects -> the answer that is shown."""


def alone(answer: Any, loaded: Sequence[Any]) -> Any:
    """The same answer."""
    return answer


def ask(
    name: str,
    inputs: Sequence[Path],
    typed: dict[str, Any],
    together: bool = False,
    beside: Beside = alone,
    across: bool = False,
    **options: Any,
) -> None:
    """Load, measure, show; 3 where every verdict is inconclusive. options: those of the measurement itself; together: the inputs
    are states, to be merged; beside: what is shown with this answer, and not kept in a run folder;
    across: inputs of one network are compared with each other."""
    shown, measuring, saved = fill(Shown, typed), fill(Measuring, typed), fill(Saved, typed)
    output = shown.output()
    from collapse_cli.analysis.across import contrasts, loaded_on, with_contrasts
    from collapse_cli.analysis.catalogue import measurement
    from collapse_cli.analysis.measured import measured
    from collapse_cli.analysis.parts import ready
    from collapse_cli.commands.output import finish, save
    from collapse_cli.ranks import first
    from collapse_cli.views.progress import reporter

    with reporter(shown.quiet) as progress:
        several = typed.get("datasets")
        loaded = (
            loaded_on(inputs, measuring, several, progress)
            if several
            else ready(inputs, measuring, saved.save_state, together, progress)
        )
        between = contrasts(loaded) if across else []
        answer = measured(measurement(name), loaded, **options)
        shown_with = with_contrasts(beside(answer, loaded), between)
    finish(shown_with, output)
    if len(loaded) == 1 and (record := loaded[0].record) and first():
        save(record, answer)
    if answer.undecided():
        raise typer.Exit(INCONCLUSIVE)
