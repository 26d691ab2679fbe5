"""One step of training: the loss of a batch, its gradients, the optimizer's step. Nothing here waits for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn

from collapse_cli import distributed
from collapse_cli.errors import CollapseError
from collapse_cli.methods import Method
from collapse_cli.optimizers import Optimizer
from collapse_cli.settings import Training
from collapse_cli.shapes import Batch

LossOf = Callable[[Batch], Tensor]
Forward = Callable[..., Any]


def step(
    method: Method, batch: Batch, optimizer: torch.optim.Optimizer | Optimizer, loss_of: LossOf
) -> Tensor:
    """The optimizer moves the weights once, at the learning rate that it holds. The loss () float32, on the device."""
    return accumulated(method, (batch,), optimizer, loss_of)


def accumulated(
    method: Method, batches: Sequence[Batch], optimizer: torch.optim.Optimizer | Optimizer, loss_of: LossOf
) -> Tensor:
    """The same step by the mean of the gradients of several batches; the loss is the mean of theirs."""
    optimizer.zero_grad(set_to_none=True)
    losses = [gradients(batch, loss_of) for batch in batches]
    if len(batches) > 1:
        for parameter in cast(nn.Module, method).parameters():
            if parameter.grad is not None:
                parameter.grad /= len(batches)
    distributed.average_gradients(cast(nn.Module, method))
    optimizer.step()
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()


def gradients(batch: Batch, loss_of: LossOf) -> Tensor:
    """Those of the loss of a batch are added to the parameters' gradients. The loss () float32, on the device."""
    loss = loss_of(batch)
    torch.autograd.backward(loss)
    return loss.detach().float()


def ready(method: Method, settings: Training, optimizer: torch.optim.Optimizer | Optimizer) -> LossOf:
    """The loss of a method, as it is computed fastest on its device; its weights are laid out for that.

    Compiled are its networks, and only within a step: between two steps they are what they always are.
    """
    network = cast(nn.Module, method)
    device = next(network.parameters()).device
    if device.type == "cuda":  # where a GPU's convolutions are fastest; rows and vectors stay as they are
        channels_last(network, optimizer)
    forwards = compiled(network, device, settings) if settings.compile else {}

    def loss_of(batch: Batch) -> Tensor:
        with standing_in(forwards), precision(settings, device):
            return method.loss(batch)

    return loss_of


def precision(settings: Training, device: torch.device) -> AbstractContextManager[object]:
    """Within it products are computed in bfloat16, if the settings say so."""
    return torch.autocast(device.type, torch.bfloat16) if settings.precision == "bf16" else nullcontext()


@torch.no_grad()
def channels_last(network: nn.Module, optimizer: torch.optim.Optimizer | Optimizer) -> None:
    """Convolutions and what the optimizer keeps of them are laid out with their channels side by side; no number changes.

    A fused optimizer demands that both are laid out alike, and those of a checkpoint need not be.
    """
    network.to(memory_format=torch.channels_last)
    for parameter, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                kept[name] = torch.empty_like(parameter).copy_(value)


def compiled(network: nn.Module, device: torch.device, settings: Training) -> dict[nn.Module, Forward]:
    """The parts of a method that have weights, and what `torch.compile` makes of each; on a GPU as CUDA graphs.

    Nothing is compiled before a part is called. Raises nothing: `refuse_uncompilable` is asked first. Graphs write where those of
    the batch before wrote, so they are for steps of one batch: of several the gradients are still needed.
    """
    graphs = device.type == "cuda" and settings.accumulate == 1
    mode = "reduce-overhead" if graphs else "default"
    parts = [part for part in network.children() if next(part.parameters(), None) is not None]
    return {part: torch.compile(part.forward, mode=mode, dynamic=False) for part in parts}


@contextmanager
def standing_in(forwards: Mapping[nn.Module, Forward]) -> Iterator[None]:
    """Within it these modules compute so. They keep their names, their hooks and their weights."""
    if forwards:  # what the step before computed may be overwritten
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
    for part, forward in forwards.items():
        part.forward = forward
    try:
        yield
    finally:
        for part in forwards:
            del part.forward  # the class's own is there again


def refuse_uncompilable(settings: Training, device: torch.device) -> None:
    """Raises CollapseError where --compile is asked for and torch cannot compile for this device, as without a C++ compiler."""
    if not settings.compile:
        return
    try:
        torch.compile(_sample, dynamic=False)(torch.zeros(8, device=device))
    except Exception as error:  # whatever the compiler raises, of which torch names no common kind
        words = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise CollapseError(
            f"--compile: torch cannot compile for {device} here ({words[:160]})",
            "install a C++ compiler, such as g++ (a GPU needs Triton too), or train without --compile (--set compile=false)",
        ) from None


def _sample(numbers: Tensor) -> Tensor:
    return (numbers + 1).relu().sum()
