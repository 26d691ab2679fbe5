"""Rows or weights: which of the two a dict of tensors is, as its names, shapes and company tell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from collapse_cli.runs.inert import Inert

LEARNT = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
"""Ends of the names that weights have."""

OF_SAMPLES = ("sample_weight", "class_weight")
"""Names that end as those of weights, and are of samples."""

NO_LAYERS = (
    r"(^|[._])(gamma|beta|scales?|shift|zero_points?|offsets?|ranges|mean|std|var|min|max"
    r"|pos_?\w*|tok_\w+|cls_token|class_token|queue(_ptr)?|prototypes?|centers?|memory_bank|loss(es)?|acc(uracy)?)$"
)
NO_LAYER = re.compile(NO_LAYERS)
"""Names of arrays beside the layers of a network, or beside rows, that are neither."""

PARAMETERS = re.compile(NO_LAYERS + r"|(^|[._])(weight_\w+|bias_\w+|kernel)$|^W(_|\d|$)")
"""Names of arrays that act on rows, or tell something about them, and are none."""

OPTIMIZER = re.compile(r"(\w+_)?(opt|optims?|optimi[sz]ers?)\d*(_(states?|dicts?|[a-z]|\d+))*", re.IGNORECASE)
"""Whole names of dicts of an optimizer."""

ASIDE = re.compile(
    r"((lr|wd|momentum|temp|temperature|warmup)_)?sched(ule)?r?s?\d*(_(states?|dicts?|[a-z]|\d+))*"
    r"|((fp16|grad|gradient|amp|loss)_)?scalers?\d*(_(states?|dicts?))*|amp(_(states?|dicts?))*"
    r"|((torch|cuda|cpu|numpy|np|python|random)_)*rng(_(states?|dicts?))*"
    r"|callbacks?(_(states?|dicts?))*|loops?|hyper_?param(eter)?s?|hparams|param_groups|(\w+_)?loss(es)?",
    re.IGNORECASE,
)
"""Whole names of other dicts whose tensors are no weights."""

MANY = 8  # matrices under bare numbers; fewer may be layers

NAMED = re.compile(
    r"feat|emb|repr|vec|latent|activ|hidden|pool|codes?$|rows|^[hxz]$|^data$|^arr_0$", re.IGNORECASE
)
"""Names that people give to rows."""


def is_aside(name: str) -> bool:
    """Whether a dict of this name is state of the training, and its tensors are no weights. A word among others tells nothing."""
    return bool(OPTIMIZER.fullmatch(name) or ASIDE.fullmatch(name))


def is_learnt(names: Mapping[str, Any]) -> bool:
    """Whether a name is one that only weights have."""
    return any(
        (name.endswith(LEARNT) and name not in OF_SAMPLES) or name == "collapse_format" for name in names
    )


def candidates(entries: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of two axes or more that may be rows, by their names."""
    return {
        name: value
        for name, value in entries.items()
        if isinstance(value, Tensor)
        and (value.ndim == 2 or (value.ndim > 2 and len(value) > 1))
        and not PARAMETERS.search(name)
    }


def are_rows(entries: Mapping[str, Any]) -> bool:
    """Whether a dict by name holds rows (N,D) and not weights, or several such dicts."""
    sets = [value for value in entries.values() if isinstance(value, Mapping)]
    if sets and all(_are_one_set({str(name): value for name, value in inner.items()}) for inner in sets):
        return not is_learnt(entries)
    return _are_one_set(entries)


def _are_one_set(entries: Mapping[str, Any]) -> bool:
    """Rows by their name, whatever plain facts stand beside; a few arrays of one length N, one of them (N,D); or vectors by name.

    No dict of tensors inside, as every checkpoint has, and no name that only weights have.
    """
    if is_learnt(entries) or any(_holds_tensors(value) for value in entries.values()):
        return False
    tensors = {name: value for name, value in entries.items() if isinstance(value, Tensor)}
    if (
        any(NAMED.search(name) for name in candidates(entries))
        or are_vectors(entries)
        or are_sequences(entries)
    ):
        return True
    if any(NAMED.search(name) and _is_list_of_tensors(value) for name, value in entries.items()):
        return True
    lengths = {len(value) if value.ndim else 0 for value in tensors.values()}
    alike = len(tensors) == len(entries) and len(lengths) == 1 and lengths != {0}
    matrices = [value for value in candidates(entries).values() if value.ndim == 2]
    return bool(matrices) and (
        alike or any(_is_of_each(value, len(matrices[0])) for value in entries.values())
    )


def _is_of_each(value: Any, count: int) -> bool:
    """Whether a value tells something of each of N samples: N whole numbers, or a list of N."""
    if isinstance(value, Tensor):
        return value.shape == (count,) and not value.is_floating_point()
    return isinstance(value, list) and len(value) == count > 1


def are_vectors(entries: Mapping[str, Any]) -> bool:
    """Whether every value is a vector (D,) or (1,D) of one width, as in {"cat.png": tensor(D), …}."""
    if len(entries) < 2 or not all(isinstance(value, Tensor) for value in entries.values()):
        return False
    if any(PARAMETERS.search(name) for name in entries):
        return False
    shapes = {tuple(value.shape) for value in entries.values()}
    shape = next(iter(shapes))
    single = len(shape) == 1 or (len(shape) == 2 and shape[0] == 1)
    return len(shapes) == 1 and single and shape[-1] > 1 and next(iter(entries.values())).is_floating_point()


def are_sequences(entries: Mapping[str, Any]) -> bool:
    """Whether every value is a sequence (T,D) of a length of its own, under the name of a file or a number."""
    named = all(re.search(r"\.\w{2,5}$|\d$", name) and not PARAMETERS.search(name) for name in entries)
    matrices = all(
        isinstance(value, Tensor) and value.ndim == 2 and value.is_floating_point()
        for value in entries.values()
    )
    if not (named and matrices and len(entries) > (1 if all("." in name for name in entries) else MANY)):
        return False
    shapes = {tuple(value.shape) for value in entries.values()}
    return len(shapes) > 1 and len({width for _, width in shapes}) == 1


def _is_list_of_tensors(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and isinstance(value[0], Tensor)


def _holds_tensors(value: Any) -> bool:
    """Whether a value is a dict with weights in it, however deep: a tensor of two axes or more, or one named as
    weights are; or a whole module."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Inert) and inner.is_module:
            return True
        if isinstance(inner, Mapping):
            tensors = {str(name): part for name, part in inner.items() if isinstance(part, Tensor)}
            if is_learnt(tensors) or any(part.ndim > 1 for part in tensors.values()):
                return True
            waiting += inner.values()
    return False
