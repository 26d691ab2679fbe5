"""Folders that are one network: a config and its weights, in one file or in shards. Nothing here needs torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collapse_cli.errors import CollapseError
from collapse_cli.walks import Walk

CONFIGS = ("config.json", "open_clip_config.json", "modules.json")
"""Files of which one lies in every such folder: of Hugging Face and timm, of open_clip, of sentence-transformers."""

WEIGHTS = (
    "model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)
INDEX = ".index.json"
SHARD = re.compile(r"(.+)-\d{5}-of-(\d{5})(\.safetensors|\.bin)")

OF_HUGGING_FACE = ("config.json", "preprocessor_config.json", "processor_config.json")
"""What `facts` reads, unless the weights are open_clip's."""

LONE = (".safetensors", ".bin")
"""Ends of the names of files that are read with the configs beside them."""

FOR_PEOPLE = (".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".bmp", ".ico")
"""Ends of the names of files of which no network is made."""

UNREAD = ("tf_model.h5", "flax_model.msgpack", "model.onnx", "adapter_model.safetensors", "adapter_model.bin")
"""Weights of the same libraries that are not read."""


def is_at(path: Path) -> bool:
    """Whether a path is such a folder. Folders of runs are not."""
    if not path.is_dir() or (path / "checkpoint.pt").exists():
        return False
    return any((path / name).is_file() for name in CONFIGS) and _first(path) is not None


def refuse_without_weights(path: Path) -> None:
    """Raises CollapseError for a folder that would be a network, had it weights that are read."""
    if not any((path / name).is_file() for name in CONFIGS):
        snapshots = sorted(path.glob("snapshots/*")) if path.is_dir() else []
        if snapshots:
            raise CollapseError(
                f"{path} is a folder of a download cache, not the model itself", f"give {snapshots[-1]}"
            )
        return
    unread = [name for name in UNREAD if (path / name).is_file()]
    raise CollapseError(
        f"{path} has a config but no weights that are read"
        + (f", only {', '.join(unread)}" if unread else ""),
        f"its weights must be {WEIGHTS[0]} or {WEIGHTS[2]}, whole or in shards: save the whole model with "
        "model.save_pretrained(FOLDER)",
    )


def files(path: Path) -> tuple[Path, ...]:
    """The files of the weights, in the order of their names. Raises CollapseError where a shard is missing."""
    first = _first(path)
    if first is None:
        return ()
    if first.name.endswith(INDEX):
        names = sorted(set(index(first).values()))
    else:
        match = SHARD.fullmatch(first.name)
        count = int(match[2]) if match else 0
        names = (
            [f"{match[1]}-{n:05d}-of-{count:05d}{match[3]}" for n in range(1, count + 1)]
            if match
            else [first.name]
        )
    if missing := [name for name in names if not (first.parent / name).is_file()]:
        raise CollapseError(
            f"{path} is incomplete: {len(missing)} of its {len(names)} files of weights are missing: {', '.join(missing[:3])}",
            f"copy or download {'them' if len(missing) > 1 else missing[0]} into {first.parent}",
        )
    return tuple(first.parent / name for name in names)


def named(path: Path) -> Mapping[str, str]:
    """Every tensor that an index names, and its file; empty where there is no index."""
    first = _first(path)
    return index(first) if first is not None and first.name.endswith(INDEX) else {}


def index(file: Path) -> dict[str, str]:
    """Tensor -> file. Raises CollapseError for what is no such index, or leads out of the folder."""
    places = read_json(file).get("weight_map")
    if not isinstance(places, dict) or not places or not all(is_name(name) for name in places.values()):
        raise CollapseError(
            f"{file} is not an index of weights: it has no weight_map of names of files",
            "copy or download it again",
        )
    return {str(tensor): name for tensor, name in places.items()}


def facts(path: Path) -> dict[str, Any]:
    """What the configs in a folder say, the empty dict for those that are not there.

    config: of the network; processor: of its images; open_clip: of both, where the weights are open_clip's. Raises
    CollapseError for what is no JSON.
    """
    if _is_open_clip(path):
        return {"open_clip": read_json(path / "open_clip_config.json")}
    config, processor = (read_json(path / name) for name in ("config.json", "preprocessor_config.json"))
    within = read_json(path / "processor_config.json").get("image_processor")
    if not processor and isinstance(within, dict):
        processor = within
    parts = {"config": config, "processor": processor}
    architecture = config.get("architecture")
    return {name: part for name, part in parts.items() if part} | (
        {"arch": architecture} if architecture else {}
    )


def _is_open_clip(path: Path) -> bool:
    """Whether the weights that are read are those of open_clip's names; a folder may hold others beside them."""
    first = _first(path)
    alone = first is not None and not (path / "config.json").is_file()
    beside = (path / "open_clip_config.json").is_file()
    return beside and (alone or (first is not None and first.name.startswith("open_clip_")))


def refuse_shard(file: Path) -> None:
    """Raises CollapseError for one of the files of a network in shards."""
    match = SHARD.fullmatch(file.name)
    if match:
        raise CollapseError(
            f"{file} is one of {int(match[2])} files of a network", f"give their folder: {file.parent}"
        )


def described(path: Path) -> tuple[Path, ...]:
    """Every file of a folder that can change what is computed: weights, configs, vocabularies, in the folders below too."""
    below = (file for parts in Walk(path) if _counts(file := path.joinpath(*parts)) and file.is_file())
    return tuple(sorted({*files(path), *below}))


def _counts(file: Path) -> bool:
    """Whether it is no file that is for people."""
    return file.suffix.lower() not in FOR_PEOPLE


def beside(file: Path) -> tuple[Path, ...]:
    """The configs that are read with a file of weights alone."""
    if file.suffix not in LONE:
        return ()
    names = ("open_clip_config.json",) if _is_open_clip(file.parent) else OF_HUGGING_FACE
    return tuple(config for name in names if (config := file.parent / name).is_file())


def parsed(file: Path) -> Any:
    """What JSON in a file stands for. Raises CollapseError for what is none."""
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CollapseError(
            f"{file} cannot be read as JSON ({str(error)[:80]})", "copy or download it again"
        ) from None


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no file. Raises CollapseError for what is no JSON object."""
    if not file.is_file():
        return {}
    content = parsed(file)
    if not isinstance(content, dict):
        raise CollapseError(f"{file} is not a JSON object", "copy or download it again")
    return content


def _first(path: Path) -> Path | None:
    """The file of the weights, or their index, or one of the shards; safetensors before pickles."""
    for place in (path, *_inner(path)):
        for name in WEIGHTS:
            for file in (place / name, place / f"{name}{INDEX}"):
                if file.is_file():
                    return file
            stem, _, ending = name.rpartition(".")
            if shards := sorted(f for f in place.glob(f"{stem}-*.{ending}") if SHARD.fullmatch(f.name)):
                return shards[0]
    return None


def _inner(path: Path) -> list[Path]:
    """The folder of the first module of sentence-transformers, which may hold its weights."""
    file = path / "modules.json"
    try:
        modules = json.loads(file.read_text("utf-8")) if file.is_file() else []
        name = modules[0]["path"] if modules else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [path / name] if is_name(name) else []


def is_name(name: Any) -> bool:
    """Whether it names something in the same folder that is not hidden, and nothing outside of it."""
    plain = isinstance(name, str) and bool(name) and not name.startswith(".") and "\0" not in name
    return plain and Path(name).name == name
