"""A monitor for anyone's training loop: it looks at a batch now and then, warns of collapse, and judges what it has seen."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

from torch import Tensor, nn

from collapse_cli.analysis.array_inputs import Array
from collapse_cli.analysis.modules import Pool
from collapse_cli.analysis.monitor_course import Course
from collapse_cli.analysis.monitor_hooks import Hooks
from collapse_cli.analysis.monitor_inputs import Loss, given
from collapse_cli.analysis.monitor_reports import OnCollapse, Reports, Sink
from collapse_cli.analysis.monitor_watching import Watching
from collapse_cli.analysis.result import Result
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.alarm import Warned
from collapse_cli.metrics.looks import Look
from collapse_cli.stage import End

CALL = "call {} in train mode first, with gradients enabled: steps in eval mode or under no_grad do not count"


class CollapseMonitor:
    """Has the representation collapsed while it trains? In anyone's loop: `m.update(z)` once a step, after the forward pass.

    It looks at step 1 and at every `every`-th, and warns once for each kind, in words: of nan, of a scale that vanishes, of
    complete collapse, of embeddings on one line, of a rank that falls late. A fall that belongs to learning is none. The loss
    alone never warns: that of SimSiam falls to -1, and that of BYOL to 0 (-1 for the negative cosine), in healthy training, too;
    where it is at a chance level, ln B, ln(B·world), ln(2B-1), ln(K+1) or ln(prototypes), that is named.
    `compute()` judges the embeddings of the last `window` looks, 64 MB at most and sampled beyond, as `diagnose` does.

    every: steps between looks; a step without a look costs microseconds. on_collapse: "warn" calls `warnings.warn`; "raise"
    raises CollapseError out of `update`; a function is called with the `Warned`: its kind, step, evidence. folder: looks and
    warnings are appended to its monitor.jsonl. sink: called with a flat dict of each look, as `wandb.log` takes it; of one that
    warns with `warning` and `message`, too. queue, prototypes: K keys of a queue of negatives, and how many prototypes there
    are, for their chance levels. gather: under torch.distributed the processes put their rows together at each look, so that
    every one has to call `update` at each step; False: each looks at its own. seed: of the sample. contrastive: False for a loss
    without a chance level, as that of VICReg, Barlow Twins, SimSiam or BYOL, so that none is named.

    Numbers of a GPU are read when they have arrived, so that no step waits: its warnings come a step or more later.

    >>> import torch
    >>> m = CollapseMonitor(every=1, on_collapse=lambda warned: print(warned.kind, "at step", warned.step))
    >>> generator = torch.Generator().manual_seed(0)
    >>> for step in range(100):
    ...     z = torch.randn(64, 8, generator=generator) * (1 if step < 60 else 1e-3)
    ...     m.update(z)
    collapse of scale at step 81
    >>> int(m.compute().active)  # about its mean, and whatever its scale
    8
    """

    def __init__(
        self,
        every: int = 50,
        window: int = 8,
        on_collapse: OnCollapse = "warn",
        folder: str | os.PathLike[str] | None = None,
        sink: Sink | None = None,
        queue: int = 0,
        prototypes: int = 0,
        *,
        gather: bool = True,
        seed: int = 0,
        contrastive: bool = True,
    ) -> None:
        """Raises CollapseError for arguments out of range, and for a folder that cannot be written."""
        _refuse(every=every, window=window, queue=queue, prototypes=prototypes)
        self._reports = Reports(on_collapse, None if folder is None else Path(folder), sink)
        sizes = {"queue": queue, "prototypes": prototypes} if contrastive else None
        self._settings = (every, window, seed, gather, sizes)
        self._course = Course(self._reports, *self._settings)
        self._hooks: Hooks | None = None

    @classmethod
    def watch(
        cls, model: nn.Module, layers: Sequence[str] = (), sink: Sink | None = None, *,
        pool: Pool = "auto", passes: int = 1, halves: bool = False, **settings: Any,
    ) -> AbstractContextManager[CollapseMonitor]:  # fmt: skip
        """A monitor that is fed by forward hooks: `with CollapseMonitor.watch(model, layers=["backbone"]) as m:`.

        layers: names of one or two submodules: the output of the last is z, that of one before it h; none: what the model
        returns is z. Names inside of DistributedDataParallel need no "module.". pool: as `embed` takes it.
        passes: how often the last layer is called in a step; of two calls, the first gives z and the second z2, the other view.
        halves: one call is of both views, one below the other: z and z2 are its halves. Where gradients are accumulated, every
        forward pass is a step. Only calls in train mode with gradients enabled count, and what activation checkpointing
        computes again does not. Layers have forward hooks in the steps that are looked at alone. A loss is told by `note_loss`.
        settings: as of the class.

        Raises CollapseError for an unknown layer, and for a compiled model, whose hooks may not be called: use update().
        """
        monitor = cls(sink=sink, **settings)
        monitor._course.late = True
        monitor._hooks = hooks = Hooks(monitor._course_now, model, layers, pool, passes, halves)
        return Watching(monitor, hooks)

    def _course_now(self) -> Course:
        return self._course

    @property
    def step(self) -> int:
        """How many steps were counted."""
        return self._course.step

    @property
    def due(self) -> bool:
        """Whether the next `update` looks, so that what it is given need be computed only then."""
        return self._course.due

    @property
    def warned(self) -> tuple[Warned, ...]:
        """The warnings so far, in their order."""
        return tuple(self._course.warned)

    @property
    def last_look(self) -> Look | None:
        """The last look that was read."""
        return self._course.last

    def update(
        self,
        z: Array | Tensor,
        z2: Array | Tensor | None = None,
        h: Array | Tensor | None = None,
        labels: Any = None,
        loss: Loss = None,
    ) -> None:
        """One step. z (B,d): what the loss compares; z2 (B,d): the other views of the same images; h (B,D): representations;
        labels (B,) whole numbers, -1 where none is known; loss: of this step, a number.

        Raises CollapseError for what are no embeddings of one batch, and where `on_collapse` says so.
        """
        self._course.count(self._course.due, lambda: given(z, z2, h, labels, loss))

    def note_loss(self, loss: Loss) -> None:
        """The loss of the step whose forward pass was just watched: for a look, and whether it is finite and at a chance level.

        Of a step that is not looked at it costs nothing, and waits for nothing. Processes do not ask each other for theirs.
        """
        self._course.note(loss)

    def compute(self) -> Result:
        """The verdict on the embeddings of the last looks, as `diagnose` gives it, with N and the steps they are of.

        Of no more embeddings than dimensions it judges what needs no more: whether all lie on one ray, whether two views of an
        image are nearer than two images, whether what all have in common was there at the start; and it says how more are had.
        Under torch.distributed it needs no other process. Raises CollapseError, with code 3, where nothing was looked at yet.
        """
        from collapse_cli.analysis.monitor_judging import (
            judgement_of,  # all metrics: a training needs none of them
        )

        seen = self._course.seen
        if self._hooks is not None:
            seen = replace(seen, remedy=CALL.format(self._hooks.called))
        return judgement_of(seen, self._course.remarks)

    def reset(self) -> None:
        """As at its construction: a training begins anew. Not for the end of an epoch: the start of the training is what tells
        a collapse from an offset, and `compute` can be asked at any time.
        """
        self._go_on(self._anew())
        self._reports.reset()

    def merge_state(self, other: CollapseMonitor) -> None:
        """With the embeddings that another monitor holds: those of one step become one batch. A monitor that has seen nothing yet
        takes all of the other's state.
        """
        if not isinstance(other, CollapseMonitor):
            raise CollapseError(
                f"merge_state() was given a {type(other).__name__}", "give another CollapseMonitor"
            )
        if self.step == 0:
            self.load_state_dict(other.state_dict())
            return
        self._course.merge(other._course)

    def state_dict(self, rows: bool = True) -> dict[str, Any]:
        """What a checkpoint keeps, so that a resumed training is judged as an unbroken one: numbers, texts, and tensors on the
        CPU. rows: False leaves out the embeddings that `compute` judges, up to 64 MB; the warnings need none.
        """
        return self._course.state(rows)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What `state_dict` gave; the next step is counted after it. Raises CollapseError for what is no such state."""
        course = self._anew()
        course.load(state)
        self._go_on(course)

    def _anew(self) -> Course:
        course = Course(self._reports, *self._settings)
        course.late = self._course.late
        return course

    def _go_on(self, course: Course) -> None:
        self._course = course
        if self._hooks is not None:
            self._hooks.next_step()

    def close(self, status: End = "complete") -> None:
        """Nothing comes after it: the last look is read, and monitor.jsonl ends with the status. The second time does nothing."""
        if status not in get_args(End):
            raise CollapseError(f"status cannot be {status!r}", f"it is one of {', '.join(get_args(End))}")
        try:
            # after an error of the loop, that error is what its user has to see
            with suppress(Exception) if status == "failed" else nullcontext():
                self._course.read()
                self._course.close()
        finally:
            self._reports.end(self.step, status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        stopped = isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
        self.close("complete" if kind is None else "stopped" if stopped else "failed")


def _refuse(**counts: int) -> None:
    for name, count in counts.items():
        least = 0 if name in ("queue", "prototypes") else 1
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise CollapseError(f"{name} cannot be {count!r}", f"it is a whole number of at least {least}")
