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
from collapse_cli.runs.others import image_configs, open_clip_configs
from collapse_cli.runs.others.array_names import LEARNT
from collapse_cli.runs.others.refusals import blocked, refuse, refuse_code
from collapse_cli.runs.reader import Unreadable, size
from collapse_cli.runs.source import Source
from collapse_cli.shapes import Normalisation

AVERAGED = ("state_dict_ema", "model_ema", "ema_state_dict")
WRAPPERS = (*AVERAGED, "classy_state_dict", "base_model", "state_dict", "model_state_dict", "model", "net")
"""Dicts that only wrap the weights, in the order in which they are opened."""

WRAPPED = ("module", "_orig_mod")
"""Parts of names that DistributedDataParallel and torch.compile put in, wherever they stand."""

ASIDE = re.compile(r"optim|sched|scaler|callback|loops|rng|hyper_param|param_groups|_loss$|^loss$")
"""Names of dicts whose tensors are no weights."""


@dataclass(frozen=True)
class FileTensors:
    """What a file holds: tensors by name, in its order, and plain facts.

    tensors: named without `module` and `_orig_mod`; written: those names as the file has them; where: the dicts that were
    opened, as `state_dict`; facts: whatever else stood beside them and is no tensor.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    written: Mapping[str, str]
    where: str
    facts: Mapping[str, Any]

    @property
    def averaged(self) -> bool:
        """Whether these are running averages of the weights."""
        return any(name in AVERAGED for name in self.where.split("."))

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
    path, content = source.path, dict(_read(source))
    refuse(path, content)
    facts = {
        **_config(source),
        **{k: v for k, v in content.items() if not isinstance(v, Tensor | dict) or k == "meta"},
    }
    opened, inner = _unwrapped(content, averaged)
    written = dict(_flat(inner))
    if not written:
        held = ", ".join(map(str, list(content)[:6]))
        raise CollapseError(
            f"{path} contains no weights, " + (f"only {held}" if held else "it is an empty dict"),
            "give the file to which the model's state_dict was saved",
        )
    theirs = dict(zip(_clean(list(written)), written, strict=True))
    return FileTensors(
        path, {ours: written[name] for ours, name in theirs.items()}, theirs, ".".join(opened), facts
    )


def _clean(names: list[str]) -> list[str]:
    """Without what wrappers put in, nor a `model.` that all begin with."""
    cleaned = [".".join(part for part in name.split(".") if part not in WRAPPED) for name in names]
    while all(name.startswith("model.") for name in cleaned):
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
    try:
        return content_of(source)
    except Unreadable as error:
        raise blocked(source.path, error) or error from None


def _config(source: Source) -> dict[str, Any]:
    """What the configs say that lie in a folder, or beside a file of weights; beside a file others may lie too."""
    facts: dict[str, Any] = {}
    if source.is_network:
        facts = weight_folders.facts(source.path)
    elif source.path.suffix in (".safetensors", ".bin"):
        with suppress(CollapseError):
            facts = weight_folders.facts(source.path.parent)
    return {**facts, **open_clip_configs.facts(facts.get("open_clip", {}))}


def _unwrapped(content: Mapping[str, Any], averaged: bool) -> tuple[list[str], Mapping[str, Any]]:
    """The innermost dict that holds all weights, and the names of those opened on the way."""
    opened: list[str] = []
    while not any(isinstance(value, Tensor) and str(n).endswith(LEARNT) for n, value in content.items()):
        names = [name for name in WRAPPERS if averaged or name not in AVERAGED]
        name = next(
            (n for n in names if isinstance(content.get(n), Mapping) and any(_flat(content[n]))), None
        )
        if name is None:
            break
        opened.append(name)
        content = content[name]
    return opened, content


def _flat(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor by its path, but for those of optimizers and the like."""
    for name, value in content.items():
        if isinstance(value, Tensor):
            yield f"{before}{name}", value
        elif isinstance(value, Mapping) and not ASIDE.search(str(name)):
            yield from _flat(value, f"{before}{name}.")
