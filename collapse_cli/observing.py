"""What a training shows to whoever looks at it now and then: the embeddings that the loss has just compared.

They are caught by hooks in the steps that are looked at alone. No number of the training changes by it, and nothing is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor, nn

from collapse_cli.methods import Method
from collapse_cli.shapes import Batch
from collapse_cli.stage import End


class Observer(Protocol):
    """Whoever looks, as a CollapseMonitor does. It is told of every step once."""

    @property
    def due(self) -> bool:
        """Whether it looks at the next step."""

    def update(self, z: Any, z2: Any = None, h: Any = None, labels: Any = None, loss: Any = None) -> None:
        """One step: z, z2 (B,d) of the first and the second view, h (B,D) of the first, loss (). None where it is not due."""

    def state_dict(self, rows: bool = True) -> dict[str, Any]:
        """What it takes to go on as if the training had not stopped. rows: with the embeddings that it holds."""

    def close(self, status: End = "complete") -> None:
        """Nothing comes any more."""


class Caught:
    """The embeddings of a batch's two views, of those that its loss computed: h and z of the first, z2 of the second.

    A view is known by being the batch's own tensor. So a key network, whose projector is another one, gives no z2.
    """

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.h: Tensor | None = None
        self.z: Tensor | None = None
        self.z2: Tensor | None = None
        self._views: Tensor | None = None  # that the encoder was given last
        self._second: Tensor | None = None  # h of the second view

    def entered(self, encoder: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        """Before the encoder; among several processes each then takes its part of them."""
        self._views = inputs[0]

    def encoded(self, encoder: nn.Module, inputs: Any, h: Tensor) -> None:
        """After the encoder, whole over all processes."""
        if self._views is self.batch.first:
            self.h = h
        elif self._views is self.batch.second:
            self._second = h

    def projected(self, projector: nn.Module, inputs: tuple[Tensor, ...], z: Tensor) -> None:
        """After the projector."""
        if inputs[0] is self.h:
            self.z = z
        elif inputs[0] is self._second:
            self.z2 = z


@contextmanager
def caught(method: Method, batch: Batch) -> Iterator[Caught]:
    """Within it a method computes the loss of a batch, and what it embeds is caught."""
    catch = Caught(batch)
    hooks = (
        method.encoder.register_forward_pre_hook(catch.entered, prepend=True),
        method.encoder.register_forward_hook(catch.encoded),
        method.projector.register_forward_hook(catch.projected),
    )
    try:
        yield catch
    finally:
        for hook in hooks:
            hook.remove()


def observed(observer: Observer | None, method: Method, batch: Batch, step: Callable[[], Tensor]) -> Tensor:
    """The loss () of a step, of which the observer is told. batch: the first of the step."""
    if observer is None:
        return step()
    if not observer.due:
        loss = step()
        observer.update(None)
        return loss
    with caught(method, batch) as catch:
        loss = step()
    observer.update(catch.z, catch.z2, catch.h, loss=loss)
    return loss
