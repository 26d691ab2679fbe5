"""A look whose numbers are still on the device, until they can be read without waiting."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.metrics.looks import Look, UnreadLook


@dataclass(frozen=True)
class PendingLook:
    """step, batch: B of each process; done: when its numbers have arrived, None where they are not copied yet."""

    step: int
    batch: int
    unread: UnreadLook
    done: Any = None

    @staticmethod
    def of(step: int, batch: int, unread: UnreadLook) -> PendingLook:
        """From a GPU the numbers are copied behind what it still has to do; nobody waits for it."""
        if unread.within.device.type != "cuda":
            return PendingLook(step, batch, unread)
        fields = {field.name: getattr(unread, field.name) for field in dataclasses.fields(unread)}
        there: dict[str, Any] = {
            name: _copied(value) for name, value in fields.items() if isinstance(value, Tensor)
        }
        return PendingLook(step, batch, dataclasses.replace(unread, **there), _behind(unread.within))

    def with_loss(self, loss: Tensor | None) -> PendingLook:
        """The same with a loss () beside it."""
        if loss is None or loss.device.type != "cuda":
            return dataclasses.replace(self, unread=dataclasses.replace(self.unread, loss=loss))
        unread = dataclasses.replace(self.unread, loss=_copied(loss))
        return dataclasses.replace(self, unread=unread, done=_behind(loss))

    @property
    def ready(self) -> bool:
        """Whether nobody waits who reads it now."""
        return self.unread.within.device.type == "cpu" and (self.done is None or bool(self.done.query()))

    def read(self) -> Look:
        """Waits for it, where it has to. Raises CollapseError for what is on no device that holds numbers."""
        if self.done is not None:
            self.done.synchronize()
        try:
            return self.unread.read(self.step)
        except (RuntimeError, NotImplementedError):
            if not self.unread.within.is_meta:
                raise
            raise CollapseError(
                "z is on the meta device, where there are no numbers to look at",
                "give embeddings of a network whose weights are on a CPU or a GPU",
            ) from None


def _behind(numbers: Tensor) -> Any:
    """What tells when a GPU has done all that it has been asked to do so far."""
    done: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
    done.record(torch.cuda.current_stream(numbers.device))
    return done


def _copied(numbers: Tensor) -> Tensor:
    if numbers.device.type != "cuda":
        return numbers
    held = torch.empty(numbers.shape, dtype=numbers.dtype, pin_memory=True)
    return held.copy_(numbers, non_blocking=True)
