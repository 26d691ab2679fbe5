"""What several processes do together: they are started by torchrun and train one run.

Every process draws the same batches and views. Each puts its own part of a batch through the encoders and gathers what the
others made of theirs, so that h (B,D) is whole in all of them, and with it whatever a method does next: projector, loss,
queue. The loss is that of one process, whatever the method; batch norm within an encoder sees its part alone, as it usually
does on several GPUs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from collapse_cli.errors import CollapseError
from collapse_cli.ranks import first, world

Own = TypeVar("Own")
_measuring = ContextVar("measuring", default=False)

LOST = re.compile(r"gloo|nccl|connection (closed|reset)|broken pipe", re.IGNORECASE)
"""In what torch says when a process that it waits for has gone."""


def device_of_process(device: torch.device) -> torch.device:
    """A GPU of its own for each process of this machine. Raises CollapseError where there are too few."""
    if world() == 1 or device.type != "cuda":
        return device
    processes, there = int(os.environ.get("LOCAL_WORLD_SIZE", "1")), torch.cuda.device_count()
    if processes > there:
        raise CollapseError(
            f"{processes} processes were started, but this machine has {there} GPUs",
            f"start it with torchrun --nproc-per-node {there}, or use --device cpu",
        )
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


def refuse_unequal(batch: int) -> None:
    """Raises CollapseError where a batch has no equal parts, one for each process."""
    if batch % world():
        raise CollapseError(
            f"--batch {batch} cannot be divided into {world()} equal parts", f"choose a multiple of {world()}"
        )


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Within it, the processes know of each other."""
    if world() == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


@contextmanager
def measuring() -> Iterator[None]:
    """Within it, the processes measure together: all run the same, and `shared` work is divided. No training is."""
    token = _measuring.set(True)
    try:
        with together(torch.device("cpu")), others_alive("start it again"):
            yield
    finally:
        _measuring.reset(token)


def share(count: int, block: int = 1) -> range | None:
    """Which of `count` things are this process's, whole blocks of them but for the last; None where it measures alone."""
    if not _measuring.get() or not distributed.is_initialized():
        return None
    blocks, parts, number = -(-count // block), distributed.get_world_size(), distributed.get_rank()
    ends = (min(blocks * each // parts * block, count) for each in (number, number + 1))
    return range(*ends)


def shared(compute: Callable[[], Own]) -> list[Own]:
    """What each process computes, in their order; what one of them refuses, all refuse."""
    outcome: tuple[Own | None, tuple[str, str, int] | None]
    try:
        outcome = compute(), None
    except CollapseError as error:
        outcome = None, (error.message, error.hint, error.code)
    every: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(every, outcome)
    for _, refusal in every:
        if refusal is not None:
            raise CollapseError(*refusal)
    return [each for each, _ in every]


def in_order(parts: Callable[[], Iterable[Own]]) -> list[Own]:
    """What comes of the parts of all processes, one after the other; alone, of its own."""
    if not _measuring.get():
        return list(parts())
    return [each for of_process in shared(lambda: list(parts())) for each in of_process]


def divided(encoder: nn.Module) -> nn.Module:
    """The same encoder, (B,…) -> (B,D); among several processes and in train mode, each works on its B/world rows alone."""
    encoder.register_forward_pre_hook(_part_of_process)
    encoder.register_forward_hook(_whole)
    return encoder


def processes() -> int:
    """How many processes train together, whoever has started them."""
    return distributed.get_world_size() if _several() else 1


def is_first() -> bool:
    """Whether this is the process that writes, whoever has started it."""
    return distributed.get_rank() == 0 if _several() else first()


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and not _measuring.get()


def _part_of_process(encoder: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if not (_several() and encoder.training):
        return inputs
    return (inputs[0].chunk(distributed.get_world_size())[distributed.get_rank()],)


def _whole(encoder: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return _Gathered.apply(output) if _several() and encoder.training else output


class _Gathered(torch.autograd.Function):
    """(b,D) of each process -> (B,D). Back comes the gradient of the own rows, times the processes, for `average` divides."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        parts = [torch.empty_like(part) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, part.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        parts = distributed.get_world_size()
        return gradient.chunk(parts)[distributed.get_rank()] * parts


@torch.no_grad()
def average(tensors: Iterable[Tensor | None]) -> None:
    """Each tensor becomes its mean over the processes, in place; None is passed over."""
    present = [tensor for tensor in tensors if tensor is not None]
    if not _several() or not present:
        return
    flat = torch.cat([tensor.flatten() for tensor in present])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for tensor, mean in zip(present, torch.split(flat, [tensor.numel() for tensor in present]), strict=True):
        tensor.copy_(mean.view_as(tensor))


def average_gradients(network: nn.Module) -> None:
    """After it, every process takes the same step."""
    average(parameter.grad for parameter in network.parameters())


def statistics_of(network: nn.Module) -> dict[str, Tensor]:
    """Batch norm's running means and variances by their names in the network's `state_dict`."""
    return {
        f"{name}.{part}": buffer
        for name, module in network.named_modules() if isinstance(module, _BatchNorm)
        for part in ("running_mean", "running_var") if (buffer := getattr(module, part)) is not None
    }  # fmt: skip


def average_statistics(network: nn.Module) -> None:
    """Batch norm's running means and variances, which each process has of its own part."""
    average(statistics_of(network).values())


@torch.no_grad()
def gathered_statistics(network: nn.Module) -> dict[str, Tensor]:
    """(R,C) by name: those of each of R processes, which differ until the epoch ends; {} in one process. All have to ask."""
    by_name = statistics_of(network)
    if not _several() or not by_name:
        return {}
    flat = torch.cat([buffer.flatten() for buffer in by_name.values()])  # (n,)
    parts = [torch.empty_like(flat) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, flat)
    columns = torch.split(torch.stack(parts).cpu(), [buffer.numel() for buffer in by_name.values()], dim=1)
    return dict(zip(by_name, columns, strict=True))


def highest(value: int) -> int:
    """The highest of all processes, so that they agree; all have to ask. In one process its own, at no cost."""
    if not _several():
        return value
    agreed = torch.tensor(value)  # on the CPU: who waits for the others does not wait for a GPU
    distributed.all_reduce(agreed, distributed.ReduceOp.MAX)
    return int(agreed)


@contextmanager
def others_alive(remedy: str = "use --resume") -> Iterator[None]:
    """Raises CollapseError in place of what the communication raises when another process has ended."""
    try:
        yield
    except RuntimeError as error:
        if not (distributed.is_initialized() and LOST.search(str(error))):
            raise
        raise CollapseError(
            f"another of the {world()} processes has ended",
            f"its own message, if any, says why; then {remedy}",
        ) from None
