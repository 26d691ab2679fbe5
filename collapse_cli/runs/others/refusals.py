"""Files that hold no weights we can read, or none at all: what they are, and the remedy."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import shell
from collapse_cli.runs.inert import Inert, inside
from collapse_cli.runs.others.array_names import NO_LAYER, are_rows, is_aside, is_learnt


def refuse_code(path: Path) -> None:
    """An archive of TorchScript, which torch reads by running it."""
    if _is_torchscript(path):
        raise CollapseError(
            f"{path} is a TorchScript archive, which is code", _saved(path, "c", "torch.jit.load")
        )


def _is_torchscript(path: Path) -> bool:
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged archive may fail in any way
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
    return False


def refuse_objects(path: Path, content: Mapping[str, Any], empty: bool) -> None:
    """Weights that lie in a whole module or, where a file has no other tensors, in another object."""
    modules = sorted((each for each in inside(content) if each[1].is_module), key=_order)
    if modules:
        place, module = modules[0]
        others = f"; others are {', '.join(place for place, _ in modules[1:4])}" if modules[1:] else ""
        where = f"contains a pickled module, {place}" if place != "c" else "is a pickled module"
        raise CollapseError(f"{path} {where} ({module.name}), which is code{others}", _saved(path, place))
    for place, holder in inside(content):
        aside = any(map(is_aside, re.findall(r"\w+", place)))
        if empty and not aside and next(_tensors(holder.state), None) is not None:
            raise CollapseError(
                f"the tensors of {path} lie in an object, {place} ({holder.name}), which only code can read",
                _saved(path, place, state="vars({})"),
            )


FIRST = ("ema", "model", "state_dict", "net", "student")
"""Names of modules of which the first that is there is to be measured: the average of the weights before the last ones."""


def _order(module: tuple[str, Inert]) -> int:
    """The place of a module among `FIRST`; others come in the order of the file."""
    return next((n for n, name in enumerate(FIRST) if module[0] == f"c[{name!r}]"), len(FIRST))


def _saved(path: Path, place: str, load: str = "torch.load", state: str = "{}.state_dict()") -> str:
    """The line that saves the weights of an object alone, given the expression that leads to it from `c`."""
    options = "map_location='cpu'" + (", weights_only=False" if load == "torch.load" else "")
    whole = f"{load}({shell.literal(path)}, {options})"
    there = shell.unused("weights.pt")
    return shell.TRUST + shell.python(
        f"import torch; c = {whole}; torch.save({state.format(place)}, {there!r})"
    )


def _tensors(value: Any, depth: int = 4) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping) and depth:
        for part in value.values():
            yield from _tensors(part, depth - 1)


def refuse(path: Path, content: Mapping[str, Any]) -> None:
    """Files that were read, and are known to be something else."""
    if "collapse_format" in content:
        raise CollapseError(
            f"{path} is a checkpoint of collapse, not another library's",
            "measure it without the options of other libraries",
        )
    if "lightly_train" in content:
        raise _lightly_train(path)
    if "param_groups" in content:
        raise CollapseError(
            f"{path} contains the state of an optimizer and no weights",
            "give the file with the model's state_dict",
        )
    entries = {str(name): value for name, value in content.items()}
    if are_rows(entries):
        shapes = ", ".join(f"{name} {tuple(v.shape)}" for name, v in entries.items() if isinstance(v, Tensor))
        raise CollapseError(
            f"{path} looks like embeddings ({shapes or ', '.join(entries)}), not weights",
            f"measure them: collapse diagnose {shell.quoted(path)}",
        )
    if entries and not is_learnt(entries) and all(isinstance(value, Tensor) for value in entries.values()):
        _refuse_parameters(path, entries)


def _refuse_parameters(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Prototypes, a queue, positions: matrices that are no layers, and not embeddings of samples either."""
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    name = next(iter(shapes))
    if all(NO_LAYER.search(other) for other in shapes):
        raise CollapseError(
            f"{path} contains {', '.join(f'{name} {shape}' for name, shape in shapes.items())}, "
            "which are not layers of a network",
            f"to measure {name} as embeddings, save it alone: {_alone(path, name)}",
        )


def _lightly_train(path: Path) -> CollapseError:
    return CollapseError(
        f"{path} is a training checkpoint of lightly-train, which contains pickled modules",
        "give exported_models/exported_last.pt of the same run, or export it, where you trust it: lightly-train export "
        f"out={shell.unused('weights.pt')} checkpoint={shell.quoted(path)} part=model format=torch_state_dict",
    )


def _alone(path: Path, name: str) -> str:
    """The line that saves a tensor of a file by itself."""
    rows = shell.unused("rows.pt")
    if path.suffix == ".safetensors":
        load = f"import safetensors.torch; c = safetensors.torch.load_file({shell.literal(path)})"
    else:
        load = f"c = torch.load({shell.literal(path)}, map_location='cpu')"
    return shell.python(f"import torch; {load}; torch.save(c[{name!r}].clone(), {rows!r})")
