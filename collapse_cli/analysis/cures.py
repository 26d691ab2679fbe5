"""A cause -> the command that would train the same run without it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.metrics.causes import Cause
from collapse_cli.settings import METHODS, Run, resolve


def command(cause: Cause, run: Run, settings: Path | None, out: str) -> str:
    """`collapse train …`, from the run's own settings.toml, or from its settings one by one where there is none."""
    method = cause.instead or run.method
    whole = settings is not None and not _foreign(run, method)
    said = ["--config", str(settings)] if whole else _words(_changed(run, method))
    return shlex.join(["collapse", "train", method, *said, *_words(cause.cure), "--out", out])


def cured(cause: Cause, run: Run) -> Run:
    """The run that the command would train."""
    method = cause.instead or run.method
    return resolve(method, _every(run, method), dict(cause.cure))


def _foreign(run: Run, method: str) -> bool:
    """Whether the run's settings hold knobs that another method has not got."""
    known = {field.name for field in dataclasses.fields(METHODS[method])}
    return not {field.name for field in dataclasses.fields(run.settings)} <= known


def _every(run: Run, method: str) -> dict[str, Any]:
    """The settings of a run that the method knows too."""
    parts = [run.settings] if method == run.method else []
    return {k: v for part in [*parts, run.model, run.training] for k, v in dataclasses.asdict(part).items()}


def _changed(run: Run, method: str) -> dict[str, Any]:
    """Those of them that are not the method's defaults."""
    usual = resolve(method)
    default = {
        k: v
        for part in (usual.settings, usual.model, usual.training)
        for k, v in dataclasses.asdict(part).items()
    }
    return {name: value for name, value in _every(run, method).items() if value != default[name]}


def _words(settings: Mapping[str, Any]) -> list[str]:
    """Options: `--name value`; a switch that is turned off is set by `--set`, for not all have a name of their own for it."""
    words: list[str] = []
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words += [option]
        elif value is False:
            words += ["--set", f"{name}=false"]
        else:
            words += [option, str(value)]
    return words
