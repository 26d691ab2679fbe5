"""What the processes of a training put together for a monitor, whoever has started them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed

_beside: dict[Any, Any] = {}  # the group of all processes -> the same processes, on their CPUs


@torch.no_grad()
def gathered_rows(parts: list[Tensor], loss: Tensor | None) -> tuple[list[Tensor], Tensor | None]:
    """(b,…) of each process -> (B,…), in the order of their ranks; the mean of the losses () over rows. All have to ask.

    They may have batches of several sizes. How large these are is asked on the CPU, which waits for no GPU.
    """
    sizes = [int(size) for size in torch.cat(_of_each(torch.tensor([len(parts[0])]), _on_cpus())).tolist()]
    whole = []
    for part in parts:
        every = _of_each(_padded(part, max(sizes)))
        whole.append(torch.cat([rows[:size] for rows, size in zip(every, sizes, strict=True)]))
    if loss is None:
        return whole, None
    shares = [each * (size / sum(sizes)) for each, size in zip(_of_each(loss), sizes, strict=True)]
    return whole, torch.stack(shares).sum()


def _of_each(part: Tensor, group: Any = None) -> list[Tensor]:
    """That of each process, of the same shape."""
    every = [torch.empty_like(part) for _ in range(distributed.get_world_size())]
    distributed.all_gather(every, part.contiguous(), group=group)
    return every


def _on_cpus() -> Any:
    """A group in which CPUs speak: that of all processes, where it lets them, or else a second one, made once."""
    if "gloo" in distributed.get_backend_config():
        return None
    whole = distributed.group.WORLD
    if whole not in _beside:
        _beside.clear()
        _beside[whole] = distributed.new_group(backend="gloo")
    return _beside[whole]


def _padded(rows: Tensor, count: int) -> Tensor:
    return (
        torch.cat([rows, rows.new_zeros(count - len(rows), *rows.shape[1:])]) if len(rows) < count else rows
    )
