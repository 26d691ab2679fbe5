"""Where a training of ours sends what its monitor sees, beside the run folder's own file. Needs no torch until then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.integrations.libraries import library
from collapse_cli.ranks import first


def refuse(tensorboard: bool, monitor_every: int) -> None:
    """Raises CollapseError where TensorBoard is wanted, and there is nothing to write for it, or nothing to write it with."""
    if tensorboard and not monitor_every:
        raise CollapseError(
            "--tensorboard has nothing to write with --monitor-every 0", "leave one of them out"
        )
    if tensorboard:
        library("torch.utils.tensorboard", "tensorboard")


def sink(
    folder: Path, tensorboard: bool
) -> AbstractContextManager[Callable[[dict[str, Any]], object] | None]:
    """Of the first process: a sink for TensorBoard in the run folder, if that is wanted."""
    if not (tensorboard and first()):
        return nullcontext()
    from collapse_cli.integrations.tensorboard import TensorBoardSink

    return TensorBoardSink(folder / "tensorboard")
