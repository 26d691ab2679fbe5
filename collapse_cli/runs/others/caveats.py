"""What must be said of a foreign network: how open questions were answered, what is not known, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from collapse_cli.runs.others import beside
from collapse_cli.runs.others.candidates import Candidate
from collapse_cli.runs.others.layouts import Choices
from collapse_cli.runs.others.recognition import few, prefixes
from collapse_cli.runs.others.tensors import FileTensors


def assumed(
    held: FileTensors, best: Candidate, choices: Choices, projector: nn.Module | None
) -> Iterator[str]:
    """What the weights leave open, how it was taken, and which option says otherwise."""
    usual = "as usual" if best.layout.stem == "cifar" else f"as in {best.layout.name}"
    origin = usual if choices.stem == "auto" else "as given"
    if best.stem == "imagenet":
        yield "conv1 7x7 with stride 2, padding 3 and pooling, as in torchvision"
    elif best.stem:
        padding = 2 if best.stem == "cifar-pad2" else 1
        yield f"conv1 3x3 with stride 1, padding {padding} and no pooling, {origin} (--stem cifar or cifar-pad2)"
    if best.form:
        yield f"{best.form.heads} attention heads (--heads)"
        yield f"{best.form.activation}, eps {best.form.eps:g} (--activation)"
    if held.averaged:
        yield f"the averaged weights, {held.where} (--branch online)"
    if choices.branch == "auto" and len({branch.role for branch in best.layout.branches}) > 1:
        yield f"the {best.branch.role} network (--branch)"
    layers = projector.modules() if projector else ()
    acts = next((type(layer).__name__ for layer in layers if isinstance(layer, nn.ReLU | nn.GELU)), None)
    if acts:
        yield f"{acts} where the layer numbers of the projector have a gap"


def unknown(held: FileTensors, best: Candidate, lacking: str) -> Iterator[str]:
    """What the file does not tell."""
    if lacking:
        yield lacking
    if best.layout.name == "unknown layout":
        others = tuple(repr(prefix) for prefix in prefixes(held) if prefix != best.branch.encoder)
        yield "the library that has this layout" + (
            f"; there are also {few(others)} (--prefix)" if others else ""
        )
    if held.epoch is None:
        yield "the epoch"
    if held.skipped:
        yield f"what only code can read, and was skipped: {few(held.skipped)}"


def warnings(held: FileTensors, best: Candidate) -> Iterator[str]:
    """What is wrong with the weights."""
    tensors = {**best.weights, **beside.head(held, best)}
    learnt = {name: tensor for name, tensor in tensors.items() if tensor.is_floating_point()}
    broken = tuple(name for name, tensor in learnt.items() if not tensor.isfinite().all())
    if broken:
        yield f"{len(broken)} of {len(learnt)} weights contain nan or infinity: {few(broken)}"
    if best.unexpected:
        yield f"{len(best.unexpected)} weights of the file are not used: {few(best.unexpected)}"
