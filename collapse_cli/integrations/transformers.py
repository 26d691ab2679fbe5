"""A callback for the Trainer of Hugging Face's transformers, which hands it no outputs: it watches layers by hooks."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from collapse_cli.analysis.modules import Pool
from collapse_cli.distributed import processes
from collapse_cli.errors import CollapseError
from collapse_cli.integrations.libraries import Derived, derived, library
from collapse_cli.integrations.step_hooks import Layers
from collapse_cli.integrations.trainer_monitor import OnCollapseOrStop, TrainerMonitor
from collapse_cli.runs import pickled

LOG = logging.getLogger(__name__)
FILE = "collapse_monitor.pt"
"""In a checkpoint's folder."""


def collapse_callback(
    layers: Sequence[str],
    *,
    pool: Pool = "auto",
    passes: int = 1,
    halves: bool = False,
    on_collapse: OnCollapseOrStop = "warn",
    prefix: str = "collapse/",
    **settings: Any,
) -> Any:
    """A callback for `Trainer(callbacks=[…])`; `add_to` also brings its numbers to all that the Trainer reports to.

    layers: one or two names of layers, as in `dict(model.named_modules())`: the last gives z, one before it h. pool: tokens
    (B,T,D) become (B,D) by the "mean" of all T, padding included, or by the "first"; "auto" refuses them. passes: how often a
    layer is called in a step for views that belong together; of two, the first gives z and the second z2; halves: one call is of
    both views, one below the other. One step of the optimizer is one update, of the first batch whose gradients it accumulates.
    Evaluation is not looked at.

    Numbers come to `trainer.state.log_history` with the Trainer's own. A checkpoint's folder gets collapse_monitor.pt, from which
    a training in the same `output_dir` resumes. on_collapse: as of `CollapseMonitor`, or "stop", which ends the training in the
    Trainer's way. settings: of `CollapseMonitor`, such as every, folder and sink.

    Raises CollapseError where transformers is not installed, and for settings that a monitor does not take.
    """
    base = library("transformers", "transformers").TrainerCallback
    kind = derived(CollapseCallback, base)
    return kind(TrainerMonitor(Layers.of(layers, pool, passes, halves), on_collapse, settings), prefix)


def add_to(trainer: Any, layers: Sequence[str], **settings: Any) -> Any:
    """The callback, added to a Trainer through whose `log` its numbers go, to TensorBoard, W&B and all that it reports to.

    settings: as of `collapse_callback`.
    """
    callback = collapse_callback(layers, **settings)
    callback.log = trainer.log
    trainer.add_callback(callback)
    return callback


class CollapseCallback(Derived):
    """What `collapse_callback` makes."""

    def __init__(self, watched: TrainerMonitor, prefix: str) -> None:
        super().__init__()
        if not watched.layers.names:
            raise CollapseError(
                "the Trainer hands no outputs to its callbacks", 'name a layer to watch: layers=["NAME"]'
            )
        self.watched, self.prefix = watched, prefix
        self.log: Any = None  # the Trainer's, where it is known
        self.waiting: dict[str, float] = {}  # numbers that the next log takes along

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        if getattr(args, "torch_compile", False):
            raise CollapseError(
                "the model is to be compiled, and the hooks of its layers may not be called",
                "leave out torch_compile=True, or call CollapseMonitor.update() in compute_loss",
            )
        before = self.watched.monitor
        self.watched.begin(goes_on=before is not None and before.step == state.global_step)
        self._resume(Path(args.output_dir), state.global_step)
        self.watched.watch(model)
        atexit.register(self._fail)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.watched.hooks is not None:
            self.watched.hooks.begin()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        if self.watched.hooks is None:
            return control
        self.watched.hooks.end()
        self._tell(state, control)
        if self.watched.should_stop:
            control.should_training_stop = True
        return control

    def _tell(self, state: Any, control: Any) -> None:
        """The numbers of a new look go to the Trainer's log, or wait for the next one."""
        numbers, _ = self.watched.numbers(self.prefix)
        if self.log is None:
            self.waiting.update(numbers)
        elif numbers and state.is_world_process_zero:
            logs = control.should_log
            self.log(numbers)
            control.should_log = logs  # the handler of this log has taken it for the Trainer's own

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """The Trainer's own log takes along what waits."""
        if self.waiting and logs is not None and {"loss", "train_loss"} & set(logs):
            logs.update(self.waiting)
            if state.log_history:
                state.log_history[-1].update(self.waiting)
            self.waiting = {}

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        if self.watched.monitor is not None and state.is_world_process_zero and folder.is_dir():
            torch.save(self.watched.monitor.state_dict(), folder / FILE)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.watched.close("complete")
        self._tell(state, control)
        atexit.unregister(self._fail)

    def _fail(self) -> None:
        """No event tells a callback of an error: a training that has not ended when the process ends has failed."""
        self.watched.close("failed")

    def _resume(self, folder: Path, step: int) -> None:
        """Every process goes on from the file that the first one sees, or from none."""
        monitor = self.watched.monitor
        if step == 0 or monitor is None or monitor.step == step:
            return
        path = folder / f"checkpoint-{step}" / FILE
        states = [pickled.read(path) if path.is_file() else None]
        if processes() > 1:
            torch.distributed.broadcast_object_list(states, 0)
        if states[0] is not None:
            self.watched.load(states[0])
            return
        LOG.warning(
            "The training resumes at step %s without %s: the monitor begins here, and does not know the start of the training.",
            f"{step:,}",
            path,
        )
