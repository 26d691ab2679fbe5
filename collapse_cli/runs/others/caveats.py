"""What must be said of a foreign network: how open questions were answered, what is not known, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_cli.runs.others.beside import Projector
from collapse_cli.runs.others.candidates import Candidate
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.recognition import few, prefixes
from collapse_cli.runs.others.tensors import FileTensors


def assumed(held: FileTensors, best: Candidate, choices: Choices, projector: Projector) -> Iterator[str]:
    """What the weights leave open, how it was taken, and which option says otherwise."""
    yield from best.reading.assumed
    if held.averaged:
        yield f"the averaged weights, {held.where} (--branch online)"
    if choices.branch == "auto" and len({branch.role for branch in best.layout.branches}) > 1:
        yield f"the {best.branch.role} network (--branch)"
    yield from projector.assumed


def unknown(held: FileTensors, best: Candidate, projector: Projector) -> Iterator[str]:
    """What the file does not tell."""
    yield from projector.unknown
    if best.layout.name == "unknown layout":
        others = tuple(repr(prefix) for prefix in prefixes(held) if prefix != best.branch.encoder)
        yield "the library that has this layout" + (
            f"; there are also {few(others)} (--prefix)" if others else ""
        )
    if held.epoch is None:
        yield "the epoch"


def warnings(best: Candidate, projector: Projector) -> Iterator[str]:
    """What is wrong with the weights."""
    tensors = {**best.weights, **projector.weights}
    learnt = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    broken = tuple(name for name, tensor in learnt.items() if not tensor.isfinite().all())
    if broken:
        yield f"{len(broken)} of {len(learnt)} weights contain nan or infinity: {few(broken)}"
