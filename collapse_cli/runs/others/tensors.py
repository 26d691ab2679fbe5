"""A file of somebody's weights -> named tensors, without running code from it; what is refused is named, with the remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from collapse_cli.errors import CollapseError
from collapse_cli.runs.checkpoint import content_of
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
        """That of the images, where a config.json of timm tells it."""
        config = self.facts.get("config")
        stated = config.get("pretrained_cfg") if isinstance(config, Mapping) else None
        parts = [stated.get(part) for part in ("mean", "std")] if isinstance(stated, Mapping) else []
        mean, std = (tuple(part) if isinstance(part, list) else () for part in (*parts, None, None)[:2])
        return Normalisation(mean, std) if mean and len(mean) == len(std) else None


def hold(place: Path | Source, averaged: bool = True) -> FileTensors:
    """The tensors of a file. averaged: where there are an average of the weights and the last ones, the average.

    Raises CollapseError for what cannot be read without running code, and for what holds no tensors.
    """
    source = Source.at(place)
    path, content = source.path, dict(_read(source))
    refuse(path, content)
    facts = {
        **_config(path),
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


def _there(path: Path) -> None:
    if path.is_dir():
        raise CollapseError(f"{path} is a folder", "give a file of weights")
    if size(path) == 0:
        raise CollapseError(f"{path} is empty", "copy or download it again")


def _read(source: Source) -> Mapping[str, Any]:
    """The dict that torch.save or safetensors wrote."""
    _there(source.path)
    refuse_code(source.path)
    try:
        return content_of(source)
    except Unreadable as error:
        raise blocked(source.path, error) or error from None


def _config(path: Path) -> dict[str, Any]:
    """What a Hugging Face config.json beside the file says."""
    file = path.with_name("config.json")
    try:
        config = json.loads(file.read_text()) if path.suffix in (".safetensors", ".bin") else {}
    except (OSError, ValueError):
        return {}
    if not isinstance(config, dict):
        return {}
    return {"config": config, **({"arch": config["architecture"]} if "architecture" in config else {})}


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
