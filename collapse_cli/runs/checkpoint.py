"""Our checkpoint: the one module that writes and reads it. It holds tensors and plain types only."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from collapse_cli import methods
from collapse_cli.errors import CollapseError
from collapse_cli.files import whole
from collapse_cli.methods import Method
from collapse_cli.models.heads import in_words
from collapse_cli.runs.reader import Unreadable
from collapse_cli.runs.source import Source
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
        """(C,H,W) of one image."""
        return self.data.image


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Written to a temporary name in the same folder, then renamed: an interrupted save leaves the one before."""
    metadata = {
        "settings": checkpoint.run.tables(),
        "normalisation": asdict(checkpoint.normalisation),
        "shape": checkpoint.shape,
        "images": checkpoint.data.images,
        "classes": checkpoint.classes,
        "class_count": checkpoint.data.classes,
        "epoch": checkpoint.state.epoch,
        "parts": parts(checkpoint.method),
    }
    content = {
        "collapse_format": FORMAT,
        "metadata": json.dumps(metadata),
        "method": cast(nn.Module, checkpoint.method).state_dict(),
        "optimizer": checkpoint.state.optimizer.state_dict(),
        "generator": checkpoint.state.generator.get_state(),
    }
    with (
        whole(path) as draft,
        draft.open("wb") as file,
    ):  # of a path torch would not say why it cannot be written
        torch.save(content, file)


def parts(method: Method) -> dict[str, Any]:
    """What a file says of its network to those who do not rebuild it: the projector's layers, and (K,d) of a queue, if any."""
    negatives = method.negatives
    queue = None if negatives is None else list(negatives.keys.shape)
    return {"projector": in_words(method.projector), "queue": queue}


def is_ours(place: Path | Source) -> bool:
    """Whether a file is a checkpoint of ours; what cannot be read as one may still be another library's."""
    try:
        return "collapse_format" in content_of(Source.at(place))
    except CollapseError:
        return False


def load(place: Path | Source, device: torch.device | str = "cpu") -> Checkpoint:
    """Rebuild the run from its file on `device`. Raises CollapseError for anything that is not one of ours."""
    source = Source.at(place)
    path, content = source.path, content_of(source)
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


def _rebuild(content: Mapping[str, Any], device: torch.device | str) -> Checkpoint:
    metadata = json.loads(content["metadata"])
    run = resolve(metadata["settings"]["method"]["name"], flat(metadata["settings"]))
    shape = cast(tuple[int, int, int], tuple(metadata["shape"]))
    count = metadata.get("class_count", len(metadata["classes"]))
    images = metadata.get("images", metadata.get("pictures", 0))  # an earlier version's name for them
    data = DataShape(shape, images, count)
    method = methods.build(run, data)
    network = cast(nn.Module, method).to(device)
    network.load_state_dict(content["method"])
    state = start(method, run.training)
    state.saved = deepcopy(content["optimizer"])  # the optimizer takes its tensors as its own
    if (
        state.generator.get_state().shape == content["generator"].shape
    ):  # another kind of device draws otherwise
        state.generator.set_state(content["generator"])
    state.epoch = metadata["epoch"]
    normalisation = Normalisation(*(tuple(metadata["normalisation"][part]) for part in ("mean", "std")))
    return Checkpoint(run, method, state, normalisation, data, tuple(metadata["classes"]))


def content_of(source: Source) -> Mapping[str, Any]:
    """The dict in a file of torch or safetensors. Raises Unreadable, or CollapseError for what is no dict."""
    try:
        if source.holds_rows:
            raise Unreadable(source.path, "")
        content = source.content
    except Unreadable as error:
        hint = "only tensors and plain types are read; save a state_dict with torch.save"
        raise error.wanted_as("a torch checkpoint", hint, _why(source.path, error.reason)) from None
    if not isinstance(content, Mapping):
        raise CollapseError(
            f"{source.path} contains a {type(content).__name__}, not a checkpoint",
            "give a state_dict or a run",
        )
    return content


def _why(path: Path, reason: str) -> str:
    """torch's own words where it got as far as the archive; of anything else it says only which byte it tripped over."""
    words = next(iter(reason.splitlines()), "")[:120]
    return (
        words if words and zipfile.is_zipfile(path) else "it was not written by torch.save, or it is damaged"
    )
