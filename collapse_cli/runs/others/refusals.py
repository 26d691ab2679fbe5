"""Files that hold no weights we can read, or none at all: what they are, and the remedy."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.others.array_names import NO_LAYER, are_rows, is_learnt
from collapse_cli.runs.reader import Unreadable, unknown_globals


def refuse_code(path: Path) -> None:
    """An archive of TorchScript, which torch reads by running it."""
    if _is_torchscript(path):
        raise CollapseError(
            f"{path} is a TorchScript archive, which is code",
            "where you trust it: torch.save(torch.jit.load(PATH, 'cpu').state_dict(), 'weights.pt'); or give its safetensors",
        )


def _is_torchscript(path: Path) -> bool:
    with suppress(Exception), zipfile.ZipFile(path) as archive:  # a damaged archive may fail in any way
        return any(name.endswith("/constants.pkl") for name in archive.namelist())
    return False


def blocked(path: Path, error: Unreadable) -> CollapseError | None:
    """What a file asks for beside tensors, as a sentence; None where that is not what is wrong with it."""
    names = [name for name in unknown_globals(path, error) if name != "argparse.Namespace"]
    if not names:
        return None
    named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if any(name.startswith("lightly_train.") for name in names):
        return _lightly_train(path)
    if any(re.match(r"torch\.nn\.modules\.|torchvision\.models\.|timm\.models\.", name) for name in names):
        return CollapseError(
            f"{path} is a pickled module ({named}), which is code",
            "where you trust it: torch.save(torch.load(PATH, weights_only=False).state_dict(), 'weights.pt')",
        )
    return CollapseError(
        f"{path} contains objects beside its weights, which only code can read: {named}",
        "where you trust it: c = torch.load(PATH, weights_only=False); torch.save(c['state_dict'], 'weights.pt'), "
        "or of embeddings the tensor alone",
    )


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
            f"collapse diagnose {path} measures them",
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
            f"to measure {name} as embeddings, save it alone: torch.save(torch.load(PATH)['{name}'], 'rows.pt')",
        )


def _lightly_train(path: Path) -> CollapseError:
    return CollapseError(
        f"{path} is a training checkpoint of lightly-train, which contains pickled modules",
        "give exported_models/exported_last.pt of the same run, or `lightly-train export` with format torch_state_dict",
    )
