"""Hooks on layers for a trainer that says where a step begins and ends, however many forward passes there are between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from collapse_cli.analysis.modules import Pool, of_layer
from collapse_cli.analysis.monitor import CollapseMonitor
from collapse_cli.analysis.monitor_hooks import in_backward, spaces_of, watched_layers
from collapse_cli.distributed import processes
from collapse_cli.errors import CollapseError

NOTHING = torch.empty(0, 0)  # what a step is told that nobody looks at


@dataclass(frozen=True)
class Layers:
    """names: one or two: the last gives z, one before it h. pool: as `embed` takes it.

    passes: how often they are called in a step for views that belong together: of two, the first gives z and the second z2.
    halves: one call is of both views, one below the other: z and z2 are its halves.
    """

    names: tuple[str, ...]
    pool: Pool = "auto"
    passes: int = 1
    halves: bool = False

    @classmethod
    def of(cls, names: Sequence[str], pool: Pool, passes: int, halves: bool) -> Layers:
        return cls((names,) if isinstance(names, str) else tuple(names), pool, passes, halves)


class StepHooks:
    """One update of the monitor for each step of the optimizer, from what layers give in it.

    Calls beyond those of the first views, such as of further batches whose gradients are accumulated, are not looked at; nor is
    what activation checkpointing computes again, or a model in eval mode. The hooks are there in the steps that are looked at.
    """

    def __init__(
        self, monitor: CollapseMonitor, model: nn.Module, watched: Layers, gather: bool = True
    ) -> None:
        """Raises CollapseError for an unknown layer, more than two, and a compiled model."""
        self.layers = watched_layers(model, watched.names, watched.pool, watched.passes)
        self.monitor, self.model, self.watched = monitor, model, watched
        self.gather = gather  # processes put their rows together, and wait for each other
        self.outputs: dict[str, list[Tensor]] = {}
        self.handles: list[RemovableHandle] = []

    def begin(self) -> None:
        """Before the first forward pass of a step."""
        self.remove()
        if self.monitor.due:
            self.outputs = {name: [] for name in self.layers}
            self.handles = [
                layer.register_forward_hook(self._taking(name)) for name, layer in self.layers.items()
            ]

    def end(self, loss: Tensor | float | None = None) -> None:
        """After the optimizer's step: the monitor counts it, and looks where it is due.

        Raises CollapseError where a layer was not called in the first step, or where other processes wait for its rows; else the
        next step is looked at instead.
        """
        self.remove()
        if not self.monitor.due:
            self.monitor.update(NOTHING)
            return
        missing = [name for name, outputs in self.outputs.items() if len(outputs) < self.watched.passes]
        if not missing and self.outputs:
            names = list(self.layers)
            z, h = self.outputs[names[-1]], self.outputs[names[0]] if len(names) > 1 else []
            self.monitor.update(**spaces_of(names, z, h, self.watched.halves), loss=loss)
        elif self.outputs and (not self.monitor.step or (self.gather and processes() > 1)):
            raise self._missing(missing[0])
        self.outputs = {}

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles = []

    def _taking(self, name: str) -> Any:
        def take(layer: nn.Module, inputs: Any, output: Any) -> None:
            outputs = self.outputs[name]
            if self.model.training and not in_backward() and len(outputs) < self.watched.passes:
                outputs.append(of_layer(output, self.watched.pool, name).detach())

        return take

    def _missing(self, name: str) -> CollapseError:
        count = len(self.outputs[name])
        if count == 0:
            return CollapseError(
                f"the layer {name} was not called in a training step",
                "name a layer that takes part in it each time",
            )
        times = "once" if count == 1 else f"{count} times"
        return CollapseError(
            f"the layer {name} was called {times} in a training step, not {self.watched.passes} times",
            "passes= is the number of views that a layer is given one after another in a step",
        )
