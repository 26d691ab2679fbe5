"""Our checkpoint: the one module that writes and reads it. Tensors and plain types only, read with weights_only=True."""

from __future__ import annotations

import json
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from collapse_cli import methods
from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.methods import Method
from collapse_cli.settings import Run, flat, resolve
from collapse_cli.shapes import DataShape, Normalisation
from collapse_cli.training import State, start

FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """A run as it stood after `state.epoch` passes: everything that rebuilds it and everything to go on with it."""

    run: Run
    method: Method
    state: State
    normalisation: Normalisation
    data: DataShape
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C,H,W) of one picture."""
        return self.data.picture


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Written to a temporary name in the same folder, then renamed: an interrupted save leaves the one before."""
    metadata = {
        "settings": checkpoint.run.tables(),
        "normalisation": asdict(checkpoint.normalisation),
        "shape": checkpoint.shape,
        "pictures": checkpoint.data.pictures,
        "classes": checkpoint.classes,
        "epoch": checkpoint.state.epoch,
    }
    content = {
        "collapse_format": FORMAT,
        "metadata": json.dumps(metadata),
        "method": cast(nn.Module, checkpoint.method).state_dict(),
        "optimizer": checkpoint.state.optimizer.state_dict(),
        "generator": checkpoint.state.generator.get_state(),
    }
    with whole(path) as draft:
        torch.save(content, draft)


def load(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Rebuild the run from its file on `device`. Raises CollapseError for anything that is not one of ours."""
    content = read(path)
    if content.get("collapse_format") != FORMAT:
        raise CollapseError(
            f"{path} is not a checkpoint of collapse", "give the checkpoint.pt that `collapse train` wrote"
        )
    try:
        return _rebuild(content, device)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        first = str(error).strip().splitlines()
        raise CollapseError(
            f"{path} is damaged ({type(error).__name__}: {first[0][:100] if first else ''})",
            "train the run again",
        ) from None


def _rebuild(content: dict[str, Any], device: torch.device | str) -> Checkpoint:
    metadata = json.loads(content["metadata"])
    run = resolve(metadata["settings"]["method"]["name"], flat(metadata["settings"]))
    shape = cast(tuple[int, int, int], tuple(metadata["shape"]))
    data = DataShape(shape, metadata.get("pictures", 0), len(metadata["classes"]))
    method = methods.build(run, data)
    network = cast(nn.Module, method).to(device)
    network.load_state_dict(content["method"])
    state = start(method, run.training)
    state.optimizer.load_state_dict(content["optimizer"])
    if (
        state.generator.get_state().shape == content["generator"].shape
    ):  # another kind of device draws otherwise
        state.generator.set_state(content["generator"])
    state.epoch = metadata["epoch"]
    normalisation = Normalisation(*(tuple(metadata["normalisation"][part]) for part in ("mean", "std")))
    return Checkpoint(run, method, state, normalisation, data, tuple(metadata["classes"]))


warnings.filterwarnings(
    "ignore", "Detected pickle protocol"
)  # what it is said of is refused, in words of our own


def read(path: Path) -> dict[str, Any]:
    """The content of a torch file, on the CPU, never running code from it."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CollapseError(f"no file {path}", "check the path") from None
    except Exception as error:  # a damaged pickle may trip its reader over anything
        raise CollapseError(
            f"{path} cannot be read as a torch checkpoint ({_why(path, error)})",
            "only tensors and plain types are read; save a state_dict with torch.save",
        ) from None
    if not isinstance(content, dict):
        raise CollapseError(
            f"{path} holds a {type(content).__name__}, not a checkpoint", "give a state_dict or a run"
        )
    return content


def _why(path: Path, error: Exception) -> str:
    """torch's own words where it got as far as the archive; of anything else it says only which byte it tripped over."""
    said = next(iter(str(error).strip().splitlines()), "")
    return (
        said[:120] if said and zipfile.is_zipfile(path) else "torch.save did not write it, or it is damaged"
    )
