"""What must be said of a foreign network: how open questions were answered, what is not known, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from collapse_cli.runs.others import branches, leftovers
from collapse_cli.runs.others.beside import Projector
from collapse_cli.runs.others.candidates import Candidate
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.recognition import few
from collapse_cli.runs.others.tensors import FileTensors


def assumed(held: FileTensors, best: Candidate, choices: Choices, projector: Projector) -> Iterator[str]:
    """What the weights leave open, how it was taken, and which option says otherwise."""
    yield from best.reading.assumed
    if choices.branch == "auto" and not choices.prefix:
        yield from _branch(held, best)
    yield from projector.assumed


def _branch(held: FileTensors, best: Candidate) -> Iterator[str]:
    """Which of several encoders was taken."""
    others = branches.in_words(held, best.layout, best.branch, leftovers.used_by_encoder(held, best))
    taken = f"the averaged weights, {held.where}" if held.where else "averaged weights"
    if not held.averaged:
        name = branches.written(held, best.branch.encoder)
        taken = f"the {best.branch.role} network" + (f", {name}" if name else "")
    if others:
        yield f"{taken}; the file also holds {few(others)}"
    elif held.averaged:
        yield taken


def unknown(held: FileTensors, best: Candidate, projector: Projector) -> Iterator[str]:
    """What the file does not tell."""
    yield from projector.unknown
    if best.layout.name == "unknown layout":
        yield "the library that has this layout"
    if held.epoch is None:
        yield "the epoch"
    if held.skipped:
        yield f"what only code can read, and was skipped: {few(held.skipped)}"


def warnings(best: Candidate, projector: Projector) -> Iterator[str]:
    """What is wrong with the weights."""
    tensors = {**best.weights, **projector.weights}
    learnt = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    broken = tuple(name for name, tensor in learnt.items() if not _is_finite(tensor))
    if broken:
        yield f"{len(broken)} of {len(learnt)} weights contain nan or infinity: {few(broken)}"


def _is_finite(tensor: Tensor) -> bool:
    """Whether no number is nan or infinite. Their sum tells it in one pass, unless it overflows itself."""
    total = tensor.sum(dtype=torch.float64 if tensor.dtype == torch.float64 else torch.float32)
    return bool(total.isfinite()) or bool(tensor.isfinite().all())
