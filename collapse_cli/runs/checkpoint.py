"""Our checkpoint: the one module that writes and reads it. It holds tensors and plain types only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from collapse_cli import methods
from collapse_cli.distributed import statistics_of
from collapse_cli.errors import CollapseError, concerning
from collapse_cli.files import whole
from collapse_cli.fingerprint import Fingerprint
from collapse_cli.memory import budget
from collapse_cli.methods import Method
from collapse_cli.models.heads import in_words
from collapse_cli.observing import Observer
from collapse_cli.ranks import rank, world
from collapse_cli.runs import zips
from collapse_cli.runs.metadata import largest, refuse_odd_optimizer, refuse_odd_part, refuse_unlike
from collapse_cli.runs.metadata import read as metadata_of
from collapse_cli.runs.metadata import run as run_of
from collapse_cli.runs.outline import FORMAT, is_of_format
from collapse_cli.runs.reader import Damaged, Unreadable
from collapse_cli.runs.source import Source
from collapse_cli.schedule import per_epoch
from collapse_cli.settings import Run
from collapse_cli.shapes import DataShape, Normalisation
from collapse_cli.training_state import Part, State, start

NONE: Mapping[str, Tensor] = {}


@dataclass(frozen=True)
class Checkpoint:
    """A run as it stood after `state.epoch` passes, or within the next: what rebuilds it and everything to go on with it.

    fingerprint: by which its images are known again; None in checkpoints of earlier versions. notes: what was not restored as
    it was, so that a training that goes on is not the one that never stopped, in sentences. observer: who looks at the training;
    observed: the state of the one that looked at it before, as the file has it, unchecked.
    """

    run: Run
    method: Method
    state: State
    normalisation: Normalisation
    data: DataShape
    classes: tuple[str, ...]
    fingerprint: Fingerprint | None = None
    notes: tuple[str, ...] = ()
    observer: Observer | None = None
    observed: Any = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C,H,W) of one image."""
        return self.data.image


def save(path: Path, checkpoint: Checkpoint, statistics: Mapping[str, Tensor] = NONE) -> None:
    """Written to a temporary name in the same folder, then renamed: an interrupted save leaves the one before.

    statistics: of batch norm in each of several processes, as `distributed.gathered_statistics` gives them within an epoch.
    """
    state = checkpoint.state
    metadata = {
        "settings": checkpoint.run.tables(),
        "normalisation": asdict(checkpoint.normalisation),
        "shape": checkpoint.shape,
        "images": checkpoint.data.images,
        "classes": checkpoint.classes,
        "class_count": checkpoint.data.classes,
        "fingerprint": checkpoint.fingerprint and asdict(checkpoint.fingerprint),
        **reached(state),
        "taken": state.taken,
        "parts": parts(checkpoint.method),
    }
    means = {name: of_each.mean(dim=0) for name, of_each in statistics.items()}
    content = {
        "collapse_format": FORMAT,
        "metadata": json.dumps(metadata),
        "method": _in_rows(cast(nn.Module, checkpoint.method).state_dict()) | means,
        "optimizer": _in_rows(state.optimizer.state_dict()),
        "generator": state.generator.get_state(),
    }
    if checkpoint.observer:
        content["observer"] = checkpoint.observer.state_dict(rows=False)
    if state.part:
        total, opening, seconds = state.part.total, state.part.opening, state.part.seconds
        content["part"] = {"opening": opening, "total": total, "seconds": seconds, "statistics": statistics}
    with (
        whole(path) as draft,
        draft.open("wb") as file,
    ):  # of a path torch would not say why it cannot be written
        torch.save(content, file)


def _in_rows(values: Any) -> Any:
    """Dicts of tensors, each laid out as others expect it, however the training keeps it."""
    if isinstance(values, Tensor):
        return values.contiguous()
    return {name: _in_rows(value) for name, value in values.items()} if isinstance(values, dict) else values


def reached(state: State) -> dict[str, int]:
    """How far the training got: epochs completed, and of the one under way, if any, the steps done and all of them."""
    return {"epoch": state.epoch} | (
        {"step": state.part.step, "steps": state.part.steps} if state.part else {}
    )


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
    if not is_of_format(content):
        raise CollapseError(
            f"{path} is not a checkpoint of collapse", "give the checkpoint.pt that `collapse train` wrote"
        )
    try:
        with concerning(str(path)):
            return _rebuild(content, device)
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError, ArithmeticError) as error:
        first = str(error).strip().splitlines()
        raise Damaged(
            f"{path} is damaged ({type(error).__name__}: {first[0][:100] if first else ''})",
            "train the run again",
        ) from None


def _rebuild(content: Mapping[str, Any], device: torch.device | str) -> Checkpoint:
    metadata = metadata_of(content["metadata"])
    run = run_of(metadata)
    shape = cast(tuple[int, int, int], tuple(metadata["shape"]))
    count = metadata.get("class_count", len(metadata["classes"]))
    images = metadata.get("images", metadata.get("pictures", 0))  # an earlier version's name for them
    data = DataShape(shape, images, count)
    if largest(run, data) > budget():
        with torch.device("meta"):  # which allocates nothing, but needs modules that take long to import
            refuse_unlike(content["method"], cast(nn.Module, methods.build(run, data)).state_dict())
    method = methods.build(run, data)
    network = cast(nn.Module, method)
    refuse_unlike(content["method"], network.state_dict())
    network.to(device)
    network.load_state_dict(content["method"])
    state = start(method, run.training)
    refuse_odd_optimizer(content["optimizer"], state.parameters, run.training.optimizer)
    state.saved = deepcopy(content["optimizer"])  # the optimizer takes its tensors as its own
    state.epoch, steps = metadata["epoch"], per_epoch(images, run.training)
    state.taken = metadata.get("taken", state.epoch * steps)
    notes = (
        *_draws_go_on(state.generator, content["generator"]),
        *_restored(state, network, content, metadata),
    )
    normalisation = Normalisation(*(tuple(metadata["normalisation"][part]) for part in ("mean", "std")))
    seen = Fingerprint.read(metadata.get("fingerprint"))
    classes, observed = tuple(metadata["classes"]), content.get("observer")
    return Checkpoint(run, method, state, normalisation, data, classes, seen, notes, observed=observed)


def _draws_go_on(generator: torch.Generator, saved: Tensor) -> Iterator[str]:
    """The generator as it was; or a note that another kind of device draws otherwise."""
    if generator.get_state().shape == saved.shape:
        generator.set_state(saved)
    else:
        yield "the run was trained on another kind of device, and this one draws other orders and views"


def _restored(
    state: State, network: nn.Module, content: Mapping[str, Any], metadata: Mapping[str, Any]
) -> Iterator[str]:
    """The epoch that a checkpoint was saved within, if it was; and a note where so many processes cannot go on exactly."""
    steps = per_epoch(metadata.get("images", 0), state.settings)
    if state.settings.steps:
        steps = min(steps, state.settings.steps - state.taken)
    refuse_odd_part(content.get("part"), metadata, steps, statistics_of(network))
    if "part" not in content:
        return
    saved, here = content["part"], state.generator.get_state()
    opening = saved["opening"] if saved["opening"].shape == here.shape else here
    torch.Generator(state.generator.device).set_state(opening)  # raises RuntimeError for what is none
    total = saved["total"].to(state.parameters[0].device)
    state.part = Part(opening, steps, total, metadata["step"], saved["seconds"])
    statistics: Mapping[str, Tensor] = saved["statistics"]
    processes = max((len(of_each) for of_each in statistics.values()), default=0)
    if processes == world():
        network.load_state_dict({name: of_each[rank()] for name, of_each in statistics.items()}, strict=False)
    elif processes:
        yield (
            f"the run was stopped within an epoch of {processes} processes, each with batch statistics of its own, and goes on "
            f"with their mean in {world()}"
        )


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
    return words if words and zips.is_zip(path) else "it was not written by torch.save, or it is damaged"
