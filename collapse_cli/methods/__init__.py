"""One file per training method, each holding `class Method`. What they share is only this protocol."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol

from torch import Tensor, nn

from collapse_cli.settings import Run
from collapse_cli.shapes import Batch


class Method(Protocol):
    """What the loop asks of a method; each is also an nn.Module, built as `Method(own, model, shape)`."""

    encoder: nn.Module  # (B,C,H,W) -> h (B,D)
    projector: nn.Module  # (B,D) -> z (B,d)

    def loss(self, batch: Batch) -> Tensor:
        """Of two views, () . Changes nothing that the model keeps, except batch norm's running statistics."""

    def after_step(self, progress: float) -> None:
        """What moves after the optimizer's step: the slow copy, the queue. progress: share of the training done, in (0, 1]."""

    def chance(self) -> float | None:
        """The loss where all embeddings are equal, or None where that says nothing."""

    def diagnostics(self) -> dict[str, float]:
        """What is worth watching, of the last batch: `queue filled`, `proxy accuracy` …"""


def build(run: Run, shape: tuple[int, int, int]) -> Method:
    """The method of a run for pictures of shape (C,H,W), with fresh weights from torch's generator (seed it before)."""
    module = import_module(f"{__name__}.{run.method.replace('-', '_')}")
    method: Method = module.Method(run.own, run.model, shape)
    return method
