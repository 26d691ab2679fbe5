"""Inputs as a command or a function names them -> subjects, of which a state may be saved, or which are states to be merged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from collapse_cli.analysis import states
from collapse_cli.analysis.inputs import load_all
from collapse_cli.analysis.measuring import Measuring
from collapse_cli.analysis.subject import Subject
from collapse_cli.errors import CollapseError
from collapse_cli.progress import Progress
from collapse_cli.runs.states import is_at
from collapse_cli.views import targets

OPTION = "--save-state"


def ready(
    inputs: Sequence[Path], measuring: Measuring, out: str, together: bool, progress: Progress
) -> list[Subject]:
    """Inputs, loaded; together: they are states, of which one is made. out: where a state is saved, empty for nowhere."""
    target = Path(out) if out else None
    if target is not None:
        refuse_target(target, inputs)
    if together:
        return [states.merged(inputs, target, progress)]
    loaded = load_all(inputs, measuring, progress)
    return loaded if target is None else [states.saved_as(states.only_one(loaded), target)]


def refuse_target(target: Path, inputs: Sequence[Path] = ()) -> None:
    """Raises CollapseError, before anything is read, for what cannot become a state, or holds something else."""
    targets.check(target, (".npz",), OPTION)
    if any(target.exists() and path.exists() and target.samefile(path) for path in inputs):
        raise CollapseError(f"{OPTION} {target} is one of the inputs", "name another file")
    if target.exists() and not is_at(target):
        raise CollapseError(f"{OPTION} {target} exists already, and is not a state", "name another file")
