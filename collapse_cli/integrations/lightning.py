"""A callback for Lightning, by either of its names, `lightning` and `pytorch_lightning`, whose callbacks have different bases."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from torch import Tensor

from collapse_cli.analysis.modules import Pool
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.integrations.libraries import Derived, derived, library
from collapse_cli.integrations.step_hooks import NOTHING, Layers
from collapse_cli.integrations.trainer_monitor import OnCollapseOrStop, TrainerMonitor

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def collapse_callback(
    layers: Sequence[str] = (),
    *,
    z: str = "z",
    z2: str = "z2",
    h: str = "h",
    pool: Pool = "auto",
    passes: int = 1,
    halves: bool = False,
    on_collapse: OnCollapseOrStop = "warn",
    prefix: str = "collapse/",
    **settings: Any,
) -> Any:
    """A callback for `Trainer(callbacks=[…])`, of whichever package is in use; of both, where both are.

    It takes embeddings from what `training_step` returns, {"loss": loss, "z": z}, by the names z, and z2 and h where these are
    there; or, with `layers`, from one or two layers of the module by hooks: the last gives z, one before it h. passes: how often
    a layer is called in a step for views that belong together; of two, the first gives z and the second z2; halves: one call is
    of both views, one below the other. One step of the optimizer is one update, of the last batch whose gradients it accumulates,
    and with layers of the first. Validation is not looked at.

    Numbers go to all loggers of the trainer, and as `trainer.callback_metrics` to other callbacks, after `prefix`. Checkpoints
    carry the monitor. on_collapse: as of `CollapseMonitor`, or "stop", which ends the training as early stopping does. settings:
    of `CollapseMonitor`, such as every, folder and sink.

    Raises CollapseError where neither package is installed, and for settings that a monitor does not take.
    """
    kind = derived(CollapseCallback, *_bases())
    watched = TrainerMonitor(Layers.of(layers, pool, passes, halves), on_collapse, settings)
    return kind(watched, {"z": z, "z2": z2, "h": h}, prefix)


class CollapseCallback(Derived):
    """What `collapse_callback` makes."""

    def __init__(self, watched: TrainerMonitor, names: dict[str, str], prefix: str) -> None:
        super().__init__()
        self.watched, self.names, self.prefix = watched, names, prefix
        self.before = 0  # steps of the optimizer at the last update
        self.open = False  # a step has begun that the optimizer has not made yet

    @property
    def state_key(self) -> str:
        """Callbacks that watch other layers have other states."""
        return f"CollapseCallback{list(self.watched.layers.names) or self.names}"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage == "fit":  # processes know of each other by now, and a checkpoint is read next
            self.watched.begin(goes_on=trainer.global_step > 0)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.before, self.open = trainer.global_step, False
        if not self.watched.layers.names:
            return
        if getattr(pl_module, "_compiler_ctx", None) is not None:
            raise CollapseError(
                "the LightningModule is compiled, and the hooks of its layers may not be called",
                'leave out layers=, and return {"loss": loss, "z": z} from training_step',
            )
        self.watched.watch(pl_module)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.watched.hooks is not None and not self.open:
            self.watched.hooks.begin()
        self.open = True

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step == self.before:  # gradients are accumulated
            return
        self.before, self.open = trainer.global_step, False
        if self.watched.hooks is not None:
            self.watched.hooks.end(_loss(outputs))
        else:
            self._update(outputs)
        self._log(trainer, pl_module)
        trainer.should_stop = self.watched.should_stop or trainer.should_stop

    def _update(self, outputs: Any) -> None:
        monitor = self.watched.monitor
        assert monitor is not None
        if not monitor.due:
            monitor.update(NOTHING)
            return
        given = outputs if isinstance(outputs, Mapping) else {}
        if self.names["z"] not in given:
            what = f"training_step returned no '{self.names['z']}'"
            remedy = 'return {"loss": loss, "z": z}, say with z= what it is called, or watch layers=["NAME"]'
            names = [str(name) for name in given if name != "loss"]
            raise CollapseError(what, f"{nearest(self.names['z'], names)}; {remedy}" if names else remedy)
        spaces = {space: given[name] for space, name in self.names.items() if name in given}
        monitor.update(**spaces, loss=_loss(outputs))

    def _log(self, trainer: Any, pl_module: Any = None) -> None:
        """In the steps that were looked at, whichever the trainer itself logs in. pl_module: None where it may not log."""
        numbers, age = self.watched.numbers(self.prefix)
        if numbers and pl_module is not None:
            pl_module.log_dict(numbers, on_step=True, on_epoch=False, logger=False, batch_size=1)
        for logger in trainer.loggers if numbers else ():
            logger.log_metrics(numbers, step=trainer.global_step - age)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.watched.close("complete")
        self._log(trainer)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.watched.close("stopped" if isinstance(exception, KeyboardInterrupt | SystemExit) else "failed")

    def state_dict(self) -> dict[str, Any]:
        return {} if self.watched.monitor is None else self.watched.monitor.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if self.watched.monitor is None:
            self.watched.begin()
        self.watched.load(state_dict)


def _loss(outputs: Any) -> Tensor | None:
    loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
    return loss if isinstance(loss, Tensor) else None


def _bases() -> list[type]:
    """Of the packages that are imported; of the first that can be, where none is."""
    used = [name for name in PACKAGES if sys.modules.get(name) is not None]
    for name in PACKAGES if not used else ():
        with suppress(CollapseError):
            library(name, "lightning")
            used = [name]
            break
    if not used:
        library(PACKAGES[0], "lightning")  # raises, with the remedy
    return [sys.modules[name].Callback for name in used]
