"""Forward hooks that feed a monitor: attached to layers in the steps that are looked at, and removed again in the same step.

A step is so many calls of the last layer as the loop makes in it: one, or two of two views, whether the loop calls the model or
parts of it. Calls count in train mode with gradients enabled; in a forward pass of the model that began so, also those without,
for activation checkpointing computes its first pass without gradients. What it computes again, it does within the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from collapse_cli.analysis.modules import Pool, of_layer
from collapse_cli.analysis.monitor_course import Course
from collapse_cli.analysis.monitor_inputs import given
from collapse_cli.errors import CollapseError, nearest
from collapse_cli.models.modes import uncompiled

UPDATE = "use update(z) in the training loop, with what the layer gives"


class Hooks:
    """Before the last layer a light hook stays, which counts; beside the model two, which tell when its forward pass is on."""

    def __init__(
        self, course: Callable[[], Course], model: nn.Module, layers: Sequence[str], pool: Pool, passes: int, halves: bool
    ) -> None:  # fmt: skip
        """course: that of the monitor as it is now. Raises CollapseError for what cannot be watched."""
        watched = watched_layers(model, layers, pool, passes)
        self.course, self.model, self.pool, self.passes, self.halves = course, model, pool, passes, halves
        self.names, self.layers = list(watched), list(watched.values())
        self.stay: list[RemovableHandle] = []
        self.taking: dict[str, RemovableHandle] = {}  # of h and of z
        self.within, self.model_called, self.calls, self.due = False, False, 0, False
        self.z: list[Tensor] = []  # of the calls of this step
        self.h: list[Tensor] = []

    @property
    def called(self) -> str:
        """What has to be called, in words."""
        return " or ".join(filter(None, self.names)) or "the model"

    def __enter__(self) -> Hooks:
        last = self.layers[-1]
        if last is not self.model:
            self.stay.append(self.model.register_forward_pre_hook(self._enters))
            self.stay.append(self.model.register_forward_hook(self._leaves, always_call=True))
        self.stay.append(last.register_forward_pre_hook(self._before))
        self.next_step()
        return self

    def __exit__(self, *error: object) -> None:
        self._take_no_more("h", "z")
        for handle in self.stay:
            handle.remove()
        self.stay.clear()

    def _enters(self, model: nn.Module, inputs: Any) -> None:
        self.within = model.training and torch.is_grad_enabled() and not in_backward()
        self.model_called = self.model_called or self.within
        if self.within:
            self._take_h()

    def _leaves(self, model: nn.Module, inputs: Any, output: Any) -> None:
        self.within = False

    def _counts(self, layer: nn.Module) -> bool:
        return layer.training and (torch.is_grad_enabled() or self.within) and not in_backward()

    def next_step(self) -> None:
        """Before the first call of a step. What lies before the last layer is taken from the model's forward pass on; where the
        loop calls parts alone, from now on.
        """
        self._take_no_more("h", "z")
        self.calls, self.due = 0, self.course().due
        self.z, self.h = [], []
        if self.stay and not self.model_called:
            self._take_h()

    def _take_h(self) -> None:
        if self.due and len(self.layers) > 1 and not self.h and "h" not in self.taking:
            self.taking["h"] = self.layers[0].register_forward_hook(self._of_h)

    def _take_no_more(self, *spaces: str) -> None:
        for space in spaces:
            if space in self.taking:
                self.taking.pop(space).remove()

    def _before(self, layer: nn.Module, inputs: Any) -> None:
        """The last layer is called."""
        if not self._counts(layer):
            return
        if self.due:
            self._take_no_more("z")  # of a call that failed
            self.taking["z"] = layer.register_forward_hook(self._of_z)
            return
        self.calls += 1
        if self.calls == self.passes:
            self.course().count(False, _nothing)
            self.next_step()

    def _of_h(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if self._counts(layer):
            self.h = [*self.h[: len(self.z)], of_layer(output, self.pool, self.names[0]).detach()]

    def _of_z(self, layer: nn.Module, inputs: Any, output: Any) -> None:
        if not self._counts(layer):
            return
        self._take_no_more("z")
        self.z.append(of_layer(output, self.pool, self.names[-1]).detach())
        if len(self.z) == self.passes:
            self._looked()

    def _looked(self) -> None:
        self._take_no_more("h", "z")
        spaces = spaces_of(self.names, self.z, self.h, self.halves)
        self.course().count(True, lambda: given(**spaces))
        self.next_step()


def watched_layers(model: nn.Module, layers: Sequence[str], pool: Pool, passes: int) -> dict[str, nn.Module]:
    """One or two layers by name, in their order; the model itself by "" where none is named.

    Raises CollapseError for what cannot be watched.
    """
    names = [layers] if isinstance(layers, str) else list(layers) or [""]
    _refuse(model, names, pool, passes)
    return {name: _layer(model, name) for name in names}


def spaces_of(
    names: Sequence[str], z: Sequence[Tensor], h: Sequence[Tensor], halves: bool
) -> dict[str, Tensor]:
    """What calls of the watched layers gave in a step, z of the last and h of one before -> what `update` takes, by name."""
    if len(names) > 1 and not h:
        raise CollapseError(
            f"the layer {names[0]} is not called before {names[1]}",
            "name the layers in the order in which they are called, the representation first",
        )
    if halves:
        _refuse_odd(z[0], names[-1])
        z, h = list(z[0].chunk(2)), [rows.chunk(2)[0] for rows in h]
    named = {"z": z[0]} | ({"z2": z[1]} if len(z) > 1 else {})
    return named | ({"h": h[0]} if h else {})


def _nothing() -> Any:
    raise AssertionError("a step that is not looked at asks for nothing")


def in_backward() -> bool:
    """Whether a backward pass is going on, in which activation checkpointing calls layers once more."""
    return torch._C._current_graph_task_id() != -1


def _refuse_odd(rows: Tensor, name: str) -> None:
    if len(rows) % 2:
        what = f"the layer {name}" if name else "the model"
        raise CollapseError(
            f"{what} gives {len(rows)} embeddings, which are no two views of the same images",
            "leave out halves=True, or give both views of all images in one call",
        )


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
    """The model itself where it has no name."""
    parts = dict(model.named_modules())
    place = name if name in parts else f"module.{name}"
    if place not in parts:
        known = [part.removeprefix("module.") for part in parts if part]
        raise CollapseError(f"the model has no layer '{name}'", nearest(name, known))
    layer: nn.Module = parts[place]
    return layer


def _compiled(module: nn.Module) -> bool:
    """By torch.compile(module), or by module.compile()."""
    return uncompiled(module) is not module or getattr(module, "_compiled_call_impl", None) is not None
