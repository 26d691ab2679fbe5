"""A file of somebody's weights -> named tensors, without running code from it; what is refused is named, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs import weight_folders
from collapse_cli.runs.checkpoint import content_of
from collapse_cli.runs.inert import inside
from collapse_cli.runs.others import image_configs, open_clip_configs
from collapse_cli.runs.others.array_names import is_learnt
from collapse_cli.runs.others.refusals import refuse, refuse_code, refuse_objects
from collapse_cli.runs.others.unwrapping import AVERAGED, cleaned, dropped, flat, unwrapped
from collapse_cli.runs.reader import size
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Normalisation

COUNT_OF_AVERAGED = "n_averaged"  # which torch's AveragedModel keeps beside its weights
MOST_EPOCHS = 1 << 62  # a larger number counts none
FLAT = ("_flat_param", "flat_param")  # ends of the names under which FSDP joins the parameters of a module


@dataclass(frozen=True)
class FileTensors:
    """What a file holds: tensors by name, in its order, and plain facts.

    tensors: named without what wrappers put in; written: those names as the file has them; where: the dicts that were opened,
    as `state_dict`; aside: names of those tensors that stood in dicts beside the opened one, as a projector may; unopened:
    names of other dicts of weights, as the last ones beside an average; facts: whatever else stood there and is no tensor;
    skipped: objects that only code can read, as `cfg (omegaconf.dictconfig.DictConfig)`; dropped: dicts with matrices that were
    left out as state of the training, by their names.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    written: Mapping[str, str]
    where: str
    facts: Mapping[str, Any]
    aside: frozenset[str] = frozenset()
    unopened: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def averaged(self) -> bool:
        """Whether these are running averages of the weights."""
        return COUNT_OF_AVERAGED in self.tensors or any(name in AVERAGED for name in self.where.split("."))

    @property
    def epoch(self) -> int | None:
        """As the file counts; many count from 1, and many from 0."""
        meta = self.facts.get("meta")
        candidates = [self.facts.get("epoch"), meta.get("epoch") if isinstance(meta, Mapping) else None]
        return next((n for n in candidates if type(n) is int and abs(n) < MOST_EPOCHS), None)

    @property
    def arch(self) -> str:
        """The architecture as the file or the config.json beside it names it, or nothing."""
        args = self.facts.get("args")
        candidates = (self.facts.get("arch"), getattr(args, "arch", None), getattr(args, "model", None))
        return next((name for name in candidates if isinstance(name, str)), "")

    @property
    def normalisation(self) -> Normalisation | None:
        """That of the images, where a config of timm, open_clip or Hugging Face tells it."""
        return image_configs.normalisation(self.facts)


def hold(place: Path | Source, averaged: bool = True) -> FileTensors:
    """The tensors of a file. averaged: where there are an average of the weights and the last ones, the average.

    Raises CollapseError for what cannot be read without running code, and for what holds no tensors.
    """
    source = Source.at(place)
    path, whole = source.path, _read(source)
    content = dict(whole)
    refuse(path, content)
    facts = {
        **_config(source),
        **{k: v for k, v in content.items() if not isinstance(v, Tensor | dict) or k == "meta"},
    }
    wrapping = unwrapped(content, averaged)
    inner = dict(flat(wrapping.inner))
    written = {**inner, **{name: tensor for name, tensor in flat(wrapping.beside) if name not in inner}}
    if not is_learnt({name: tensor for name, tensor in inner.items() if tensor.ndim > 1}):
        refuse_objects(path, whole, empty=not inner)
    if not inner:
        held = ", ".join(map(str, list(content)[:6]))
        raise CollapseError(
            f"{path} contains no weights, " + (f"only {held}" if held else "it is an empty dict"),
            "give the file to which the model's state_dict was saved",
        )
    _refuse_flat(path, inner)
    pairs = list(zip(cleaned(list(inner)) + cleaned(list(written)[len(inner) :]), written, strict=True))
    theirs = dict(pairs)
    _refuse_same(path, pairs, theirs, written)
    return FileTensors(
        path,
        {ours: written[name] for ours, name in theirs.items()},
        theirs,
        ".".join(wrapping.opened),
        facts,
        frozenset(ours for ours, name in theirs.items() if name not in inner),
        wrapping.unopened,
        _skipped(whole),
        tuple(dropped(content)),
    )


def _refuse_same(
    path: Path, pairs: list[tuple[str, str]], theirs: Mapping[str, str], written: Mapping[str, Tensor]
) -> None:
    """Raises CollapseError where two weights differ in what wrappers put into their names alone, and are not one weight."""
    for ours, name in pairs:
        other = theirs[ours]
        if other != name and written[other] is not written[name]:
            raise CollapseError(
                f"{path} holds {name} and {other}, which differ only in what a wrapper puts into a name",
                "save one of the two networks alone",
            )


def _refuse_flat(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises CollapseError for what FSDP has joined to one row of numbers for each module: the shapes are not in the file."""
    if any(name.endswith(FLAT) for name in tensors):
        raise CollapseError(
            f"{path} holds the flat parameters of FSDP, which tell neither names nor shapes",
            "save it with StateDictType.FULL_STATE_DICT, or with torch.distributed.checkpoint.state_dict.get_model_state_dict",
        )


def _there(source: Source) -> None:
    path = source.path
    if source.is_network:
        return
    weight_folders.refuse_shard(path)
    if path.is_dir():
        raise CollapseError(f"{path} is a folder", "give a file of weights")
    if size(path) == 0:
        raise CollapseError(f"{path} is empty", "copy or download it again")


def _read(source: Source) -> Mapping[str, Any]:
    """The dict that torch.save or safetensors wrote."""
    _there(source)
    refuse_code(source.path)
    return content_of(source)


def _skipped(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Each object with its name in the file, where no tensor of it was read."""
    objects = ((place.removeprefix("c"), inert) for place, inert in inside(content))
    return tuple(f"{_as_name(place)} ({inert.name})" for place, inert in objects if place and not inert)


def _as_name(place: str) -> str:
    """`['args'].cfg` as `args.cfg`."""
    return re.sub(r"\[['\"]?(.*?)['\"]?\]", r".\1", place).removeprefix(".")


def _config(source: Source) -> dict[str, Any]:
    """What the configs say that lie in a folder, or beside a file of weights; beside a file others may lie too."""
    facts: dict[str, Any] = {}
    if source.is_network:
        facts = weight_folders.facts(source.path)
    elif source.path.suffix in weight_folders.LONE:
        with suppress(CollapseError):
            facts = weight_folders.facts(source.path.parent)
    return {**facts, **open_clip_configs.facts(facts.get("open_clip", {}))}
