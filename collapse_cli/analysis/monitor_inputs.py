"""What a training loop hands to a monitor: checked, without gradient, whole over all processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from collapse_cli.analysis import array_inputs
from collapse_cli.analysis.array_inputs import Array
from collapse_cli.analysis.monitor_ranks import gathered_rows
from collapse_cli.distributed import processes
from collapse_cli.errors import CollapseError
from collapse_cli.metrics.looks import MOST

Loss = float | Tensor | None
HINT = "give embeddings (B, D) of any floating type, a row for each image of the batch"

WHOLE = "give a whole number for each image, (B,), or no labels"


@dataclass(frozen=True)
class Given:
    """Of one step: embeddings by name, z, and z2 and h where they were given, (B,D) each; labels (B,); loss (). thinned: how many
    times as many embeddings were there.
    """

    spaces: Mapping[str, Tensor]
    labels: Tensor | None
    loss: Tensor | None
    thinned: int = 1

    def __len__(self) -> int:
        return len(self.spaces["z"])

    def gathered(self, room: int) -> Given:
        """With what the other processes were given, theirs after each other in the order of their ranks; the loss is the mean.

        room: bytes that are kept. Of more, and of more than a look takes, each process gives embeddings at equal distances: what
        hundreds of processes have does not fit into the memory of one.
        """
        if processes() == 1:
            return self
        most = max(room // max(sum(rows.nbytes for rows in self.spaces.values()) // len(self), 1), MOST)
        stride = -(-len(self) * processes() // most)
        loss = None if self.loss is None else self.loss.to(self.spaces["z"].device)
        parts = [*self.spaces.values()] + ([] if self.labels is None else [self.labels])
        rows, losses = gathered_rows([part[::stride] for part in parts], loss)
        spaces = dict(zip(self.spaces, rows, strict=False))
        return Given(spaces, None if self.labels is None else rows[-1], losses, stride)


def given(z: Any, z2: Any = None, h: Any = None, labels: Any = None, loss: Loss = None) -> Given:
    """Raises CollapseError for what are no embeddings (B,D) of one batch."""
    named = {"z": z, "z2": z2, "h": h}
    spaces = {name: _rows(rows, name) for name, rows in named.items() if rows is not None}
    if "z" not in spaces:
        raise CollapseError("update() was given no embeddings z", HINT)
    count, width = spaces["z"].shape
    for name, rows in spaces.items():
        if len(rows) != count or (name == "z2" and rows.shape[1] != width):
            other = f"{name} has shape {tuple(rows.shape)}, and z has {tuple(spaces['z'].shape)}"
            same = "another view of the same images" if name == "z2" else "of the same images"
            raise CollapseError(other, f"{name} is {same}, in the same order")
    return Given(spaces, _labels(labels, count), number(loss))


def _rows(rows: Array | Tensor, name: str) -> Tensor:
    rows = rows.detach() if isinstance(rows, Tensor) else array_inputs.tensor(rows, name)
    if rows.layout != torch.strided:
        raise CollapseError(f"{name} is a sparse tensor", f"give {name}.to_dense()")
    if rows.ndim == 3:
        raise CollapseError(
            f"{name} has shape {tuple(rows.shape)}, not (B, D)",
            f"of tokens (B, T, D) give one embedding of each text or image: {name}.mean(1) or {name}[:, 0]",
        )
    if rows.ndim != 2:
        raise CollapseError(f"{name} has shape {tuple(rows.shape)}, not (B, D)", HINT)
    if 0 in rows.shape:
        raise CollapseError(f"{name} has shape {tuple(rows.shape)}: there is no embedding in it", HINT)
    if not rows.is_floating_point():
        kind = str(rows.dtype).removeprefix("torch.")
        raise CollapseError(f"{name} is {kind}, and embeddings are of a floating type", HINT)
    return rows


def _labels(labels: Any, count: int) -> Tensor | None:
    if labels is None:
        return None
    try:
        numbers = labels.detach() if isinstance(labels, Tensor) else torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError):
        raise CollapseError("labels are no whole numbers", WHOLE) from None
    if numbers.is_floating_point() or numbers.is_complex() or tuple(numbers.shape) != (count,):
        kind = str(numbers.dtype).removeprefix("torch.")
        raise CollapseError(
            f"labels are {kind} of shape {tuple(numbers.shape)}, and z has {count} rows",
            WHOLE,
        )
    return numbers.long()


def number(loss: Loss) -> Tensor | None:
    """() float32, where it is."""
    if loss is None:
        return None
    try:
        value = loss.detach() if isinstance(loss, Tensor) else torch.as_tensor(loss)
    except (TypeError, ValueError, RuntimeError):
        raise CollapseError(
            f"loss is a {type(loss).__name__}, not a number", "give loss.mean(), or no loss"
        ) from None
    if value.numel() != 1 or value.is_complex():
        raise CollapseError(
            f"loss has shape {tuple(value.shape)}, not one number", "give loss.mean(), or no loss"
        )
    return value.reshape(()).float()
