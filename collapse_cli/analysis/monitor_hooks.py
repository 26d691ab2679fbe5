"""Forward hooks that feed a monitor: attached to layers in the steps that are looked at, and removed again in the same step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from collapse_cli.analysis.modules import Pool, of_layer
from collapse_cli.analysis.monitor_course import Course
from collapse_cli.analysis.monitor_inputs import given
from collapse_cli.errors import CollapseError, nearest

UPDATE = "use update(z) in the training loop, with what the layer gives"
Outputs = dict[str, Tensor]


class Hooks:
    """A light hook stays before the model's forward pass, which counts; layers have hooks while one is looked at."""

    def __init__(
        self, course: Callable[[], Course], model: nn.Module, layers: Sequence[str], pool: Pool, passes: int
    ) -> None:
        """course: that of the monitor as it is now. Raises CollapseError for what cannot be watched."""
        names = [layers] if isinstance(layers, str) else list(layers)
        _refuse(model, names, pool, passes)
        self.course, self.model, self.pool, self.passes = course, model, pool, passes
        self.layers = {name: _layer(model, name) for name in names}
        self.names = names or [""]
        self.seen: list[Outputs] = []  # of the passes of this step
        self.calls, self.due = 0, False
        self.handles: list[RemovableHandle] = []
        self.counting: RemovableHandle | None = None

    def __enter__(self) -> Hooks:
        self.counting = self.model.register_forward_pre_hook(self._before)
        return self

    def __exit__(self, *error: object) -> None:
        self._detach()
        if self.counting is not None:
            self.counting.remove()

    def _before(self, model: nn.Module, inputs: Any) -> None:
        """Of a pass that counts. Within a backward pass nothing but recomputation calls a model."""
        if not (model.training and torch.is_grad_enabled()) or torch._C._current_graph_task_id() != -1:
            return
        if self.calls == 0:
            self.due = self.course().due
        self.calls += 1
        if not self.due:
            if self.calls == self.passes:
                self.calls = 0
                self.course().count(False, _nothing)
        else:
            self._attach()

    def _attach(self) -> None:
        self._detach()
        outputs: Outputs = {}
        for name, layer in self.layers.items():
            self.handles.append(layer.register_forward_hook(self._taking(name, outputs)))

        def after(model: nn.Module, inputs: Any, output: Any) -> None:
            self._detach()
            if not self.layers and output is not None:
                outputs[""] = of_layer(output, self.pool, "").detach()
            self._passed(outputs, output)

        self.handles.append(self.model.register_forward_hook(after, always_call=True))

    def _taking(self, name: str, outputs: Outputs) -> Callable[[nn.Module, Any, Any], None]:
        """Of a layer that is called several times in a pass, the last call counts, as for `embed`."""

        def take(layer: nn.Module, inputs: Any, output: Any) -> None:
            outputs[name] = of_layer(output, self.pool, name).detach()

        return take

    def _passed(self, outputs: Outputs, output: Any) -> None:
        """One pass is over; output: None where it has failed."""
        missing = [name for name in self.names if name not in outputs]
        if output is None and missing:
            self.calls, self.seen = 0, []
            return
        if missing:
            raise CollapseError(
                f"the layer {missing[0]} is not called in the model's forward pass",
                "name a layer that takes part in it",
            )
        if len(self.seen) < 2:
            self.seen.append(outputs)
        if self.calls == self.passes:
            seen, self.calls, self.seen = self.seen, 0, []
            self.course().count(True, lambda: given(**self._named(seen)))

    def _named(self, seen: list[Outputs]) -> dict[str, Tensor]:
        z = self.names[-1]
        spaces = {"z": seen[0][z]}
        spaces |= {"z2": seen[1][z]} if len(seen) > 1 else {}
        return spaces | ({"h": seen[0][self.names[0]]} if len(self.names) > 1 else {})

    def _detach(self) -> None:
        for handle in self.handles:
            handle.remove()
        self.handles.clear()


def _nothing() -> Any:
    raise AssertionError("a step that is not looked at asks for nothing")


def _refuse(model: nn.Module, names: Sequence[str], pool: str, passes: int) -> None:
    if not isinstance(model, nn.Module):
        raise CollapseError(f"the model is a {type(model).__name__}, not an nn.Module", UPDATE)
    if isinstance(model, nn.DataParallel):
        raise CollapseError("the replicas of DataParallel have no hooks of their own", UPDATE)
    if pool not in get_args(Pool):
        raise CollapseError(f"pool cannot be {pool!r}", f"it is one of {', '.join(get_args(Pool))}")
    if isinstance(passes, bool) or not isinstance(passes, int) or passes < 1:
        raise CollapseError(f"passes cannot be {passes!r}", "it is a whole number of at least 1")
    if len(names) > 2 or len(set(names)) < len(names):
        raise CollapseError(
            f"layers are {', '.join(names)}, and a monitor watches one or two",
            "watch others with monitors of their own",
        )
    above = {"", *names, *(name[:end] for name in names for end, letter in enumerate(name) if letter == ".")}
    for name in sorted(above):
        if _compiled(_layer(model, name) if name else model):
            what = f"the layer {name}" if name else "the model"
            raise CollapseError(f"{what} is compiled, and its hooks may not be called", UPDATE)


def _layer(model: nn.Module, name: str) -> nn.Module:
    parts = dict(model.named_modules())
    place = name if name in parts else f"module.{name}"
    if place not in parts:
        known = [part.removeprefix("module.") for part in parts if part]
        raise CollapseError(f"the model has no layer '{name}'", nearest(name, known))
    layer: nn.Module = parts[place]
    return layer


def _compiled(module: nn.Module) -> bool:
    """By torch.compile(module), or by module.compile()."""
    dynamo = sys.modules.get("torch._dynamo")  # where it is not imported, nothing was compiled
    optimised = dynamo is not None and isinstance(module, dynamo.OptimizedModule)
    return optimised or getattr(module, "_compiled_call_impl", None) is not None
