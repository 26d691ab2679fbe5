"""The queue of keys beside an encoder: which of its axes counts the keys, as the dimensions of z tell."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from collapse_cli.runs.others.tensors import FileTensors

ROWS = "queue.out"
"""As stable-pretraining names it, which keeps a key in each row."""


@dataclass(frozen=True)
class KeyQueue:
    """keys (K,d) in z's space, or None; the names of the weights they are read from; unknown: why there are none."""

    keys: Tensor | None = None
    names: frozenset[str] = frozenset()
    unknown: tuple[str, ...] = ()


def queue(held: FileTensors, dim: int | None) -> KeyQueue:
    """MoCo keeps keys as (d,K), NNCLR and ReSSL as (K,d); with a queue for each view they have an axis more, in front.

    dim: d, the dimensions of z; where it is neither of the two axes, or both, the file does not tell which axis counts keys.
    """
    name = next((name for name in (ROWS, "queue") if name in held.tensors), None)
    if name is None:
        return KeyQueue()
    queued = held.tensors[name].float()
    lies = _upright(queued, dim, is_rows=name == ROWS) if queued.ndim in (2, 3) else None
    if lies is not None:
        return KeyQueue(lies.flatten(0, -2), frozenset({name}))
    return KeyQueue(unknown=(_left_out(held.written[name], queued, dim),))


def _upright(queued: Tensor, dim: int | None, is_rows: bool) -> Tensor | None:
    """The same with d as its last axis, or None where neither axis has the dimensions of z, or both have."""
    rows, columns = queued.shape[-1] == dim, queued.shape[-2] == dim
    if is_rows or (rows and not columns):
        return queued
    return queued.mT if columns and not rows else None


def _left_out(name: str, queued: Tensor, dim: int | None) -> str:
    z = "there is no z to compare it with" if dim is None else f"z has {dim} dimensions"
    return f"which axis of {name} {tuple(queued.shape)} counts its keys, as {z}: the queue is left out"
