"""Folders that hold embeddings: shards of .npy, files of parquet, what `datasets` saves. What else they may be is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from collapse_cli.errors import CollapseError
from collapse_cli.runs import shards

Kind = Literal["npy", "parquet", "dataset", "splits", "clip", ""]

SHARD = re.compile(r"(.+?)-\d+-of-\d+")
WORD = re.compile(r"(train|test|validation|valid|val|dev|eval)(?![a-z])")
CLIP = ("img_emb", "text_emb")
"""The folders in which clip-retrieval keeps its two sets."""


def kind(path: Path) -> Kind:
    """What embeddings a folder holds, or the files of a split that a path names, as DIR/train; empty where there are none."""
    if not path.is_dir():
        return "parquet" if not path.exists() and _of_split(path) else ""
    if shards.shards_in(path):
        return "npy"
    if (path / "dataset_dict.json").is_file():
        return "splits"
    if (path / "state.json").is_file() and (path / "dataset_info.json").is_file():
        return "dataset"
    if _parquets(path):
        return "parquet"
    return "clip" if any((path / name).is_dir() for name in CLIP) else ""


def files(path: Path) -> list[Path]:
    """The files that are read of it, in their order."""
    found = kind(path)
    if found == "dataset":
        return [path / "state.json", *sorted(path.glob("*.arrow"))]
    return parquets(path) if found == "parquet" else shards.shards_in(path)


def parquets(path: Path) -> list[Path]:
    """The parquet files of a folder, or of its folder `data`; those of one split. Raises CollapseError for several splits."""
    if not path.is_dir():
        return _of_split(path)
    found = _parquets(path)
    splits: dict[str, list[Path]] = {}
    for file in found:
        splits.setdefault(_split(file), []).append(file)
    if len(splits) > 1:
        ways = [str(part[0] if len(part) == 1 else part[0].with_name(name)) for name, part in splits.items()]
        raise _several(path, list(splits), ways)
    return found


def refuse(path: Path, found: Kind) -> CollapseError:
    """A folder that holds several sets: which, and how to give one."""
    if found == "splits":
        names = sorted(part.name for part in path.iterdir() if (part / "state.json").is_file())
        return _several(path, names, [str(path / name) for name in names])
    both = [str(path / name) for name in CLIP if (path / name).is_dir()]
    pair = f"; in pairs: collapse alignment {' '.join(both)} --pair" if len(both) > 1 else ""
    return CollapseError(
        f"{path} is of clip-retrieval, and holds the sets {' and '.join(Path(one).name for one in both)}",
        f"collapse diagnose {' '.join(both)}{pair}",
    )


def _several(path: Path, names: list[str], ways: list[str]) -> CollapseError:
    """The remedy is a path for each."""
    return CollapseError(
        f"{path} holds the splits {', '.join(names)}",
        f"give one of them: {' or '.join(ways) or 'its folder'}",
    )


def _parquets(folder: Path) -> list[Path]:
    for place in (folder, folder / "data"):
        found = sorted(file for file in place.glob("*.parquet") if not file.name.startswith((".", "_")))
        if found:
            return found
    return []


def _split(file: Path) -> str:
    """`train` of train-00000-of-00002.parquet and of train.parquet; empty where a name tells none."""
    told = SHARD.fullmatch(file.stem) or WORD.match(file.stem)
    return told[1] if told else ""


def _of_split(path: Path) -> list[Path]:
    """The files of DIR/train, which is no folder."""
    return [
        file for file in _parquets(path.parent) if file.parent == path.parent and _split(file) == path.name
    ]
