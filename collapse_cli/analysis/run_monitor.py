"""The monitor of our own trainings: the one that anybody's loop may have, told of every step by the training itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from collapse_cli.analysis.monitor import CollapseMonitor
from collapse_cli.analysis.monitor_words import message
from collapse_cli.metrics.alarm import Alarm, Warned
from collapse_cli.metrics.looks import Look
from collapse_cli.models.modes import evaluated
from collapse_cli.ranks import first
from collapse_cli.runs.checkpoint import Checkpoint
from collapse_cli.runs.record import Record

Sink = Callable[[dict[str, Any]], object]


def monitored(
    checkpoint: Checkpoint,
    record: Record,
    every: int,
    tell: Callable[[str], object],
    sink: Sink | None = None,
) -> Checkpoint:
    """The same run, looked at every so many steps, 0 for never: its looks go to monitor.jsonl and to `sink`.

    A collapse is told once, in words, and recorded in run.json. Of several processes, which all hold whole batches, the first
    looks. Where the run goes on, its monitor does too; one without a saved state knows at which step it begins.
    """
    if not every or not first():
        return checkpoint
    negatives, classifier = checkpoint.method.negatives, checkpoint.method.classifier

    def warn(warned: Warned) -> None:
        _record(record, monitor)
        tell(message(warned))

    monitor = CollapseMonitor(
        every,
        window=1,
        on_collapse=warn,
        folder=record.folder,
        sink=sink,
        queue=0 if negatives is None else len(negatives.keys),
        prototypes=0 if classifier is None else len(classifier),
        gather=False,
        contrastive=checkpoint.method.temperature
        is not None,  # a softmax over candidates, whose cross-entropy has one
    )
    _go_on(monitor, checkpoint)
    _record(record, monitor)
    return replace(checkpoint, observer=monitor)


def _record(record: Record, monitor: CollapseMonitor) -> None:
    """What the monitor has warned of so far, in run.json."""
    warned = [{"kind": each.kind, "step": each.step, "message": message(each)} for each in monitor.warned]
    record.say(collapse=warned)


def _go_on(monitor: CollapseMonitor, checkpoint: Checkpoint) -> None:
    """With the saved state, if it is sound and of this step; else from this step on, knowing nothing of those before."""
    begun, step = monitor.state_dict(rows=False), checkpoint.state.steps_done
    if step == 0:
        return
    try:
        _refuse_odd(checkpoint.observed, begun, step)
        _refuse_other_width(checkpoint.observed["origin"], checkpoint)
        monitor.load_state_dict(checkpoint.observed)
    except Exception:  # whatever a state trips over that is damaged, of another version, or not there
        monitor.load_state_dict({**begun, "step": step})


def _refuse_odd(saved: Any, begun: Mapping[str, Any], step: int) -> None:
    """Raises anything for a state that no monitor gave: what is wrong in its alarm, two looks trip over."""
    if saved.keys() != begun.keys() or saved["step"] != step:
        raise ValueError("not the state of a monitor at this step")
    alarm = Alarm()
    alarm.load_state_dict(saved["alarm"])
    for ahead, spread in ((1, 1.0), (2, 0.0)):  # of a healthy training, and with every sign of collapse
        shares = dict.fromkeys(("top_share", "mean_cosine", "line_cosine"), 1 - spread)
        alarm.update(Look(step + ahead, 8, 8, True, spread, spread, effective_rank=1 + 7 * spread, **shares))
    for each in saved["warned"]:
        message(Warned(*each))


def _refuse_other_width(origin: Any, checkpoint: Checkpoint) -> None:
    """Raises anything for what is no mean of embeddings z (B,d) of this network; d is that of a blank image's, in eval mode."""
    if origin is None:
        return
    device = checkpoint.state.generator.device
    network = nn.Sequential(checkpoint.method.encoder, checkpoint.method.projector)
    with evaluated(network):
        z = network(torch.zeros(1, *checkpoint.shape, device=device))  # (1, d)
    if not (isinstance(origin, Tensor) and origin.is_floating_point() and origin.isfinite().all()):
        raise ValueError("its origin is no row of finite numbers")
    if origin.shape != z.shape[1:]:
        raise ValueError("its origin is of another network")
