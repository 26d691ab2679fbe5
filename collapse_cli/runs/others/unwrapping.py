"""Dicts in dicts, and names with what wrappers put into them: where the weights of a file lie, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from collapse_cli.runs.others.array_names import LEARNT, OPTIMIZER, is_aside

AVERAGED = (
    "state_dict_ema", "model_ema", "ema_state_dict", "ema", "ema_model", "swa_state_dict", "swa_model", "averaged_model",
)  # fmt: skip
"""Dicts that hold running averages of the weights."""

WRAPPERS = (
    *AVERAGED,
    "classy_state_dict",
    "base_model",
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "network",
    "module",
    "_orig_mod",
    "weights",
    "params",
)
"""Dicts that only wrap the weights, in the order in which they are opened."""

WRAPPED = (
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
)
"""Parts of names that wrappers put in, wherever they stand: those of DDP, torch.compile, FSDP, checkpointing, Fabric."""


LAYER = re.compile(rf"\.({'|'.join(LEARNT)})$")
"""Names of weights in a layer of a network: `pos_weight` is none."""


@dataclass(frozen=True)
class Wrapping:
    """opened: names of the dicts on the way to the weights; inner: the innermost; beside: other dicts of weights and tensors that
    stood beside those; unopened: names of dicts that wrap the same weights at another time."""

    opened: tuple[str, ...]
    inner: Mapping[str, Any]
    beside: Mapping[str, Any]
    unopened: tuple[str, ...]


def unwrapped(content: Mapping[str, Any], averaged: bool) -> Wrapping:
    """The innermost dict that holds all weights. averaged: whether averages of them come before the last ones."""
    opened: list[str] = []
    beside: dict[str, Any] = {}
    unopened: list[str] = []
    names = [name for name in WRAPPERS if averaged or name not in AVERAGED]
    while not any(isinstance(value, Tensor) and LAYER.search(str(n)) for n, value in content.items()):
        wrappers = [n for n in WRAPPERS if isinstance(content.get(n), Mapping) and any(flat(content[n]))]
        name = next((n for n in names if n in wrappers), None)
        if name is None:
            break
        opened.append(name)
        unopened += [other for other in wrappers if other != name]
        beside |= {n: value for n, value in content.items() if n not in wrappers}
        content = content[name]
    return Wrapping(tuple(opened), content, beside, tuple(unopened))


def flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor by its path, but for those of optimizers and the like."""
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield f"{before}{name}", value
        elif isinstance(value, Mapping) and not _is_state(str(name), value):
            yield from flat(value, f"{before}{name}.")


def dropped(content: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The dicts that `flat` leaves out for their names, other than optimizers, where they hold a tensor of two axes or more."""
    for name, value in content.items():
        if not isinstance(value, Mapping):
            continue
        if not _is_state(str(name), value):
            yield from dropped(value, f"{before}{name}.")
        elif not ("param_groups" in value or OPTIMIZER.fullmatch(str(name))) and _holds_matrix(value):
            yield f"{before}{name}"


def _is_state(name: str, value: Mapping[str, Any]) -> bool:
    """Whether a dict is state of the training, of which the tensors are no weights."""
    return is_aside(name) or "param_groups" in value


def _holds_matrix(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_matrix, value.values()))
    return isinstance(value, Tensor) and value.ndim > 1


def cleaned(names: list[str]) -> list[str]:
    """Without what wrappers put in, nor a `model.` that all begin with."""
    shorter = [".".join(part for part in name.split(".") if part not in WRAPPED) for name in names]
    while shorter and all(name.startswith("model.") for name in shorter):
        shorter = [name.removeprefix("model.") for name in shorter]
    return shorter
