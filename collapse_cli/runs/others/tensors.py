"""A file of somebody's weights -> named tensors, without running code from it; what is refused is named, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
from collapse_cli.runs.others.array_names import ASIDE, LEARNT, is_learnt
from collapse_cli.runs.others.refusals import refuse, refuse_code, refuse_objects
from collapse_cli.runs.reader import size
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Normalisation

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

COUNT_OF_AVERAGED = "n_averaged"  # which torch's AveragedModel keeps beside its weights
FLAT = ("_flat_param", "flat_param")  # ends of the names under which FSDP joins the parameters of a module


@dataclass(frozen=True)
class FileTensors:
    """What a file holds: tensors by name, in its order, and plain facts.

    tensors: named without what wrappers put in; written: those names as the file has them; where: the dicts that were opened,
    as `state_dict`; aside: names of those tensors that stood in dicts beside the opened one, as a projector may; unopened:
    names of other dicts of weights, as the last ones beside an average; facts: whatever else stood there and is no tensor;
    skipped: objects that only code can read, as `cfg (omegaconf.dictconfig.DictConfig)`.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    written: Mapping[str, str]
    where: str
    facts: Mapping[str, Any]
    aside: frozenset[str] = frozenset()
    unopened: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def averaged(self) -> bool:
        """Whether these are running averages of the weights."""
        return COUNT_OF_AVERAGED in self.tensors or any(name in AVERAGED for name in self.where.split("."))

    @property
    def epoch(self) -> int | None:
        """As the file counts; many count from 1, and many from 0."""
        meta = self.facts.get("meta")
        candidates = [self.facts.get("epoch"), meta.get("epoch") if isinstance(meta, Mapping) else None]
        return next((n for n in candidates if isinstance(n, int) and not isinstance(n, bool)), None)

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
    wrapping = _unwrapped(content, averaged)
    inner = dict(_flat(wrapping.inner))
    written = {**inner, **{name: tensor for name, tensor in _flat(wrapping.beside) if name not in inner}}
    if not is_learnt({name: tensor for name, tensor in inner.items() if tensor.ndim > 1}):
        refuse_objects(path, whole, empty=not inner)
    if not inner:
        held = ", ".join(map(str, list(content)[:6]))
        raise CollapseError(
            f"{path} contains no weights, " + (f"only {held}" if held else "it is an empty dict"),
            "give the file to which the model's state_dict was saved",
        )
    _refuse_flat(path, inner)
    theirs = dict(zip(_clean(list(inner)) + _clean(list(written)[len(inner) :]), written, strict=True))
    return FileTensors(
        path,
        {ours: written[name] for ours, name in theirs.items()},
        theirs,
        ".".join(wrapping.opened),
        facts,
        frozenset(ours for ours, name in theirs.items() if name not in inner),
        wrapping.unopened,
        _skipped(whole),
    )


def _refuse_flat(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raises CollapseError for what FSDP has joined to one row of numbers for each module: the shapes are not in the file."""
    if any(name.endswith(FLAT) for name in tensors):
        raise CollapseError(
            f"{path} holds the flat parameters of FSDP, which tell neither names nor shapes",
            "save it with StateDictType.FULL_STATE_DICT, or with torch.distributed.checkpoint.state_dict.get_model_state_dict",
        )


def _clean(names: list[str]) -> list[str]:
    """Without what wrappers put in, nor a `model.` that all begin with."""
    cleaned = [".".join(part for part in name.split(".") if part not in WRAPPED) for name in names]
    while cleaned and all(name.startswith("model.") for name in cleaned):
        cleaned = [name.removeprefix("model.") for name in cleaned]
    return cleaned


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
    elif source.path.suffix in (".safetensors", ".bin"):
        with suppress(CollapseError):
            facts = weight_folders.facts(source.path.parent)
    return {**facts, **open_clip_configs.facts(facts.get("open_clip", {}))}


@dataclass(frozen=True)
class Wrapping:
    """opened: names of the dicts on the way to the weights; inner: the innermost; beside: other dicts of weights and tensors that
    stood beside those; unopened: names of dicts that wrap the same weights at another time."""

    opened: tuple[str, ...]
    inner: Mapping[str, Any]
    beside: Mapping[str, Any]
    unopened: tuple[str, ...]


def _unwrapped(content: Mapping[str, Any], averaged: bool) -> Wrapping:
    """The innermost dict that holds all weights. averaged: whether averages of them come before the last ones."""
    opened: list[str] = []
    beside: dict[str, Any] = {}
    unopened: list[str] = []
    names = [name for name in WRAPPERS if averaged or name not in AVERAGED]
    while not any(isinstance(value, Tensor) and str(n).endswith(LEARNT) for n, value in content.items()):
        wrappers = [n for n in WRAPPERS if isinstance(content.get(n), Mapping) and any(_flat(content[n]))]
        name = next((n for n in names if n in wrappers), None)
        if name is None:
            break
        opened.append(name)
        unopened += [other for other in wrappers if other != name]
        beside |= {n: value for n, value in content.items() if n not in wrappers}
        content = content[name]
    return Wrapping(tuple(opened), content, beside, tuple(unopened))


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor by its path, but for those of optimizers and the like."""
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield f"{before}{name}", value
        elif isinstance(value, Mapping) and not ASIDE.search(str(name)) and "param_groups" not in value:
            yield from _flat(value, f"{before}{name}.")
