"""How a training went: its signal and its clock so far, and the same network trained anew without a cause, beside itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import nn

from collapse_cli import methods
from collapse_cli.metrics.causes_signal import Signal, Tried
from collapse_cli.metrics.eigenvalues import effective_rank
from collapse_cli.metrics.history import history
from collapse_cli.metrics.rows import unit
from collapse_cli.progress import counted
from collapse_cli.root_causes import Case, Trained
from collapse_cli.settings import Run
from collapse_cli.training import Epoch, train
from collapse_cli.training_state import start
from collapse_cli.values import Curve, Measured


def signal(case: Case, lines: Sequence[Mapping[str, Any]] = ()) -> Signal:
    """What there is to learn from, and how long keys live. lines: one mapping an epoch, with the fields of `Epoch`."""
    h = effective_rank(unit(case.clean.representations))
    fields = (_clock(case.trained) if case.trained else {}) | _course(lines)
    return Signal(
        std_sqrt_d=case.std_sqrt_d, effective_rank_h=h, effective_rank_z=case.effective_rank, **fields
    )


def _clock(trained: Trained) -> dict[str, Any]:
    if trained.queue is None:
        return {"steps": trained.steps}
    size, momentum = trained.queue, trained.momentum
    return {
        "steps": trained.steps,
        "key_waits": size / trained.keys_per_step,
        "key_encoder": 1 / (1 - momentum) if momentum < 1 else math.inf,
        "queue_age": size / trained.keys_per_epoch,
    }


def _course(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not lines:
        return {}
    curves, last = history(lines), lines[-1]
    return {
        "course": curves.std_sqrt_d,
        "losses": curves.loss,
        "loss": Measured(last["loss"], null=last["chance"]),
    }


def tried(case: Case, run: Run, epochs: int) -> list[Epoch]:
    """The first epochs of a run on the case's images, from the run's own seed and on its own schedule."""
    method = methods.build(run, case.images.data_shape)
    cast(nn.Module, method).to(case.device)
    going = train(method, case.images, case.normalisation, run.training, start(method, run.training))
    return [epoch for _, epoch in zip(counted(range(epochs), "epochs"), going, strict=False)]


def beside(cured: Sequence[Epoch], uncured: Sequence[Epoch]) -> Tried:
    """A cure's epochs beside as many of the run itself."""
    mine, theirs = cured[-1], uncured[-1]
    left, beside_it = _below(mine), [epoch.std_sqrt_d for epoch in uncured]
    return Tried(
        std_sqrt_d=Measured(mine.std_sqrt_d, null=theirs.std_sqrt_d),
        effective_rank=Measured(mine.effective_rank, null=theirs.effective_rank),
        below_chance=None if left is None else Measured(left, null=_below(theirs)),
        course=Curve(
            [epoch.std_sqrt_d for epoch in cured], null=beside_it if len(uncured) == len(cured) else None
        ),
    )


def _below(epoch: Epoch) -> float | None:
    """The share of its chance that a loss has left behind, where it has one."""
    return 1 - epoch.loss / epoch.chance if epoch.chance else None
